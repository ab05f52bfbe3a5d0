#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# msync says what it says alone, is a cancellation point, and leaves advice as it is: with every
# word of MAPHERD_SYNC.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
calls=$TESTS_BIN/tests/preload/sync_calls
shown=
for kind in ext4 xfs btrfs; do
	mount_fs $kind 400M || { say "not on $kind: $why"; continue; }
	shown=yes
	"$calls" "$mnt/calls" >"$scratch/alone" 2>/dev/null || fail "$kind, alone"
	for word in plain auto fast; do
		rm -f "$mnt/calls"
		MAPHERD_SYNC=$word preloaded "$calls" "$mnt/calls" >"$scratch/with" 2>"$scratch/skipped" || fail "$kind, $word"
		diff "$scratch/alone" "$scratch/with" >&2 || fail "$kind, $word: another answer than alone"
	done
	[ $kind = btrfs ] || ! kernel_since $multigrain || [ "$(tail -n 1 "$scratch/skipped")" -gt 100 ] || fail "$kind: nothing was skipped"
done
[ -n "$shown" ] || skip "$why"
[ "$(grep -c . "$scratch/alone")" = 14 ] || fail "the program says less: $(cat "$scratch/alone")"
