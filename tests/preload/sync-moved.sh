#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A part ahead of an msync is unmapped, or replaced, while the widened msync is under way. It counts as
# synced only if the kernel has gone over it.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
moved=$TESTS_BIN/tests/preload/sync_moved
behind=$TESTS_BIN/tests/preload/.libs/meanwhile.so

shown=
for kind in ext4 xfs; do
	mount_fs $kind 400M || { say "not on $kind: $why"; continue; }
	shown=yes
	for how in nothing hole other; do
		rm -f "$mnt/moved"
		result=0
		said=$(MAPHERD_SYNC=fast LD_PRELOAD="$MAPHERD_LIB $behind" "$moved" "$mnt/moved" $how) || result=$?
		[ $result != 77 ] || skip "the kernel has no cachestat (Linux 6.5)"
		[ $result = 0 ] || fail "$kind, $how: status $result; skipped, dirty: $said"
		say "$kind, $how: skipped, dirty: $said"
		# Where nothing comes between, the sync of the last buffer is skipped: so it can be one too many.
		[ $how != nothing ] || ! kernel_since $multigrain || [ "${said% *}" -gt 0 ] ||
			fail "$kind: nothing is skipped"
	done
done
[ -n "$shown" ] || skip "$why"
