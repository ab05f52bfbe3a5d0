#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Killed with SIGKILL at any moment: what was stored before is in the file after `mapherd recover`.
# SPILL_SEED repeats a run.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
PAGES=3000
rounds=12
[ -z "${TESTS_LONG:-}" ] || rounds=100
seed_of "${SPILL_SEED:-}"
say "SPILL_SEED=$seed"

# random BELOW: a number, from the seed, in $random.
state=$seed
random() {
	state=$(((state * 1103515245 + 12345) & 0x7fffffff))
	random=$((state / 7 % $1))
}

died() {
	ended
	fail "it died before: it ended with $result; $(tail -3 "$scratch/stderr" "$scratch/log" 2>/dev/null)"
}

# One round: how far it came is in $stored. Killed while the disk is full, while space returns, or in
# the middle of writing back.
round() {
	rm -f "$scratch/counter" "$scratch/log"
	begin_preloaded "$file" $PAGES "$scratch/counter"
	take_space
	random 300000
	spin=$random
	random $((2 * PAGES))
	case $(($1 % 3)) in
	0)
		printf 'store random 0 %s %s\nstore random 0 %s %s\n' $PAGES "$seed" $PAGES $((seed + 1)) >&3
		"$program" kill "$running" "$scratch/counter" "$random" "$spin" || died
		;;
	1)
		printf 'store random 0 %s %s\nmsync 0 %s\nstore random 0 %s %s\nmsync 0 %s\n' \
			$PAGES "$seed" $PAGES $PAGES $((seed + 1)) $PAGES >&3
		"$program" wait "$running" "$scratch/counter" $((random / 2))
		give_space &
		giving=$!
		"$program" kill "$running" "$scratch/counter" "$random" "$spin" || died
		wait $giving
		;;
	2)
		expect_answer 0 store random 0 $PAGES "$seed"
		give_space
		printf 'msync 0 %s\nstore random 0 %s %s\n' $PAGES $PAGES $((seed + 1)) >&3
		"$program" kill "$running" "$scratch/counter" 0 $((spin * 20)) || died
		;;
	esac
	ended
	[ "$result" = 137 ] || fail "it ended with $result and was not killed"
	give_space
	left=$(spill_files)
	"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 || fail "recover: $(cat "$scratch/out")"
	nothing_left
	remount "$2"
	"$program" kept "$file" "$scratch/counter" $PAGES "$seed" >"$scratch/kept" ||
		fail "$2, round $1, SPILL_SEED=$first: $(cat "$scratch/kept" "$scratch/out")"
	recovered=$((recovered + left))
	rm -f "$file"
	seed=$((seed + 2))
}

# on KIND SIZE
on() {
	if ! disk "$1" "$2"; then
		say "not on $1: $why"
		return
	fi
	first=$seed recovered=0 i=0
	while [ $i -lt $rounds ]; do
		round $i "$1"
		i=$((i + 1))
	done
	[ $recovered -gt 0 ] || fail "$1: nothing was ever left to recover"
	say "$1: killed $rounds times, $recovered spill files recovered, no page wrong"
}
# It can fail: without recovering, pages are missing.
shown_wrong() {
	begin_preloaded "$file" $PAGES "$scratch/counter"
	take_space
	expect_answer 0 store random 0 $PAGES "$seed"
	kill -9 "$running"
	ended
	"$program" kept "$file" "$scratch/counter" $PAGES "$seed" >/dev/null && fail "nothing is missing without recover"
	give_space
	rm -f "$file" "$spills"/* "$scratch/counter"
}
on ext4 64M
shown_wrong
on xfs 320M
on btrfs 160M
