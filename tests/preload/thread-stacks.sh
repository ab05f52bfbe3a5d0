#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The stacks that libc makes for threads: under pressure their guards are markers, and the stacks few maps. A guard
# stays one: what reaches it faults.
# TESTS_LONG=1: 20,000 threads.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
[ "$(uname -m)" = x86_64 ] || skip "libc's own calls are seen on x86-64"
program=$TESTS_BIN/tests/preload/thread_stacks
threads=1000
[ -z "${TESTS_LONG:-}" ] || threads=20000

# rounds COMMAND...: three rounds, none of which has a guard that is open or a stack with other bytes.
rounds() {
	"$@" "$program" $threads >"$scratch/out" 2>"$scratch/err" || fail "$*: status $?: $(cat "$scratch/out" "$scratch/err")"
	[ "$(grep -c "^library=$library threads=$threads guard=[0-9]* maps=[0-9]* open=0 changed=0\$" "$scratch/out")" = 3 ] ||
		fail "$*: $(cat "$scratch/out")"
}

# maps GUARD: what the threads of that round have cost.
maps() { sed -n "s/.* guard=$1 maps=\([0-9]*\) .*/\1/p" "$scratch/out"; }

library=0
rounds env
[ "$(maps 4096)" -ge $((2 * threads)) ] || fail "alone: $(cat "$scratch/out")"
say "alone: $(head -n 1 "$scratch/out")"
library=1
rounds preloaded
[ "$(maps 4096)" -ge $((2 * threads)) ] || say "without pressure: $(cat "$scratch/out")"
rounds env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_GUARDS=off MAPHERD_PRESSURE=raised
[ "$(maps 4096)" -ge $((2 * threads)) ] || fail "off: $(cat "$scratch/out")"
rounds env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_PRESSURE=raised
cp "$scratch/out" "$scratch/seen"
case $(uname -r) in
[0-5].* | 6.[0-9].* | 6.1[0-2].*)
	[ "$(maps 4096)" -ge $((2 * threads)) ] || fail "markers before Linux 6.13: $(cat "$scratch/seen")"
	;;
*)
	for guard in 4096 16384; do
		[ "$(maps $guard)" -lt 200 ] || fail "under pressure: $(cat "$scratch/seen")"
	done
	say "under pressure: $(cat "$scratch/seen")"
	;;
esac

# The signal of a stack that overflows.
for preload in "" "$MAPHERD_LIB"; do
	status=0
	(
		ulimit -c 0
		LD_PRELOAD=$preload MAPHERD_PRESSURE=raised exec "$program" overflow
	) >"$scratch/out" 2>&1 || status=$?
	[ $status = 139 ] || fail "overflow, LD_PRELOAD=$preload: status $status: $(cat "$scratch/out")"
done
say "a stack that overflows is SIGSEGV"
exit 0
