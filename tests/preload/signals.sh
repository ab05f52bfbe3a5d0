#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
# SIGBUS as a program sees it: the same with the library and without, line for line. Nothing is
# mended here (MAPHERD_SIGBUS=report): what is, is no longer as without the library.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
program=$TESTS_BIN/tests/preload/signals

preloaded "$program" caught || fail "mapherd's handler is not in the kernel"
if "$program" caught; then fail "a handler is there without the library"; fi
if MAPHERD_SIGBUS=off preloaded "$program" caught; then
	fail "MAPHERD_SIGBUS=off installs a handler"
fi

same() {
	"$program" "$1" >"$scratch/$1.alone" || fail "$1: ends with $?"
	MAPHERD_SIGBUS=report preloaded "$program" "$1" >"$scratch/$1.with" 2>"$scratch/$1.log" ||
		fail "$1: ends with $?, preloaded"
	diff "$scratch/$1.alone" "$scratch/$1.with" >"$scratch/diff" ||
		fail "$1: $(head -n 20 "$scratch/diff")"
	MAPHERD_SIGBUS=off preloaded "$program" "$1" >"$scratch/$1.off" || fail "$1: off: $?"
	cmp "$scratch/$1.alone" "$scratch/$1.off" || fail "$1 differs with MAPHERD_SIGBUS=off"
	say "$1: $(grep -c '^--' "$scratch/$1.with") scenes, $(grep -c . "$scratch/$1.with") lines"
}
same actions
same faults
same sent
for wanted in 'ended 0$' 'ended 0x7$' 'code 2 ' 'stack 1$'; do
	grep -q "$wanted" "$scratch/faults.alone" || fail "no '$wanted' among the faults"
done

if [ "$(id -u)" = 0 ] && ! "$program" poison | grep -q 'no poison'; then
	same poison
else
	say "not shown here: poisoned memory (needs root and a kernel with MADV_HWPOISON)"
fi

mkdir "$scratch/huge"
export HUGE_FOLDER="$scratch/huge"
if mount -t hugetlbfs mapherd-test "$HUGE_FOLDER" 2>/dev/null && later "gone '$HUGE_FOLDER'" &&
	! "$program" huge | grep -q 'no fault'; then
	same huge
	grep -q 'code 2 addr 0' "$scratch/huge.alone" || fail "huge: $(cat "$scratch/huge.alone")"
	grep -q 'no huge page is free' "$scratch/huge.log" || fail "huge: the log: $(cat "$scratch/huge.log")"
else
	say "not shown here: huge pages that run out (needs root, hugetlbfs, and no free huge page)"
fi

# sigaction is async-signal-safe: a handler may jump out of it, however often.
for library in '' "$MAPHERD_LIB"; do
	[ "$(LD_PRELOAD=$library timeout 600 "$program" jumps 20000)" = 1 ] || fail "jumps out of sigaction, with '$library'"
done

# A fault while SIGBUS is blocked kills, whatever handler there is.
for library in '' "$MAPHERD_LIB"; do
	result=0
	LD_PRELOAD=$library "$program" blocked >"$scratch/out" 2>"$scratch/err" || result=$?
	[ $result = 135 ] || fail "a blocked fault, with '$library': $result: $(cat "$scratch/out")"
	[ ! -s "$scratch/out" ] || fail "a blocked fault, with '$library': $(cat "$scratch/out")"
done
grep -q 'blocks SIGBUS, and dies of it' "$scratch/err" || fail "a blocked fault: $(cat "$scratch/err")"

# Who dies of a fault dies where it happened, with the kernel's siginfo: a core file shows the same.
if command -v strace >/dev/null; then
	last() { sed -n 's/^\[[0-9a-f]*\([0-9a-f]\{3\}\)\] --- SIGBUS/\1/p' "$scratch/trace" | tail -n 1; }
	strace -i -e trace=none -o "$scratch/trace" "$program" die || true
	alone=$(last)
	[ -n "$alone" ] || fail "strace shows no SIGBUS: $(cat "$scratch/trace")"
	MAPHERD_SIGBUS=report strace -i -e trace=none -o "$scratch/trace" \
		-E LD_PRELOAD="$MAPHERD_LIB" "$program" die 2>/dev/null || true
	[ "$(grep -c -e '--- SIGBUS' "$scratch/trace")" = 2 ] || fail "die: $(cat "$scratch/trace")"
	[ "$(last)" = "$alone" ] || fail "dies elsewhere: $alone, $(last)"
else
	say "not run: strace, to see where a program dies"
fi

