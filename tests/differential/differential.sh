#!/bin/sh
# The same random sequence of every hooked call, with and without the library, in two processes:
# results, errno, bytes, and what /proc/self/smaps says of every page must be equal, and there may
# not be more maps. 100,000 steps on every filesystem that can be mounted here.
#
# Replay what failed: DIFF_SEED=N DIFF_ON=FS tests/differential/differential.sh (under make check's
# environment: make check TESTS=tests/differential/differential.sh DIFF_SEED=N DIFF_ON=FS).
# DIFF_SEEDS: so many seeds; DIFF_STEPS: steps a seed; DIFF_SHRINK=0: do not look for the fewest steps that still differ.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/differential/pair.sh
. "$TESTS_SRC/differential/pair.sh"

steps=${DIFF_STEPS:-5000}
first=${DIFF_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
# Seeds a filesystem: most where the kernel's ways of merging are the most, fewer where a step
# waits for a disk. 20 together.
plan=${DIFF_ON:+"$DIFF_ON:${DIFF_SEEDS:-1}"}
plan=${plan:-tmpfs:9 overlay:4 ext4:2 xfs:2 btrfs:2 here:1}
say "seeds from $first on, $steps steps each"

# A list of steps as the driver takes it.
only() { tr '\n' ',' <"$1" | sed 's/,$//'; }

# shrink SEED FOLDER: leaves out what need not be there for the transcripts to differ.
shrink() {
	last=$(grep '^[0-9]' "$scratch/alone" | tail -n 1 | sed 's/[^0-9].*//')
	seq 1 "$last" >"$scratch/keep"
	size=$((last / 2))
	runs=0
	while [ "$size" -ge 1 ] && [ "$runs" -lt 300 ]; do
		at=1
		while [ "$at" -le "$(wc -l <"$scratch/keep")" ]; do
			sed "${at},$((at + size - 1))d" "$scratch/keep" >"$scratch/fewer"
			runs=$((runs + 1))
			if [ -s "$scratch/fewer" ] &&
				! pair "$1" "$last" "$2" "$MAPHERD_LIB" --look 10 --only "$(only "$scratch/fewer")"; then
				mv "$scratch/fewer" "$scratch/keep"
			else
				at=$((at + size))
			fi
		done
		size=$((size / 2))
	done
	pair "$1" "$last" "$2" "$MAPHERD_LIB" --look 1 --only "$(only "$scratch/keep")" || :
	say "the fewest steps found: --only $(only "$scratch/keep")"
	cat "$scratch/alone" >&2
	differs >&2
}

seed=$first
for entry in $plan; do
	kind=${entry%:*}
	folder=$scratch/here
	mkdir -p "$folder"
	if [ "$kind" != here ]; then
		if mount_fs "$kind" 400M; then
			folder=$mnt
		else
			say "not on $kind: $why; in the scratch folder instead"
		fi
	fi
	end=$((seed + ${entry#*:}))
	while [ "$seed" -lt "$end" ]; do
		if ! pair "$seed" "$steps" "$folder" "$MAPHERD_LIB"; then
			say "seed $seed on $kind ($steps steps) differs:" >&2
			differs >&2
			[ "${DIFF_SHRINK:-1}" = 0 ] || shrink "$seed" "$folder"
			fail "replay: DIFF_SEED=$seed DIFF_ON=$kind DIFF_STEPS=$steps"
		fi
		seed=$((seed + 1))
	done
	say "$kind: ${entry#*:} seeds equal; the last: $(too_many_maps || :)"
done
