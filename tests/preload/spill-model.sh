#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A map whose pages are spilled while the program stores, punches holes and cuts the file off: it holds what a
# model holds after each step, and the file at the end. Random steps; SEED=5 takes those of one seed.
# shellcheck disable=SC2154 # why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
model="$TESTS_BIN/tests/preload/spill_model"
seeds=12
kinds="ext4 64M xfs 320M"
[ -z "${TESTS_LONG:-}" ] || seeds=200 kinds="$kinds btrfs 256M"

# on KIND: alone some end of SIGBUS; preloaded none, and most have spilled.
on() {
	dead=0 spilled=0 holes=0
	for seed in ${SEED:-$(seq "$seeds")}; do
		rm -f "$disk/file" "$disk"/others.* "$scratch/log"
		result=0
		"$model" "$disk" "$seed" 60 >"$scratch/out" 2>&1 || result=$?
		[ $result = 0 ] || [ $result = 135 ] || fail "$1, seed $seed, alone: $result: $(cat "$scratch/out")"
		dead=$((dead + (result == 135)))
		rm -f "$disk/file" "$disk"/others.*
		result=0
		preloaded "$model" "$disk" "$seed" 60 >"$scratch/out" 2>"$scratch/err" || result=$?
		[ $result = 0 ] || fail "$1, seed $seed: $result: $(cat "$scratch/out" "$scratch/err"; cut -c 1-300 "$scratch/log")"
		[ "$(find "$spills" -type f | wc -l)" = 0 ] || fail "$1, seed $seed: a spill file is left"
		if grep -qs "is kept in the spill file" "$scratch/log"; then spilled=$((spilled + 1)); fi
		holes=$((holes + $(sed -n 's/^ok //p' "$scratch/out")))
	done
	say "$1: alone $dead of $seeds runs die; preloaded none, $spilled have spilled; $holes holes were punched into a full disk"
	[ -n "${SEED:-}" ] || { [ $dead -gt 0 ] && [ $spilled -gt 0 ] && [ $holes -gt 0 ]; } || fail "$1: that shows nothing"
}

shown=
# shellcheck disable=SC2086 # pairs of words
set -- $kinds
while [ $# -gt 0 ]; do
	if disk "$1" "$2"; then
		shown=yes
		on "$1"
	else
		say "not on $1: $why"
	fi
	shift 2
done
[ -n "$shown" ] || skip "$why"
