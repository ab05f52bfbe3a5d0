#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Handlers that want the program to die of a SIGBUS, or to live: as crash reporters, Rust's and Go's runtimes,
# Python's faulthandler, HotSpot's report and others have them. Each ends with the library as without: the
# same lines, the same status, the same siginfo; and the log says what happened.
# shellcheck disable=SC2154 # scratch, mnt and why are lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
program=$TESTS_BIN/tests/preload/dying
MAPHERD_LOG=$scratch/log
# Nothing that would keep a store that finds no space.
MAPHERD_PREALLOC=off
MAPHERD_SPILL_DIR=$scratch/nowhere
export MAPHERD_LOG MAPHERD_PREALLOC MAPHERD_SPILL_DIR

# same WHERE FILE CAUSE
same() {
	rm -f "$MAPHERD_LOG"
	timeout 300 "$program" "$2" "$3" >"$scratch/alone" || fail "$1: alone: $?"
	preloaded timeout 300 "$program" "$2" "$3" >"$scratch/with" || fail "$1: $?"
	diff "$scratch/alone" "$scratch/with" >"$scratch/diff" || fail "$1: $(head -n 20 "$scratch/diff")"
	grep -q 'SIGBUS: a .*the program dies of it' "$MAPHERD_LOG" || fail "$1: no line about a death"
	grep -q 'SIGBUS: a .*has given it up, and the program dies' "$MAPHERD_LOG" || fail "$1: no line about a handler"
	if grep 'zeros' "$MAPHERD_LOG"; then fail "$1: the log speaks of zeros"; fi
	for wanted in '^killed by 7, SIGBUS code 2 ' '^killed by 7, SIGBUS code 0 ' '^killed by 6' '^exit 3' '^went on'; do
		grep -q "$wanted" "$scratch/alone" || fail "$1: no '$wanted' among them"
	done
	say "$1: $(grep -c '^--' "$scratch/with") ways, $(grep -c '^killed' "$scratch/with") deaths"
}

same truncated "$scratch/file" truncated
# The comparison can fail.
MAPHERD_SIGBUS="auto,$scratch/*=convert" preloaded timeout 300 "$program" "$scratch/file" truncated >"$scratch/with" || fail "with zeros: $?"
grep -q 'zeros' "$MAPHERD_LOG" || fail "there were no zeros"
! diff "$scratch/alone" "$scratch/with" >"$scratch/diff" || fail "zeros are not noticed"
for wanted in '^< killed by 7, SIGBUS code 2 ' '^> exit 135, '; do
	grep -q "$wanted" "$scratch/diff" || fail "no '$wanted' where zeros are: $(head -n 20 "$scratch/diff")"
done

if mount_fs tmpfs 64k; then
	same "truncated, tmpfs" "$mnt/file" truncated
	head -c 1M /dev/zero >"$mnt/others" 2>/dev/null || true
	same "full tmpfs" "$mnt/file" full
else
	say "not on tmpfs: $why"
fi
if mount_fs ext4 8M; then
	fill_disk "$mnt/others"
	same "full ext4, and no spill file" "$mnt/file" full
	grep -q "it cannot be spilled to $scratch/nowhere" "$MAPHERD_LOG" || fail "no line says why nothing is spilled"
else
	say "not on ext4: $why"
fi
