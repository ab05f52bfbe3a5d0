#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The test of the differential test: each kind of damage in sabotage.c is caught, as what it is, and
# an honest library that merely places maps elsewhere is not accused.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/differential/pair.sh
. "$TESTS_SRC/differential/pair.sh"

broken="$TESTS_BIN/tests/differential/.libs/sabotage.so"
[ -f "$broken" ] || fail "no $broken"
folder=$scratch/here
mkdir "$folder"
! mount_fs tmpfs 64M || folder=$mnt

# ---- honest: whatever a caught damage is shown with, it is the damage alone that differs ----

# honest COUNT STEPS [DRIVER ARGUMENT...]
honest() {
	count=$1 honest_steps=$2
	shift 2
	for seed in $(seq 1 "$count"); do
		pair "$seed" "$honest_steps" "$folder" "$broken" "$@" ||
			fail "an honest library is accused, seed $seed $*: $(differs)"
	done
}
export SABOTAGE=none
honest 4 3000
honest 2 2000 --unseen 30
honest 1 1000 --differs guards,retained
# What these do is right where every call passes a hook.
for SABOTAGE in growth anew again; do
	honest 1 1000 --differs opens
done

# ---- damaged ----

# What the two lines that differ first are, without what the sed command MASK takes away.
first_two() {
	sed -n "${line}p" "$scratch/$1.told" | sed -e "$2" -e 's/ bytes [0-9a-f]*//'
}

# caught DAMAGE MASK REPORT [DRIVER ARGUMENT...]: the transcripts differ, the report is as the
# pattern REPORT wants it, and if there is a MASK, the lines that differ first are equal with it.
# Each step is looked at, so that the first line that differs is what the damage does.
caught() {
	SABOTAGE=$1 mask=$2 wanted=$3
	shift 3
	for run in 1:100 1:500 2:500 3:500 4:500 ""; do
		[ -n "$run" ] || fail "the damage '$SABOTAGE' is not seen"
		pair "${run%:*}" "${run#*:}" "$folder" "$broken" --look 1 "$@" || break
	done
	report=$(differs)
	printf '%s\n' "$report" | tr '\n' '|' | grep -q -E -e "$wanted" ||
		fail "the damage '$SABOTAGE' is not what is seen: $report"
	[ -z "$mask" ] || [ "$(first_two alone "$mask")" = "$(first_two with "$mask")" ] ||
		fail "the damage '$SABOTAGE' is not all that is seen: $report"
	say "$SABOTAGE is caught with seed ${run%:*}"
}

pages='s/@[0-9]*//g'
maps='s/\[.*\]//'
flags='s/\.\(lo\|lf\|dc\|dd\|rr\|sr\|wf\|mg\|hg\|nh\|um\|uw\|policy[0-9]\)//g'
caught offset "$pages" 'mmap .*with: .*@'
caught unmap '' 'munmap .*with: .*missing'
caught tail '' '(stack|mprotect) .*(bytes|---).*with: '
caught twice '' 'with: .*missing'
caught errno 's/, but errno is now 0//' 'but errno is now 0'
caught error 's/EPERM/EINVAL/' 'alone: .* = EINVAL.*with: .* = EPERM'
caught grown 's/ r--\([ps]\)/ rw-\1/g' 'mremap .*with: .* r--'
caught advice 's/\.dd//g' 'mmap .*with: .*\.dd'
caught fork 's/\.dc//g' 'mmap .*with: .*\.dc'
caught short 's/ size .*//' 'alone: = f[0-9.]* size .*with:  = f[0-9.]* size '
caught open '' 'stack .*alone: = bytes.*with:  = bytes' --differs guards,retained
caught shut '' 'stack .*alone: = bytes.*with:  = bytes' --differs guards,retained
caught left '' 'alone: = left:\|.*with:  = left: ' --differs guards,retained,opens
caught given '' 'munmap .*with: .*missing' --differs guards,retained,opens
caught refill "$pages" 'mmap .*with: .*@' --differs guards,retained,opens
caught bare '' 'munmap .*with: .*(= a store there: 0|is unmapped, and can be read)' --differs retained,opens
caught marked "$maps" 'mmap .*alone: = h.*with:  = h' --differs retained,opens
caught growth "$flags" 'mmap .*alone: = h.*with:  = h' --unseen 30 --differs opens
caught anew "$flags" 'mmap .*alone: = h.*with:  = h' --unseen 30 --differs opens
caught again "$maps" 'mmap .*alone: = h.*with:  = h' --unseen 30 --differs opens
caught watched 's/\.u[mw]//g' 'mmap .*with: .*\.u[mw]' --unseen 30
caught policy 's/\.policy2//g' 'mmap .*with: .*\.policy2' --unseen 30
caught dofork 's/\.dc//g' 'madvise .*alone: .*\.dc'
caught late '' 'munmap .*alone: = closed f' --unseen 30

# Too many maps are counted over a run, not at a step.
SABOTAGE=maps
seed=1
while pair "$seed" 2000 "$folder" "$broken"; do
	seed=$((seed + 1))
	[ "$seed" -le 5 ] || fail "the damage 'maps' is not seen in 5 seeds"
done
differs | grep -q '^maps more than alone' || fail "the damage 'maps' is not what is seen: $(differs)"
say "maps is caught with seed $seed"

# A run that does not end is a failure that names its step.
SABOTAGE=hang
patience=5
! pair 1 100 "$folder" "$broken" || fail "a run that does not end is not noticed"
differs | tr '\n' '|' | grep -q 'did not end in 5 s:|.*mmap .*did not end' ||
	fail "the step that does not end is not named: $(differs)"
say "hang is caught"
