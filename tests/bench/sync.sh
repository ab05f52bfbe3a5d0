#!/bin/sh
# make bench, the part that waits for disks: a loop of msync over 20,000 buffers of 1 MiB with a
# dirty page each, on new filesystems on loop devices; alone, with MAPHERD_SYNC=auto and with fast, in
# turns. A row has the medians and their ratios to alone. BENCH_ROUNDS sets how many turns (3),
# BENCH_BUFFERS how many buffers.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
store=$TESTS_BIN/tests/bench/sync
rounds=${BENCH_ROUNDS:-3}
buffers=${BENCH_BUFFERS:-20000}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# one WORD ARGUMENT...: a line of the program's to the word's results.
one() {
	word=$1
	shift
	case $word in
	alone) "$store" "$@" ;;
	*) MAPHERD_SYNC=$word preloaded "$store" "$@" ;;
	esac >>"$scratch/$word" || fail "$word: $*"
}

# row NAME UNIT GOALS ARGUMENT...: GOALS is what auto and fast may take, as parts of alone.
row() {
	row=$1 unit=$2 goals=$3
	shift 3
	rm -f "$scratch/alone" "$scratch/auto" "$scratch/fast"
	n=0
	while [ $((n += 1)) -le "$rounds" ]; do
		for word in alone auto fast; do
			[ "$1" != store ] || rm -f "$mnt/store"
			one $word "$@"
		done
	done
	printf '%s %s %s %s\n' "$(median "$scratch/alone")" "$(median "$scratch/auto")" "$(median "$scratch/fast")" "$goals" |
		awk -v row="$row" -v unit="$unit" -v flushes="$(awk '{ print $2 }' "$scratch/fast" | sort -n | tail -n 1)" '{
			printf "%-34s %9.1f %9.1f %9.1f %-3s %6.3f %6.3f", row, $1, $2, $3, unit, $2 / $1, $3 / $1
			if ($4 != "-")
				printf "  <= %s %s, %s %s", $4, $2 / $1 <= $4 ? "met" : "MISSED", $5, $3 / $1 <= $5 ? "met" : "MISSED"
			if (flushes != "")
				printf "; fast: %d flushes", flushes
			printf "\n" }'
}

printf '\n%-34s %9s %9s %9s %-3s %6s %6s\n' "msync, $buffers buffers" alone auto fast "" auto fast
for kind in ext4 xfs btrfs; do
	mount_fs $kind 24G || { say "not on $kind: $why"; continue; }
	device=$(basename "$(findmnt -n -o SOURCE "$mnt")")
	goals="1 0.05"
	[ $kind != ext4 ] || goals="0.333 0.05"
	for order in up down; do
		row "$kind, one after another, $order" ms "$goals" store "$mnt/store" "$buffers" $order "$device"
	done
	row "$kind, one at random" us "1.02 1.02" single "$mnt/single" 200 500
done