# Handlers run on alternate stacks of 4 KiB, most of which the kernel's frame may take: ours takes little
# more, whatever is done about the fault. alone: in the program's handler, which does next to nothing.
alone=$("$program" stack "$scratch/file" truncated 32768)
most=512
# stack WHAT FILE truncated|full SAID OPTION...: how much more; the log says it.
stack() {
	file=$2
	cause=$3
	rm -f "$scratch/log"
	with=$(shift 4 && LD_PRELOAD="$MAPHERD_LIB" env MAPHERD_PREALLOC=off MAPHERD_LOG="$scratch/log" "$@" "$program" stack "$file" "$cause" 32768) ||
		fail "stack: $1: $?"
	grep -q "$4" "$scratch/log" || fail "stack: $1: $(cat "$scratch/log")"
	[ "$with" -gt "$alone" ] || fail "stack: $1: $alone alone, $with with the library"
	[ $((with - alone)) -le $most ] || fail "stack: $1 takes $((with - alone)) bytes"
	say "stack: $1: $((with - alone)) bytes more than the $alone of the kernel"
}
stack "explained" "$scratch/file" truncated "own handler decides"
stack "explained in JSON" "$scratch/file" truncated "own handler decides" MAPHERD_LOG_FORMAT=json
stack "reported" "$scratch/file" truncated "own handler decides" MAPHERD_SIGBUS=report
stack "zeros" "$scratch/file" truncated "reads as zeros" MAPHERD_SIGBUS=convert MAPHERD_ZEROS_STATUS=0
if mount_fs ext4 8M; then
	fill_disk "$mnt/others"
	mkdir "$scratch/spills"
	stack "spilled" "$mnt/file" full "is kept in the spill file" MAPHERD_SPILL_DIR="$scratch/spills"
	grep -q "is kept in the spill file $scratch/spills/mapherd-spill" "$scratch/log" ||
		fail "the spill file is not named: $(cat "$scratch/log")"
	stack "observed" "$mnt/file" full "MAPHERD_MODE=observe changes nothing, else mapherd would try" MAPHERD_MODE=observe
	stack "not to be spilled" "$mnt/file" full "own handler decides" MAPHERD_SPILL_DIR="$scratch/nowhere"
else
	say "not on ext4: $why"
fi
# Where one of 4 KiB suffices alone, it does.
if [ $((alone + most)) -le 4096 ]; then
	with=$(preloaded "$program" stack "$scratch/file" truncated 4096 2>/dev/null)
	[ "$with" -le 4096 ] || fail "an alternate stack of 4 KiB overflows: $with"
fi

# A fault that comes again and again is explained once: the second thousand takes few calls each.
if command -v strace >/dev/null; then
	calls() {
		MAPHERD_LOG="$scratch/log" strace -o "$scratch/trace" -E LD_PRELOAD="$MAPHERD_LIB" \
			"$program" again "$scratch/file" "$1" >"$scratch/out" || fail "again: $?"
		grep -qx "$1 calls" "$scratch/out" || fail "again: $(cat "$scratch/out")"
		wc -l <"$scratch/trace"
	}
	rm -f "$scratch/log"
	few=$(calls 100)
	[ "$(grep -c 'SIGBUS: a store' "$scratch/log")" = 1 ] || fail "again: $(cat "$scratch/log")"
	grep -q 'warning: SIGBUS: 99 more like the one reported before' "$scratch/log" ||
		fail "again: the others are not counted: $(cat "$scratch/log")"
	many=$(calls 1100)
	[ $((many - few)) -le 15000 ] || fail "again: $((many - few)) calls for a thousand faults"
	say "again: $(((many - few) / 1000)) calls a fault"
fi

# Nothing waits by a clock of libc's, which another library may have stopped.
cat >"$scratch/stopped.c" <<'END'
#include <sys/time.h>
#include <time.h>
int clock_gettime(clockid_t c, struct timespec *t) { (void)c; *t = (struct timespec){ 1000000, 0 }; return 0; }
int gettimeofday(struct timeval *restrict t, void *restrict z) { (void)z; *t = (struct timeval){ 1000000, 0 }; return 0; }
time_t time(time_t *t) { return t ? *t = 1000000 : 1000000; }
int nanosleep(const struct timespec *a, struct timespec *b) { (void)a, (void)b; return 0; }
int clock_nanosleep(clockid_t c, int f, const struct timespec *a, struct timespec *b) { (void)c, (void)f, (void)a, (void)b; return 0; }
END
${CC:-cc} -shared -fPIC -o "$scratch/stopped.so" "$scratch/stopped.c"
[ "$(LD_PRELOAD="$scratch/stopped.so" date +%s)" = 1000000 ] || fail "the clock does not stop"
if mount_fs xfs 320M; then
	stops() { # SETTING...
		result=0
		rm -f "$scratch/log"
		env MAPHERD_PREALLOC=off MAPHERD_LOG="$scratch/log" "$@" timeout 100 "$program" stopped "$mnt/file" >"$scratch/out" 2>"$scratch/err" || result=$?
		[ $result = 135 ] || fail "a stopped disk, $*: $result: $(cat "$scratch/out" "$scratch/err")"
	}
	stops
	umount "$mnt"
	mount -o loop "$scratch/xfs.img" "$mnt"
	stops LD_PRELOAD="$scratch/stopped.so $MAPHERD_LIB"
	grep -q 'an input/output error, .*; the program dies of it' "$scratch/log" || fail "a stopped disk: $(cat "$scratch/log")"
	say "an input/output error, and a clock that stands still: it ends"
else
	say "not on xfs: $why"
fi

# From handlers, in eight threads.
timeout 600 "$TESTS_BIN/tests/preload/signals_threads" alone || fail "threads: $?, alone"
preloaded timeout 600 "$TESTS_BIN/tests/preload/signals_threads" || fail "threads: $?"

# The comparison can fail: a library that takes SIGBUS and hides nothing.
cat >"$scratch/naive.c" <<'END'
#include <signal.h>
#include <unistd.h>
static void mine(int sig) { _exit(sig); }
__attribute__((constructor)) static void start(void) { signal(SIGBUS, mine); }
END
${CC:-cc} -shared -fPIC -o "$scratch/naive.so" "$scratch/naive.c"
for what in actions faults sent; do
	LD_PRELOAD="$scratch/naive.so" timeout 60 "$program" $what >"$scratch/naive" 2>&1 || true
	if cmp -s "$scratch/$what.alone" "$scratch/naive"; then
		fail "$what: a naive library is not noticed"
	fi
done
