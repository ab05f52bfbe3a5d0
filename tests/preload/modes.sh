#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# MAPHERD_MODE=observe: a program's system calls are those that it makes alone. MAPHERD_MODE=limit: the maps are
# herded, and the disk, msync and SIGBUS are left alone.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
command -v strace >/dev/null || skip "no strace"
chunks="$TESTS_BIN/tests/preload/chunks"
work=$scratch/data

# What Python's mmap does with one file: holes, msync, advice, mremap.
cat >"$scratch/calls.py" <<'EOF'
import mmap, os, sys
file = open(sys.argv[1], "w+b", buffering=0)
file.truncate(1 << 24)
maps = [mmap.mmap(file.fileno(), 1 << 16, offset=n << 16) for n in range(100)]
for m in maps:
    m[4096] = 1
    m.flush()
maps[0].madvise(mmap.MADV_RANDOM)
maps[1].resize(1 << 17)
maps[2].close()
anonymous = mmap.mmap(-1, 1 << 20)
anonymous.resize(1 << 21)
os._exit(0)
EOF

# trace NAME PROGRAM...: runs it with a file to map. $scratch/NAME has its calls, the output is in $scratch/out.
trace() {
	into=$scratch/$1
	shift
	rm -rf "$work"
	mkdir "$work"
	strace -f -o "$into" "$@" >"$scratch/out" 2>&1 || fail "$into: $*: $(cat "$scratch/out")"
	grep -q "$work" "$into" || fail "$into: no call was seen: $(head -n 3 "$into")"
}

# calls NAME: from the first open in the work folder on, without what differs from run to run: addresses, process
# what /proc/self/maps says, and so what is printed of it. What the library asks for itself: the time, its process,
# and the growth of its own memory, which lies where $2 says.
calls() {
	sed -n "\\;^[0-9]* *openat(.*\"$work;,\$p" "$scratch/$1" | grep -v -e ' clock_gettime(' -e ' get[pt]id()' -e "(0x$2" -e 'write(1, ' |
		sed -E -e '/read\([0-9]+, "[0-9a-f]+-/d' -e '/read\([0-9]+, "", /d' -e 's/^[0-9]+ +//' -e 's/0x[0-9a-f]+/ADDRESS/g' \
			-e 's/ = [0-9]{3,}$/ = NUMBER/' >"$scratch/calls"
	[ "$(wc -l <"$scratch/calls")" -gt 200 ] || fail "$1: few calls were seen: $(cat "$scratch/calls")"
}

# own NAME: how the addresses begin of the memory that the library has for itself.
own() {
	sed -n 's/^[0-9]* *mmap(0x\([0-9a-f]*\)[0-9a-f]\{8\}, [0-9]*, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, .*/\1/p' \
		"$scratch/$1" | head -n 1
}

# observed PROGRAM...: it makes the same calls. The record file is the library's: there is none.
observed() {
	trace alone "$@"
	calls alone -
	mv "$scratch/calls" "$scratch/calls.alone"
	trace observe env MAPHERD_DIR=off MAPHERD_MODE=observe LD_PRELOAD="$MAPHERD_LIB" "$@"
	grep -q 'libmapherd\.so.* = 3' "$scratch/observe" || fail "the library was not in it"
	calls observe "$(own observe)"
	diff "$scratch/calls.alone" "$scratch/calls" >"$scratch/diff" || fail "$1: other calls: $(head -n 20 "$scratch/diff")"
	trace herded env MAPHERD_DIR=off LD_PRELOAD="$MAPHERD_LIB" "$@"
	calls herded "$(own herded)"
	! cmp -s "$scratch/calls.alone" "$scratch/calls" || fail "$1: herding is not seen either"
}
observed "$chunks" "$work/file" 300 65536 growing closed shared 3
export PYTHONHASHSEED=0
observed python3 "$scratch/calls.py" "$work/file"
say "observe: the calls are those of the program alone"

# It says what it would do, once for each level on the way to the limit.
limit=$(cat /proc/sys/vm/max_map_count)
if [ "$limit" -le 200000 ]; then
mkdir "$scratch/files"
MAPHERD_MODE=observe MAPHERD_LOG_LEVEL=info MAPHERD_LOG=$scratch/log LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/limit" \
	"$scratch/files" - 1 0 0 0 >"$scratch/out" || fail "limit: status $?: $(cat "$scratch/out")"
for level in raised high full; do
	[ "$(grep -c "MAPHERD_MODE=observe changes nothing; else at the pressure $level " "$scratch/log")" = 1 ] ||
		fail "what would be done at the level $level is not said once: $(cat "$scratch/log")"
done
! grep -q "MAPHERD_MODE=observe changes nothing; else at the pressure calm" "$scratch/log" || fail "nothing would be done when it is calm"
MAPHERD_MODE=observe MAPHERD_OPTIONS=guards=off:coalesce=off:reserve=0 MAPHERD_LOG_LEVEL=info MAPHERD_LOG=$scratch/none LD_PRELOAD="$MAPHERD_LIB" \
	"$TESTS_BIN/tests/preload/limit" "$scratch/files" - 1 0 0 0 >"$scratch/out" || fail "limit: status $?: $(cat "$scratch/out")"
! grep "changes nothing; else" "$scratch/none" || fail "what the options forbid is foretold"
say "observe: it says what it would do"
else
	say "not shown here: what observe says (vm.max_map_count is $limit)"
fi

# limited: what the library does with MAPHERD_MODE=limit, and the settings before it.
limited() {
	trace limited env MAPHERD_DIR=off MAPHERD_MODE=limit LD_PRELOAD="$MAPHERD_LIB" "$@"
}
limited python3 "$scratch/calls.py" "$work/file"
! grep -E 'fallocate\(|fcntl\([0-9]+, F_SETLEASE|sigaction\(SIGBUS, \{' "$scratch/limited" ||
	fail "limit: the disk or SIGBUS is not left alone"
[ "$(grep -c ' msync(ADDRESS\| msync(0x[0-9a-f]*, 65536, MS_SYNC)' "$scratch/limited")" = 100 ] || fail "limit: msync is not as called"
trace herded env MAPHERD_DIR=off LD_PRELOAD="$MAPHERD_LIB" python3 "$scratch/calls.py" "$work/file"
grep -q 'sigaction(SIGBUS, {' "$scratch/herded" || fail "without limit, SIGBUS is left alone too"
limited "$chunks" "$work/file" 300 65536 ascending one shared 3
grown=$(sed -n 's/.* grown=\([0-9]*\).*/\1/p' "$scratch/out")
[ "$grown" -lt 50 ] || fail "limit: $grown maps for 300 chunks: $(cat "$scratch/out")"
say "limit: the maps are herded, the disk, msync and SIGBUS are left alone"
