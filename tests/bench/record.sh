#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# make bench, the record: what it costs that there is one, and what it costs that mappings are
# recorded; beside it what is used today for the same question. In pairs, as in bench.sh.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/bench/judge.sh
. "$(dirname "$0")/judge.sh"
bench=$TESTS_BIN/tests/bench/record
pairs=${BENCH_PAIRS:-20}
records=$scratch/records
mkdir "$records"

# first and second: what to run, each one number on stdout.
compare() {
	row=$1 word=$2 goal=$3 unit=$4
	: >"$scratch/bare"
	: >"$scratch/preloaded"
	n=0
	while [ $((n += 1)) -le "$pairs" ]; do
		[ $((n % 2)) = 0 ] || first >>"$scratch/bare" || fail "$row"
		second >>"$scratch/preloaded" || fail "$row"
		[ $((n % 2)) = 1 ] || first >>"$scratch/bare" || fail "$row"
	done
	judge "$word" "$goal" "$unit"
}
recorded() { LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS=on MAPHERD_STACK_DEPTH=16 MAPHERD_DIR="/dev/shm/mapherd-bench-$$-%p" "$@"; }
later "rm -f /dev/shm/mapherd-bench-$$-*"

# Milliseconds on the wall.
wall() {
	began=$(date +%s%N)
	"$@" >/dev/null 2>"$scratch/err" || return 1
	echo $((($(date +%s%N) - began) / 1000000))
}

printf '\n%-50s %11s %11s %-3s %7s  %-16s %-8s %s\n' "" without with "" "" quartiles goal ""
first() { MAPHERD_DIR=off preloaded "$bench" pair; }
second() { preloaded "$bench" pair; }
compare "mmap + munmap: no record, a record" ratio 1.02 ns
first() { preloaded "$bench" deep; }
second() { recorded "$bench" deep; }
compare "mmap + munmap, 16 calls deep: not recorded, recorded" added 1000 ns
rm -f /dev/shm/mapherd-bench-$$-*

row="memory for 100,000 recorded mappings"
recorded "$bench" sites 100000 1000
size=$(du -k /dev/shm/mapherd-bench-$$-* | sort -n | tail -n 1 | cut -f1)
rm -f /dev/shm/mapherd-bench-$$-*
echo 0 >"$scratch/bare"
echo "$size" >"$scratch/preloaded"
judge added 16384 KiB

# The goal, 3 s, stands on the left.
recorded "$bench" sites 200000 1000
record=$(ls /dev/shm/mapherd-bench-$$-*)
pairs=5
first() { echo 3000; }
second() { wall "$MAPHERD" leaks "$record"; }
compare "200,000 mappings, 1,000 stacks: mapherd leaks" ratio 1 ms
second() { wall "$MAPHERD" leaks --folded "$record"; }
compare "... mapherd leaks --folded" ratio 1 ms
second() { wall "$MAPHERD" report "$record" -o "$scratch/x.html"; }
compare "... mapherd report" ratio 1 ms
rm -f "$record"

pairs=7
for home in $(jdks); do
	"$home/bin/javac" -d "$scratch" "$(dirname "$0")/Mappings.java"
	java() { "$home/bin/java" -cp "$scratch" Mappings "$scratch/file" 20000; }
	first() { LD_PRELOAD="$MAPHERD_LIB" java; }
	second() {
		LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS=on MAPHERD_DIR="/dev/shm/mapherd-bench-$$-%p" java
		rm -f /dev/shm/mapherd-bench-$$-*
	}
	compare "FileChannel.map, $(basename "$home")" added - ns
done

# What is used today for "who maps this", on the wall.
pairs=3
first() { wall "$bench" deep 3000; }
second() { wall recorded "$bench" deep 3000; }
compare "3,000 pairs 16 calls deep: bare, MAPHERD_LEAKS=on" ratio - ms
rm -f /dev/shm/mapherd-bench-$$-*

# beside TOOL COMMAND...: the same under a tool, if it runs here.
beside() {
	tool=$1
	shift
	command -v "$tool" >/dev/null || { say "not measured: $tool is not installed"; return; }
	if ! timeout 120 "$@" >"$scratch/out" 2>&1; then
		say "not measured: $tool does not run here: $(head -n 1 "$scratch/out")"
		return
	fi
	command=$*
	second() { eval "wall $command"; }
	compare "... bare, $tool" ratio - ms
}
pairs=1
# bpftrace takes its program and what to run as one word each.
cat >"$scratch/probe" <<-END
	#!/bin/sh
	exec bpftrace -e 'tracepoint:syscalls:sys_enter_mmap { @[ustack] = count(); }' -c '$bench deep 3000'
END
chmod +x "$scratch/probe"
beside strace strace -f -k -e trace=mmap,munmap -o "$scratch/trace" "$bench" deep 3000
beside perf perf trace -e mmap,munmap --call-graph dwarf -o "$scratch/trace" "$bench" deep 3000
beside bpftrace "$scratch/probe"
