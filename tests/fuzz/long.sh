#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# long.sh SECONDS TARGET...: each target under libFuzzer, one after another, for so many seconds. Run by make
# fuzz, and with other numbers by make check-long-fuzz.
#
# What is found stays in the folder corpus-TARGET of the build folder, and the next run begins with it. What
# makes a target fail is left there as crash-TARGET-*, and is then added to tests/fuzz/corpus/TARGET.
set -eu
seconds=$1
shift
here=$TESTS_SRC/fuzz
out=$TESTS_BIN/tests/fuzz
clang=${CLANG:-clang}
command -v "$clang" >/dev/null || { echo "long.sh: cannot run here: no clang"; exit 77; }
mkdir -p "$out"
printf 'int LLVMFuzzerTestOneInput(const char *data, long size) { return data && size == -1; }\n' >"$out/nothing.c"
"$clang" -fsanitize=fuzzer -o "$out/nothing" "$out/nothing.c" 2>/dev/null ||
	{ echo "long.sh: cannot run here: clang has no libFuzzer"; exit 77; }
MAKEFLAGS='' make -s -j"$(nproc)" -f "$here/targets.mk" MAIN=libfuzzer CLANG="$clang" OUT="$out/libfuzzer" \
	BUILD="$TESTS_BIN" TREE="$(cd "$TESTS_SRC/.." && pwd)"

scratch=$(mktemp -d -p /dev/shm mapherd-fuzz.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
failed=0
for target; do
	mkdir -p "$out/corpus-$target"
	status=0
	TMPDIR=$scratch ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 "$out/libfuzzer/$target" \
		-max_len=20000 -timeout=60 -rss_limit_mb=4096 -max_total_time="$seconds" -print_final_stats=1 \
		-artifact_prefix="$out/crash-$target-" "$out/corpus-$target" "$here/corpus/$target" >"$scratch/log" 2>&1 || status=$?
	if [ $status != 0 ]; then
		tail -n 40 "$scratch/log"
		printf 'long.sh: FAILED: %s\n' "$target"
		failed=1
		continue
	fi
	printf '%-8s %s\n' "$target" "$(sed -n 's/^stat::\(number_of_executed_units\|peak_rss_mb\): */\1 /p' "$scratch/log" | tr '\n' ' ')$(
		sed -n 's/^#[0-9]*.*DONE *\(cov: [0-9]*\).*/\1/p' "$scratch/log")"
done
exit $failed
