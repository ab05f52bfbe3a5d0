#!/bin/sh
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

# Handlers run on alternate stacks of 8 KiB, of which the kernel takes half: ours take 2 KiB.
alone=$("$program" stack)
for treatment in auto report convert; do
	with=$(MAPHERD_SIGBUS=$treatment preloaded "$program" stack 2>/dev/null)
	[ "$with" -gt "$alone" ] || fail "stack: $treatment: $alone alone, $with with the library"
	[ $((with - alone)) -le 2048 ] || fail "stack: $treatment takes $((with - alone)) bytes"
	say "stack: $treatment: $((with - alone)) bytes more than the $alone of the kernel"
done

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
