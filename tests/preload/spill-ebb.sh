#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Space returns in the very moment of a store that lacked it: whatever the kernel says then, the
# program does not die, and everything stored is in the file.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
PAGES=3000
turns=${SPILL_TURNS:-25}

for kind in ext4 xfs btrfs; do
	case $kind in ext4) size=64M ;; xfs) size=320M ;; *) size=160M ;; esac
	disk $kind $size || { say "not on $kind: $why"; continue; }
	turn=0
	while [ $((turn += 1)) -le "$turns" ]; do
		rm -f "$scratch/counter" "$scratch/log"
		begin_preloaded "$file" $PAGES "$scratch/counter"
		take_space
		printf 'store random 0 %s %s\n' $PAGES $turn >&3
		"$program" wait "$running" "$scratch/counter" $((turn * 7))
		give_space
		said=''
		read -r said <&4 || { ended; fail "$kind, turn $turn: it ended with $result: $(tail -3 "$scratch/log")"; }
		expect_answer 0 msync 0 $PAGES
		ends_with 0
		on_disk random 0 $PAGES $turn
		rm "$file"
		give_space
	done
	nothing_left
	say "$kind: $turns times"
done
