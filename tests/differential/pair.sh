# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# One seed in two processes. Sourced by differential.sh and sabotage.sh, after tests/lib.sh.
#
# "Never more maps than without it, its own few excepted (at most 9)": doc/design.md. So it has to
# be on average over a seed. At one moment a few more are chance: where the kernel puts maps into
# holes, neighbours that have nothing to do with each other merge in one process and not in the
# other.
: "${scratch:?comes from tests/lib.sh}"
own_maps=9
chance=8
driver="$TESTS_BIN/tests/differential/diff-driver"
# A run takes seconds. One that does not end says in which step it is, and ends with 124.
patience=${DIFF_PATIENCE:-600}

# pair SEED STEPS FOLDER LIBRARY [DRIVER ARGUMENT...]: 0 if both processes did the same. The
# transcripts are $scratch/alone and $scratch/with; what differs is told by differs().
pair() {
	pair_seed=$1 pair_steps=$2 folder=$3 library=$4
	shift 4
	rm -rf "$folder/alone" "$folder/with"
	mkdir "$folder/alone" "$folder/with"
	alone=0
	with=0
	timeout -k 30 "$patience" "$driver" --dir "$folder/alone" --seed "$pair_seed" --steps "$pair_steps" "$@" \
		--alone >"$scratch/alone" 2>"$scratch/alone.err" || alone=$?
	case $library in
	*libmapherd.so) set -- --herded "$@" ;;
	esac
	timeout -k 30 "$patience" env LD_PRELOAD="$library" \
		"$driver" --dir "$folder/with" --seed "$pair_seed" --steps "$pair_steps" "$@" \
		>"$scratch/with" 2>"$scratch/with.err" || with=$?
	rm -rf "$folder/alone" "$folder/with"
	[ "$alone" = 0 ] || fail "seed $pair_seed: alone the driver ends with $alone:" \
		"$(tail -n 3 "$scratch/alone.err" "$scratch/alone")"
	grep -v '^#' "$scratch/alone" >"$scratch/alone.told"
	grep -v '^#' "$scratch/with" >"$scratch/with.told"
	# The first line that differs; none if one is the other's beginning.
	line=$(cmp "$scratch/alone.told" "$scratch/with.told" 2>/dev/null | sed 's/.*line //')
	[ "$with" = 0 ] || return 1
	! library_complains >/dev/null || return 1
	cmp -s "$scratch/alone.told" "$scratch/with.told" || return 1
	! too_many_maps >/dev/null
}

# True if the library says that it lost something, however equal the rest looks.
library_complains() { grep 'mapherd: .* error: ' "$scratch/with.err"; }

# True if the map counts (the lines "# N maps, N masters") are further apart than allowed; says how far.
too_many_maps() {
	grep '^# [0-9]' "$scratch/alone" >"$scratch/alone.maps"
	grep '^# [0-9]' "$scratch/with" >"$scratch/with.maps"
	paste -d' ' "$scratch/alone.maps" "$scratch/with.maps" |
		awk -v own="$own_maps" -v chance="$chance" '
			$7 - $2 > most { most = $7 - $2; masters = $9 }
			{ sum += $7 - $2; last = $7 - $2 }
			END { print "maps more than alone: " most " at most (" masters + 0 " masters then), " sum / NR " on average"
				exit most <= own + chance && sum / NR <= own && last <= own }'
}

# After a pair that differed: the step, in words, and both lines.
differs() {
	case $with in
	0) ;;
	124) echo "with the library the driver did not end in $patience s:" ;;
	*) echo "with the library the driver ended with $with:" && tail -n 3 "$scratch/with.err" ;;
	esac
	[ "$with" = 0 ] || tail -n 1 "$scratch/with"
	! library_complains || return 0
	if cmp -s "$scratch/alone.told" "$scratch/with.told"; then
		too_many_maps
		return
	fi
	[ -n "$line" ] || [ "$with" = 0 ] || return 0
	[ -n "$line" ] || line=$(wc -l <"$scratch/alone.told")
	head -n "$line" "$scratch/alone.told" | grep '^[0-9]' | tail -n 1 | sed 's/^/at or before step /'
	sed -n "${line}p" "$scratch/alone.told" | sed 's/^/  alone: /'
	sed -n "${line}p" "$scratch/with.told" | sed 's/^/  with:  /'
}
