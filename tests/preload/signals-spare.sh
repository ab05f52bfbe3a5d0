#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A program that uses SIGSTKFLT, the signal that stands for a blocked SIGBUS in the kernel, gets it: line for
# line as without the library.
. "${TESTS_SRC:?run by make check}/lib.sh"

spare="$TESTS_BIN/tests/preload/signals_spare"
preloaded "$TESTS_BIN/tests/preload/signals" caught || fail "mapherd's handler is not in the kernel"
"$spare" >"$scratch/alone" || fail "alone: status $?"
for wanted in 'stopped 5 times' 'waited: 16' 'read: 1 signal 16' 'ended 0x10'; do
	grep -q "$wanted" "$scratch/alone" || fail "no '$wanted': $(cat "$scratch/alone")"
done
for word in auto off; do
	MAPHERD_SIGBUS=$word preloaded "$spare" >"$scratch/with" 2>"$scratch/err" || fail "$word: status $?"
	diff "$scratch/alone" "$scratch/with" >"$scratch/diff" || fail "MAPHERD_SIGBUS=$word: $(cat "$scratch/diff")"
done
say "$(grep -c '^--' "$scratch/with") scenes, $(grep -c . "$scratch/with") lines"
