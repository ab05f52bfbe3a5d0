#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Hooks that an IFUNC resolver calls, before the library is relocated: the answers are those of libc.
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/early"
"$program" >"$scratch/alone" || fail "alone: status $?"
[ "$(wc -l <"$scratch/alone")" -ge 60 ] || fail "alone: $(wc -l <"$scratch/alone") answers"

# It is the preloaded library that is called, and it is not relocated then.
LD_DEBUG=reloc,bindings preloaded "$program" >/dev/null 2>"$scratch/loader" || fail "status $?: $(tail -n 3 "$scratch/loader")"
grep -q 'early_lib.* to .*libmapherd.so.*: normal symbol .mmap' "$scratch/loader" ||
	fail "the resolver's library is not bound to the hooks"
first=$(grep -E 'relocation processing: .*(early_user|libmapherd)' "$scratch/loader" | head -n 1)
case $first in
*early_user*) ;;
*) fail "the library was relocated first: $first" ;;
esac

preloaded "$program" >"$scratch/preloaded" || fail "status $?"
cmp -s "$scratch/alone" "$scratch/preloaded" ||
	fail "other answers: $(diff "$scratch/alone" "$scratch/preloaded")"
MAPHERD_SKIP=early preloaded "$program" >"$scratch/preloaded" || fail "in a program that is skipped: status $?"
cmp -s "$scratch/alone" "$scratch/preloaded" || fail "other answers in a program that is skipped"
