#!/bin/sh
# The test of the differential test: each kind of damage in sabotage.c is caught, and an honest
# library that merely places maps elsewhere is not accused.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/differential/pair.sh
. "$TESTS_SRC/differential/pair.sh"

broken="$TESTS_BIN/tests/differential/.libs/sabotage.so"
[ -f "$broken" ] || fail "no $broken"
folder=$scratch/here
mkdir "$folder"
! mount_fs tmpfs 64M || folder=$mnt

export SABOTAGE=none
for seed in 1 2 3 4; do
	pair "$seed" 3000 "$folder" "$broken" || fail "an honest library is accused, seed $seed: $(differs)"
done

# caught DAMAGE [DRIVER ARGUMENT...]
caught() {
	SABOTAGE=$1
	shift
	seed=1
	while pair "$seed" 2000 "$folder" "$broken" "$@"; do
		seed=$((seed + 1))
		[ "$seed" -le 5 ] || fail "the damage '$SABOTAGE' is not seen in 5 seeds"
	done
	say "$SABOTAGE is caught with seed $seed"
}

for damage in offset unmap tail twice errno error grown advice fork short maps; do
	caught "$damage"
done
for damage in open shut left given refill; do
	caught "$damage" --differs guards,held
done
