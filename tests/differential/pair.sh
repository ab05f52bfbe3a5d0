# One seed in two processes. Sourced by differential.sh and sabotage.sh, after tests/lib.sh.
#
# "never more maps than without it, its own few excepted (at most 8)": doc/design.md.
: "${scratch:?comes from tests/lib.sh}"
own_maps=8
driver="$TESTS_BIN/tests/differential/diff-driver"

# pair SEED STEPS FOLDER LIBRARY [DRIVER ARGUMENT...]: 0 if both processes did the same. The
# transcripts are $scratch/alone and $scratch/with; what differs is told by differs().
pair() {
	pair_seed=$1 pair_steps=$2 folder=$3 library=$4
	shift 4
	rm -rf "$folder/alone" "$folder/with"
	mkdir "$folder/alone" "$folder/with"
	alone=0
	with=0
	"$driver" --dir "$folder/alone" --seed "$pair_seed" --steps "$pair_steps" "$@" \
		>"$scratch/alone" 2>"$scratch/alone.err" || alone=$?
	case $library in
	*libmapherd.so) set -- --herded "$@" ;;
	esac
	LD_PRELOAD="$library" "$driver" --dir "$folder/with" --seed "$pair_seed" \
		--steps "$pair_steps" "$@" >"$scratch/with" 2>"$scratch/with.err" || with=$?
	rm -rf "$folder/alone" "$folder/with"
	[ "$alone" = 0 ] || fail "seed $pair_seed: alone the driver ends with $alone:" \
		"$(tail -n 3 "$scratch/alone.err" "$scratch/alone")"
	[ "$with" = 0 ] || return 1
	grep -v '^#' "$scratch/alone" >"$scratch/alone.told"
	grep -v '^#' "$scratch/with" >"$scratch/with.told"
	cmp -s "$scratch/alone.told" "$scratch/with.told" || return 1
	too_many_maps && return 1
	return 0
}

# Where the map counts (the lines "# N maps") are further apart than allowed.
too_many_maps() {
	grep '^#' "$scratch/alone" >"$scratch/alone.maps"
	grep '^#' "$scratch/with" >"$scratch/with.maps"
	paste -d' ' "$scratch/alone.maps" "$scratch/with.maps" |
		awk -v own="$own_maps" '$5 > $2 + own { print "look " NR ": " $2 " maps alone, " $5 " with"; bad = 1; exit }
			END { exit !bad }'
}

# After a pair that differed: the step, in words, and both lines.
differs() {
	[ "$with" = 0 ] || {
		echo "with the library the driver ended with $with:"
		tail -n 3 "$scratch/with.err" "$scratch/with"
		return
	}
	if cmp -s "$scratch/alone.told" "$scratch/with.told"; then
		too_many_maps
		return
	fi
	line=$(cmp "$scratch/alone.told" "$scratch/with.told" | sed 's/.*line //')
	[ -n "$line" ] || line=$(wc -l <"$scratch/alone.told")
	head -n "$line" "$scratch/alone.told" | grep '^[0-9]' | tail -n 1 | sed 's/^/at or before step /'
	sed -n "${line}p" "$scratch/alone.told" | sed 's/^/  alone: /'
	sed -n "${line}p" "$scratch/with.told" | sed 's/^/  with:  /'
}
