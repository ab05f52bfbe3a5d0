#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Every refusal is explained by its cause: once however often it comes, with the numbers that the
# program itself finds in /proc, and with what to type. Where nothing is short, nothing is said.
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/explain"
log="$scratch/log"
mkdir "$scratch/files"
told=0
left=""
page=$(getconf PAGESIZE)

# refused CAUSE ERRNO [VARIABLE=VALUE...]: runs the cause 30 times; its one line is in $line, or 1
# is returned where it cannot be had here.
refused() {
	cause=$1
	errno=$2
	shift 2
	: >"$log"
	env "$@" MAPHERD_LOG="$log" LD_PRELOAD="$MAPHERD_LIB" \
		"$program" "$cause" 30 "$scratch/files" >"$scratch/out" 2>"$scratch/err" ||
		fail "$cause: status $?: $(cat "$scratch/err")"
	[ ! -s "$scratch/err" ] || fail "$cause: something on stderr: $(cat "$scratch/err")"
	grep -q '^library 1$' "$scratch/out" || fail "$cause: the library is not in the program"
	if grep '^not here: ' "$scratch/out"; then
		left="$left $cause"
		return 1
	fi
	[ "$(number errno)" = "$errno" ] || fail "$cause: errno $(number errno), not $errno"
	line=$(grep ' failed' "$log" || true)
	told=$((told + 1))
	[ "$(printf '%s\n' "$line" | wc -l)" = 1 ] || fail "$cause: more than one line: $line"
}

# What the program found: the number of that name.
number() { sed -n "s/^$1 //p" "$scratch/out"; }

# The line has this text.
says() {
	case $line in
	*"$1"*) ;;
	*) fail "$cause: '$line' lacks '$1'" ;;
	esac
}

# near A B DISTANCE
near() { [ $(($1 - $2)) -le "$3" ] && [ $(($2 - $1)) -le "$3" ]; }

# process_limit NAME FIELD LETTER UNIT CALL: what the line says of a limit of the process.
process_limit() {
	says "$5"
	says " failed: $1 allows $(number limit) KiB of "
	says "and the process has $(number used) KiB ($2 in /proc/self/status)"
	[ "$(number len)" = 0 ] && return
	# In whole pages.
	wanted=$(($(number used) + ($(number len) + page - 1) / page * page / 1024))
	says ", $((wanted - $(number limit))) KiB too much with this call; "
	says "ulimit -$3 $wanted or more"
	says "$4=infinity"
}

refused as 12
process_limit RLIMIT_AS VmSize v LimitAS "warning: mmap of $(number len) bytes"
refused as-mremap 12
process_limit RLIMIT_AS VmSize v LimitAS "mremap of $(number len) bytes"
refused data 12
process_limit RLIMIT_DATA VmData d LimitDATA "mmap of $(number len) bytes"
refused data-mprotect 12
process_limit RLIMIT_DATA VmData d LimitDATA "mprotect of $(number len) bytes"
refused lock-mmap 11
process_limit RLIMIT_MEMLOCK VmLck l LimitMEMLOCK "mmap of $(number len) bytes"
refused lock-mlock 12
process_limit RLIMIT_MEMLOCK VmLck l LimitMEMLOCK "mlock of $(number len) bytes"
refused lock-mlockall 12
process_limit RLIMIT_MEMLOCK VmLck l LimitMEMLOCK "mlockall failed"
refused lock-none 1
process_limit RLIMIT_MEMLOCK VmLck l LimitMEMLOCK "mlock of $(number len) bytes"

if refused overcommit 12; then
	says "mmap of $(number len) bytes failed: vm.overcommit_memory = 0 "
	says " MemTotal + SwapTotal = $(number all) KiB (/proc/meminfo)"
	says "sysctl -w vm.overcommit_memory=1"
fi
# What JVMs and databases try first, to do without it where it fails, warns nobody.
refused huge 12 MAPHERD_LOG_LEVEL=warning || true
[ -z "$line" ] || fail "a probe for huge pages is a warning: $line"
told=$((told - 1))
refused huge 12 MAPHERD_LOG_LEVEL=info
says ": info: "
says "it wants $(number wanted) huge pages of $(number page) KiB, and of $(number total) in the pool"
says " $(number free) are free and $(number taken) of those reserved (/proc/meminfo)"
says "sysctl -w vm.nr_hugepages=$(number enough)"
if refused huge-other 12 MAPHERD_LOG_LEVEL=info; then
	says "it wants 1000 huge pages of $(number page) KiB, and of "
	says "/sys/kernel/mm/hugepages/hugepages-$(number page)kB/nr_hugepages"
