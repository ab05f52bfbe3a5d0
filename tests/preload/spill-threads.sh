#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Four threads count in pages of a file all the while, each in its own and all in common ones, and
# the pages go into the spill file and back: no store is lost.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
PAGES=4000
turns=1
[ -z "${TESTS_LONG:-}" ] || turns=20
# How often the pages go in and out in each turn, at most STEPS of spill.c.
times=4

answered() { ask "$@" || { ended; fail "'$*': it ended with $result: $(tail -3 "$scratch/log")"; }; }

# Pages that were never stored to lack space; msync is called meanwhile, in vain and with success.
in_and_out() {
	until [ "$(spill_files)" = 1 ]; do
		answered progress 100
	done
	answered progress 5000
	answered msync 0 $PAGES
	answered progress 5000
	give_space
	answered msync 0 $PAGES
	answered progress 5000
	answered msync 0 $PAGES
	[ "$said" = 0 ] || fail "msync says $said though there is space"
}

turn() {
	begin_preloaded "$file" $PAGES
	take_space
	expect_answer 0 start 4
	in_and_out
	step=1
	while [ $step -lt $times ]; do
		step=$((step + 1))
		take_space
		expect_answer $step widen
		in_and_out
	done
	ask stop
	total=${said#total=}
	total=${total%% *}
	[ "${said#* }" = wrong=0 ] || fail "$1: stores were lost: $said"
	expect_answer 0 msync 0 $PAGES
	nothing_left
	ends_with 0
	remount "$1"
	[ "$("$program" sum "$file")" = "$total" ] || fail "$1: on the disk are $("$program" sum "$file") of $total"
	rm -f "$file"
	sync -f "$disk"
}

# on KIND SIZE
on() {
	if ! disk "$1" "$2"; then
		say "not on $1: $why"
		return
	fi
	i=0
	while [ $i -lt $turns ]; do
		turn "$1"
		i=$((i + 1))
	done
	say "$1: $((turns * times)) times into the spill file and back; none of $total stores of the last turn lost"
}
on ext4 64M
on xfs 320M
# A full btrfs takes a tenth of a second to say so, for every page.
[ "${TESTS_LONG:-}" ] || times=2
on btrfs 160M
