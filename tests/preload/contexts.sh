#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Each hook from main, a thread, a signal handler that interrupted it, another library's
# constructor and destructor, after fork and vfork, and under an allocator that maps within its
# own lock.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
program="$TESTS_BIN/tests/preload/contexts"
library="$TESTS_BIN/tests/preload/.libs/contexts_lib.so"
allocator="$TESTS_BIN/tests/preload/.libs/contexts_malloc.so"
for helper in "$library" "$allocator"; do
	[ -f "$helper" ] || fail "no $helper"
done

# 77: this machine cannot; that part alone is left out, and says so.
run() {
	status=0
	"$@" || status=$?
	case $status in
	0) ;;
	77) say "not shown here: $place (single steps are tried on x86-64 only)" >&2 ;;
	*) fail "$* ended with $status (LD_PRELOAD=${LD_PRELOAD:-})" ;;
	esac
}

for place in main thread fork vfork timer step under; do
	run "$program" "$place" >/dev/null # the scenes themselves are right
	run preloaded "$program" "$place" --ours
done

for order in "$MAPHERD_LIB $library" "$library $MAPHERD_LIB"; do
	for place in main thread fork; do
		LD_PRELOAD=$order run "$program" "$place" --ours >"$scratch/said"
		[ "$(grep -c structor "$scratch/said")" -ge 2 ] || fail "$order: constructors did not run"
	done
done
say "constructors and destructors, both orders"

for order in "$MAPHERD_LIB $allocator" "$allocator $MAPHERD_LIB"; do
	for place in main thread fork timer; do
		LD_PRELOAD=$order run "$program" "$place" --ours >/dev/null
	done
	LD_PRELOAD=$order run sort -R --random-source=/dev/zero "$TESTS_SRC/lib.sh" -o "$scratch/sorted"
	[ -s "$scratch/sorted" ] || fail "$order: sort wrote nothing"
done
say "an allocator that maps under its lock, both orders"
