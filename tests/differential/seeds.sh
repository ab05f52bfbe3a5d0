# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Many seeds on one filesystem, and what to tell of one that differs. Sourced by differential.sh
# and pressure.sh, after tests/lib.sh and pair.sh.
#
# Random seeds: DIFF_SEED=random, and in make check-long. Replay what failed: DIFF_SEED=N DIFF_ON=FS
# and what else the failure names, with the same script (under make check's environment: make check
# TESTS=... DIFF_SEED=N DIFF_ON=FS).
# DIFF_SEEDS: so many seeds; DIFF_STEPS: steps a seed; DIFF_SHRINK=0: do not look for the fewest
# steps that still differ; DIFF_UNSEEN: the share of calls that pass no hook, else two seeds of three
# have 30 %, and every third has none, so that what the library knows stays right for long. DIFF_PAST: the
# share of calls by a handle of libc or by its syscall, in a seed without such; else every second of these has
# 60 % where the library redirects libc's sites.
# shellcheck shell=sh disable=SC2154
: "${scratch:?comes from tests/lib.sh}"
steps=${DIFF_STEPS:-5000}
seed_of "${DIFF_SEED:-}"
say "seeds from $seed on, $steps steps each"

# A list of steps as the driver takes it.
only() { tr '\n' ',' <"$1" | sed 's/,$//'; }

# shrink SEED FOLDER [DRIVER ARGUMENT...]: leaves out what need not be there for the transcripts
# to differ.
shrink() {
	shrink_seed=$1 shrink_in=$2
	shift 2
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
				! pair "$shrink_seed" "$last" "$shrink_in" "$MAPHERD_LIB" "$@" --look 10 \
					--only "$(only "$scratch/fewer")"; then
				mv "$scratch/fewer" "$scratch/keep"
			else
				at=$((at + size))
			fi
		done
		size=$((size / 2))
	done
	pair "$shrink_seed" "$last" "$shrink_in" "$MAPHERD_LIB" "$@" --look 1 \
		--only "$(only "$scratch/keep")" || :
	say "the fewest steps found: --only $(only "$scratch/keep")"
	cat "$scratch/alone" >&2
	differs >&2
}

# A new filesystem of this kind, or the scratch folder ("here"), in $on.
stand_on() {
	on=$scratch/here
	mkdir -p "$on"
	if [ "$1" != here ]; then
		if mount_fs "$1" 400M; then
			on=$mnt
		else
			say "not on $1: $why; in the scratch folder instead"
		fi
	fi
}

# The share of calls that pass no hook, for this seed.
unseen_in() {
	if [ -n "${DIFF_UNSEEN:-}" ]; then
		echo "$DIFF_UNSEEN"
	elif [ $(($1 % 3)) = 0 ]; then
		echo 0
	else
		echo 30
	fi
}

# The share of calls past the symbols that the library sees, for this seed.
past_in() {
	if [ "$unseen" != 0 ]; then
		echo 0
	elif [ -n "${DIFF_PAST:-}" ]; then
		echo "$DIFF_PAST"
	elif [ "$(uname -m)" = x86_64 ] && [ $(($1 % 6)) = 0 ]; then
		echo 60
	else
		echo 0
	fi
}

# Says how far the long form is, and at the end how much was compared.
progress() {
	[ -z "${TESTS_LONG:-}" ] || [ $((seed % 10)) != 0 ] || say "$kind: up to seed $seed equal; $(steps_made)"
}
# What the kernel lacks, so that these steps fail alike in both processes.
lacking() {
	sort -u "$scratch/lacks" | while read -r _ lacks; do
		say "not shown here: $lacks on this kernel"
	done
}
steps_made() {
	awk '{ steps += $1; unseen += $3 } END { print steps + 0 " steps, in " unseen + 0 " of them calls that pass no hook" }' \
		"$scratch/made"
}
: >"$scratch/made"
: >"$scratch/lacks"

# seeds KIND COUNT REPLAY [DIFFERENCES]: the next COUNT seeds, in $on, which is of this kind. REPLAY:
# what the environment needs to be told, besides seed and filesystem, to do it again. DIFFERENCES:
# those that are looked past (driver.h).
seeds() {
	kind=$1 end=$((seed + $2)) replay=$3 brings=${4:-none}
	while [ "$seed" -lt "$end" ]; do
		unseen=$(unseen_in "$seed")
		past=$(past_in "$seed")
		# A page that was allocated ahead is not missing, and a userfaultfd of missing pages tells,
		# where the overlay lies on a tmpfs. That is what preallocation is for.
		MAPHERD_PREALLOC=auto
		[ "$kind" != overlay ] || [ "$unseen" = 0 ] || MAPHERD_PREALLOC=off
		export MAPHERD_PREALLOC
		# On a disk the open file of a map is kept, to prove whose it is, until its last map goes by
		# a call that the library sees (doc/design.md, section 5, "What remains").
		kept=
		case $kind in ext4 | xfs | btrfs | here) [ "$unseen" = 0 ] || kept=",opens" ;; esac
		if ! pair "$seed" "$steps" "$on" "$MAPHERD_LIB" --unseen "$unseen" --past "$past" --differs "$brings$kept"; then
			say "seed $seed on $kind ($steps steps) differs:" >&2
			differs >&2
			[ "${DIFF_SHRINK:-1}" = 0 ] || shrink "$seed" "$on" --unseen "$unseen" --past "$past" --differs "$brings$kept"
			fail "replay: DIFF_SEED=$seed DIFF_ON=$kind DIFF_STEPS=$steps $replay"
		fi
		sed -n 's/^# did: //p' "$scratch/with" >>"$scratch/did"
		sed -n 's/^# made: //p' "$scratch/with" >>"$scratch/made"
		grep -h '^# no ' "$scratch/with" >>"$scratch/lacks" || :
		seed=$((seed + 1))
		progress
	done
}
