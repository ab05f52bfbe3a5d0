#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The disk is filled by others after the map was made: no store fails, few maps are needed, msync says
# what is the case, and every byte is on the disk when there is space again.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
MOST=64

maps() { ask maps && maps=${said#maps=} && maps=${maps%% *}; }

# full_disk KIND PAGES ORDER
full_disk() {
	what="$1: $2 pages, $3"
	begin_preloaded "$file" "$2"
	maps
	before=$maps
	take_space
	expect_answer 0 store "$3" 0 "$2" 3
	expect_answer wrong=0 check "$3" 0 "$2" 3
	maps
	[ $((maps - before)) -le $MOST ] || fail "$what: $((maps - before)) maps more"
	[ "$(spill_files)" = 1 ] || fail "$what: nothing was spilled"
	expect_answer $ENOSPC msync 0 "$2"
	expect_answer wrong=0 check "$3" 0 "$2" 3
	more=$((maps - before))
	give_space
	expect_answer 0 msync 0 "$2"
	expect_answer wrong=0 check "$3" 0 "$2" 3
	nothing_left
	ends_with 0
	remount "$1"
	on_disk "$3" 0 "$2" 3
	rm -f "$file"
	say "$what: $more maps more"
}

# on KIND SIZE PAGES
on() {
	if ! disk "$1" "$2"; then
		say "not on $1: $why"
		return
	fi
	dies_alone 1000
	for order in ascending descending random; do
		full_disk "$1" "$3" "$order"
	done
}
if [ "${TESTS_LONG:-}" ]; then
	on ext4 600M 100000
	on xfs 800M 100000
	on btrfs 900M 100000
else
	on ext4 600M 100000
	on xfs 400M 10000
	on btrfs 400M 10000
fi