fi

# Larger than all of it: whatever else would forbid it, too.
refused space 12
says "mmap of $(number len) bytes failed: the whole address space of a process has "

refused gap 12
says "no free range of the address space is as large: the largest one has "
gap=$(printf '%s\n' "$line" | sed -n 's/.* has \([0-9]*\) bytes (.*/\1/p')
# The program reads its list some maps of libc's stdio earlier or later.
near "$gap" "$(number gap)" 1048576 ||
	fail "the largest gap is $gap in the log, $(number gap) to the program"

refused maps 12
max=$(cat /proc/sys/vm/max_map_count)
maps=$(number maps)
near "$maps" "$max" 1 || fail "refused at $maps maps of $max"
says "error: mmap of 4096 bytes failed: the process has $max maps, all that vm.max_map_count = $max"
says " are of anonymous memory, $(number dvd) of *.dvd (deleted) under $(cd "$scratch/files" && pwd -P)"
advised=$(printf '%s\n' "$line" | sed -n 's/.*sysctl -w vm.max_map_count=\([0-9]*\)\>.*/\1/p')
least=$((2 * max > 1048576 ? 2 * max : 1048576))
[ "${advised:-0}" -ge "$least" ] || fail "advises '$advised', not $least at least"
# The share is of the last reading, which is the last mark's or a later one.
of=$(printf '%s\n' "$line" | sed -n 's/.* of \([0-9]*\) are of .*/\1/p')
[ "$of" -le "$maps" ] && [ "$of" -ge $((max * 9 / 10)) ] || fail "the share is of $of maps: $line"
grep -q "warning: [0-9]* maps, 9[0-9] % .* $(number dvd) of \*\.dvd (deleted) under " "$log" ||
	fail "the mark's line has another share: $(cat "$log")"

# Where to type it, in a container as engines make it, and in a pod: the kernel says whether it can be here.
cat >"$scratch/box" <<'END'
file=$1 rights=$2
shift 2
mount -t tmpfs none /run && mkdir -p "${file%/*}" && : >"$file" || exit 9
mount --bind /proc/sys /proc/sys && mount -o "remount,bind,$rights" /proc/sys || exit 9
exec "$@"
END
boxed() { # boxed FILE ro|rw WORDS
	: >"$log"
	unshare --mount sh "$scratch/box" "$1" "$2" env MAPHERD_LOG="$log" LD_PRELOAD="$MAPHERD_LIB" \
		"$program" maps 2 "$scratch/files" >"$scratch/out" 2>"$scratch/err" ||
		fail "boxed $1 $2: status $?: $(cat "$scratch/err")"
	line=$(grep ' failed' "$log" || true)
	cause="boxed $1 $2"
	says "; to raise it$3: sysctl -w vm.max_map_count="
}
if [ "$own_mounts" ]; then
	boxed /run/.containerenv ro ' on the host of this container'
	boxed /run/secrets/kubernetes.io ro ' on the node of this pod (its securityContext cannot)'
	boxed /run/secrets/kubernetes.io rw ''
else
	left="$left containers"
fi

# HotSpot's probes.
probed=0
for jdk in $(jdks); do
	for level in warning info; do
		: >"$log"
		MAPHERD_LOG="$log" MAPHERD_LOG_LEVEL=$level preloaded "$jdk/bin/java" -Xmx64m -XX:+UseLargePages -version >"$scratch/out" 2>&1 ||
			fail "$jdk with large pages: $(cat "$scratch/out")"
		[ $level = info ] || [ ! -s "$log" ] || fail "$jdk: a probe for large pages warns: $(cat "$log")"
	done
	! grep -q "failed: it wants .* huge pages" "$log" || probed=$((probed + 1))
done
say "probes of $probed JVMs for large pages were refused, and warned nobody"

# Only looked at, nothing herded: the same words.
refused as 12 MAPHERD_MODE=observe
process_limit RLIMIT_AS VmSize v LimitAS "warning: mmap of $(number len) bytes"

# Nothing is short.
: >"$log"
MAPHERD_LOG="$log" preloaded "$program" nothing 1000 >"$scratch/out" 2>"$scratch/err" ||
	fail "nothing: $(cat "$scratch/err")"
grep -q '^library 1$' "$scratch/out" || fail "nothing: the library is not in the program"
[ ! -s "$log" ] || fail "nothing failed for want of anything, but: $(cat "$log")"

say "$told refusals explained; the address space's largest gap $gap, the map limit's advice $advised"
[ -z "$left" ] || say "could not be had here:$left"
