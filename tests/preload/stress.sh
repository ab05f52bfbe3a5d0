#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# 64 threads map and unmap, and fork: no wrong byte, no deadlock, nothing left. STRESS_ROUNDS:
# rounds a thread (make check-long: half a minute of them).
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
program="$TESTS_BIN/tests/preload/stress"
broken="$TESTS_BIN/tests/differential/.libs/sabotage.so"
rounds=${STRESS_ROUNDS:-3000}

mkdir "$scratch/here"
SABOTAGE=offset LD_PRELOAD="$broken" "$program" 64 500 "$scratch/here" 2>/dev/null &&
	fail "a library that maps the wrong part is not noticed"

for kind in tmpfs overlay; do
	folder=$scratch/here
	if mount_fs "$kind" 256M; then
		folder=$mnt
	else
		say "not on $kind: $why; in the scratch folder instead"
	fi
	"$program" 64 200 "$folder" >/dev/null || fail "alone on $kind"
	preloaded "$program" 64 "$rounds" "$folder" 2>"$scratch/err" || {
		cat "$scratch/err" >&2
		fail "with the library on $kind"
	}
	! grep 'mapherd: .* error: ' "$scratch/err" >&2 || fail "the library lost something on $kind"
done
