#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# ThreadSanitizer watches eight threads in the model, the placement and the engine (race.c).
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tree=$(cd "$TESTS_SRC/.." && pwd)
unit=$TESTS_SRC/unit
cc="${CC:-cc} -std=gnu17 -O1 -g -fno-strict-aliasing -I$TESTS_BIN -I$tree/src -I$tree/include -I$unit"

printf 'int main(void) { return 0; }\n' >"$scratch/nothing.c"
$cc -fsanitize=thread -o "$scratch/nothing" "$scratch/nothing.c" 2>/dev/null ||
	skip "the compiler has no ThreadSanitizer"
"$scratch/nothing" >/dev/null 2>&1 || skip "ThreadSanitizer does not start in this address space"

# The fake kernel is not instrumented; no loop in it may become a memmove, which always is.
for source in fakesys fakespace; do
	$cc -fno-tree-loop-distribute-patterns -c -o "$scratch/$source.o" "$unit/$source.c"
done
# shellcheck disable=SC2046 # a list of words
$cc -fsanitize=thread -o "$scratch/race" "$unit/race.c" "$unit/world.c" \
	"$scratch/fakesys.o" "$scratch/fakespace.o" "$tree/src/entry/change.c" "$tree/src/entry/call.c" \
	"$tree/src/entry/engine.c" "$tree/src/entry/taken.c" "$tree/src/entry/gate.c" \
	"$tree/src/entry/capabilities.c" \
	$(find "$tree/src" -name '*.c' ! -path '*/command/*' ! -path '*/entry/*' ! -name sys.c)

watched() { TSAN_OPTIONS="exitcode=66 halt_on_error=0" "$scratch/race" "$@" >"$scratch/out" 2>&1; }
watched || fail "$(cat "$scratch/out")"
say "$(cat "$scratch/out")"
status=0
watched broken || status=$?
[ "$status" = 66 ] || fail "a race made on purpose is not noticed (exit $status)"
