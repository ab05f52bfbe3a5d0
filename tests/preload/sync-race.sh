#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# After an msync no page of its range is dirty, whoever stores and syncs meanwhile, also where the
# library skipped it.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
race=$TESTS_BIN/tests/preload/sync_race

# run KIND LIBRARIES: in $said; its exit status.
run() {
	rm -f "$mnt/race"
	result=0
	said=$(MAPHERD_SYNC=fast LD_PRELOAD=$2 "$race" "$mnt/race" "${SYNC_ROUNDS:-1500}") || result=$?
	[ $result != 77 ] || skip "the kernel has no cachestat (Linux 6.5)"
	return $result
}

shown=
for kind in ext4 xfs; do
	mount_fs $kind 400M || { say "not on $kind: $why"; continue; }
	shown=yes
	run $kind "$MAPHERD_LIB" || fail "$kind: msyncs, skipped, dirty: $said"
	say "$kind: msyncs looked at, skipped in all, found dirty: $said"
	# Noticed for what it is: all msyncs were made, some were skipped, and pages were dirty after them.
	run $kind "$MAPHERD_LIB $TESTS_BIN/tests/witness/.libs/break.so" &&
		fail "$kind: a library that skips one sync too many is not noticed"
	printf '%s\n' "$said" | grep -q -x '[1-9][0-9]* [1-9][0-9]* [1-9][0-9]*' && [ $result = 1 ] ||
		fail "$kind: a library that skips one sync too many fails otherwise: $result, $said"
	say "$kind, broken on purpose: $said"
done
[ -n "$shown" ] || skip "$why"
