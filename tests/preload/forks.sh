#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Programs that fork while their allocator maps under its own lock, and takes that lock around a fork. The
# forking thread must not wait for the allocator while another one, inside the allocator, waits for it.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
program="$TESTS_BIN/tests/preload/forks"
ours="$TESTS_BIN/tests/preload/.libs/contexts_malloc.so"

# forks LIST: with these libraries in LD_PRELOAD. A deadlock ends by the time limit.
forks() {
	LD_PRELOAD=$1 timeout 600 "$program" 200 >"$scratch/out" 2>&1 || fail "LD_PRELOAD='$1': $?, $(cat "$scratch/out")"
	grep -qx ok "$scratch/out" || fail "LD_PRELOAD='$1': $(cat "$scratch/out")"
}
LD_PRELOAD="$MAPHERD_LIB" grep -q libmapherd.so /proc/self/maps || fail "the library is not in the program"
jemalloc=$(find /usr/lib /usr/lib64 -name 'libjemalloc.so.2' 2>/dev/null | head -n 1)
[ -n "$jemalloc" ] || say "not run: jemalloc"
for allocator in "$ours" $jemalloc; do
	forks "$allocator"
	forks "$allocator $MAPHERD_LIB"
	forks "$MAPHERD_LIB $allocator"
	say "$(basename "$allocator"): 200 forks, in both orders of LD_PRELOAD"
done
