#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The calls that take memory of the program answer as alone: bytes, short counts, errno, signals,
# cancellation; and they stay in the chain of libraries.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/buffers"
chain="$TESTS_BIN/tests/preload/.libs/chain.so"

# answers HOW COMMAND...: what it prints is in HOW.
answers() {
	how=$1
	shift
	"$@" >"$scratch/$how" 2>"$scratch/$how.err" || fail "$how: status $?: $(tail -n 3 "$scratch/$how" "$scratch/$how.err")"
}
answers alone "$program"
grep -q '^library 0$' "$scratch/alone.err" || fail "alone: the library is in it"
[ "$(wc -l <"$scratch/alone")" -ge 200 ] || fail "alone: $(wc -l <"$scratch/alone") answers"
for line in 'not readable: read: -1, 14' 'half readable: readv: 8, 0' 'a signal: read: -1, 4' 'cancelled before: read: 1' \
	'cancelled meanwhile: recvmmsg: 1' 'too small: __read_chk: signal 6' 'same bytes: 0'; do
	grep -qxF "$line" "$scratch/alone" || fail "alone: no line '$line'"
done

answers preloaded preloaded "$program"
grep -q '^library 1$' "$scratch/preloaded.err" || fail "the library is not in it"
cmp -s "$scratch/alone" "$scratch/preloaded" || fail "other answers: $(diff "$scratch/alone" "$scratch/preloaded")"

for order in "$MAPHERD_LIB $chain" "$chain $MAPHERD_LIB"; do
	answers chained env CHAIN=1 LD_PRELOAD="$order" "$program"
	cmp -s "$scratch/alone" "$scratch/chained" || fail "$order: other answers: $(diff "$scratch/alone" "$scratch/chained")"
	grep -q '^read [1-9]' "$scratch/chained.err" || fail "$order: another library's read is not called: $(cat "$scratch/chained.err")"
done
