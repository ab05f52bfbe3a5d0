#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Each fuzzer's target gets its seeds, and some thousands of inputs that are made of them. FUZZ_SEED=N draws
# others, FUZZ_SEED=random any. Each target is then run with a mistake in it, and has to notice.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tree=$(cd "$TESTS_SRC/.." && pwd)
command -v make >/dev/null || skip "no make"
targets=$TESTS_BIN/tests/fuzz/targets
MAKEFLAGS='' make -s -j2 -f "$TESTS_SRC/fuzz/targets.mk" CC="${CC:-cc}" OUT="$targets" BUILD="$TESTS_BIN" TREE="$tree" ||
	fail "the targets are not built"
nm "$targets/engine" | grep -q __asan_report || say "not shown here: what sanitizers notice (the compiler has none)"
seed_of "${FUZZ_SEED:-}"

# run TARGET SEED ROUNDS: what makes it end is kept in $crash.
crash=$TESTS_BIN/tests/fuzz/crash
run() {
	TMPDIR=$scratch ASAN_OPTIONS=exitcode=99:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
		"$targets/$1" "$crash-$1" "$2" "$3" "$TESTS_SRC/fuzz/corpus/$1"/* >"$scratch/out" 2>&1
}

# fuzz TARGET ROUNDS
fuzz() {
	run "$1" "$seed" "$2" || fail "$1, FUZZ_SEED=$seed: $(cat "$scratch/out")"
	say "$1, FUZZ_SEED=$seed: $(cat "$scratch/out")"
	! FUZZ_BROKEN=1 run "$1" 1 20000 || fail "a mistake in $1 is not noticed"
	[ -s "$crash-$1" ] || fail "$1 has not kept what shows its mistake"
	rm "$crash-$1"
}
fuzz cfi 20000
fuzz decode 20000
fuzz engine 1000
fuzz jitmap 5000
fuzz maps 5000
fuzz mounts 10000
fuzz options 5000
fuzz record 1500
fuzz spill 2000
