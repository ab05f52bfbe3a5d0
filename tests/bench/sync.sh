#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# make bench, the part that waits for disks: a loop of msync over 20,000 buffers of 1 MiB with a dirty
# page each, in C, and over half as many in Java, on new filesystems on loop devices; alone, with
# MAPHERD_SYNC=auto and with fast; and one fsync, which is the least that it can cost: where fast takes no
# more than a quarter longer, a missed goal is the floor. A row has the medians of all rounds, which are
# taken in turns, their ratios to alone, and the flushes of the block device; after each store the
# filesystem is mounted anew and its bytes are compared. BENCH_ROUNDS says how many rounds (1: three
# minutes), BENCH_BUFFERS how many buffers, BENCH_KINDS which filesystems.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
store=$TESTS_BIN/tests/bench/sync
rounds=${BENCH_ROUNDS:-1}
buffers=${BENCH_BUFFERS:-20000}
calls=1000 # of one at random

median() { sort -n "$scratch/$1" | awk -v column="$2" '{ v[NR] = $column } END { print v[int((NR + 1) / 2)] }'; }

# A store to a page that was never read reads 128 KiB around it, and thousands of these would take
# longer than the syncs; meanwhile the kernel would write in the background.
no_readahead() {
	for at in "/sys/block/$device/queue/read_ahead_kb" "/sys/fs/btrfs/$(findmnt -n -o UUID "$mnt")/bdi/read_ahead_kb"; do
		[ ! -w "$at" ] || echo 0 >"$at"
	done
}

again() {
	umount "$mnt"
	mount -o loop "$scratch/$kind.img" "$mnt"
	device=$(basename "$(findmnt -n -o SOURCE "$mnt")")
	no_readahead
}

flushed() { awk '{ print $16 }' "/sys/block/$device/stat"; }

# one WORD COMMAND...: the milliseconds of one store, and its flushes, go to the word's results. What
# was stored is there when the filesystem was mounted anew.
one() {
	word=$1
	shift
	rm -f "$mnt/store"
	sync -f "$mnt"
	before=$(flushed)
	case $word in
	alone | once) took=$("$@") ;;
	*) took=$(MAPHERD_PREALLOC=off MAPHERD_SYNC=$word preloaded "$@") ;;
	esac || fail "$word: $*"
	echo "$took $(($(flushed) - before))" >>"$scratch/$word"
	again
	"$store" check "$mnt/store" "$many" || fail "$word: something is missing: $*"
}

head_line() { printf '\n%-26s %8s %8s %8s %8s   %6s %6s   %s\n' "$1" once alone auto fast auto fast "flushes: once, alone, auto, fast"; }

# row NAME GOALS ORDER COMMAND...: GOALS is what auto and fast may take, as parts of alone; the
# command gets the file, how many buffers, and the order.
row() {
	row=$1 goals=$2 order=$3
	shift 3
	rm -f "$scratch/once" "$scratch/alone" "$scratch/auto" "$scratch/fast"
	n=0
	while [ $((n += 1)) -le "$rounds" ]; do
		one once "$store" store "$mnt/store" "$many" once
		for word in alone auto fast; do
			one $word "$@" "$mnt/store" "$many" "$order"
		done
	done
	for word in once alone auto fast; do
		echo "$(median $word 1) $(median $word 2)"
	done | awk -v row="$row" -v goals="$goals" '
		{ ms[NR] = $1; flushes = flushes " " $2 }
		END {
			split(goals, goal)
			auto = ms[3] / ms[2]; fast = ms[4] / ms[2]
			printf "%-26s %8.0f %8.0f %8.0f %8.0f   %6.3f %6.3f  %s", row, ms[1], ms[2], ms[3], ms[4], auto, fast, flushes
			printf "   <= %s %s, %s %s\n", goal[1], auto <= goal[1] ? "met" : "MISSED",
				goal[2], fast <= goal[2] ? "met" : ms[4] <= 1.25 * ms[1] ? "floor" : "MISSED"
		}'
}

jdk=$(jdks | head -n 1)
[ -z "$jdk" ] || "$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/Store.java"
singles=
for kind in ${BENCH_KINDS:-ext4 xfs btrfs}; do
	mount_fs "$kind" 24G || { say "not on $kind: $why"; continue; }
	device=$(basename "$(findmnt -n -o SOURCE "$mnt")")
	no_readahead
	goals="1 0.05"
	[ "$kind" != ext4 ] || goals="0.333 0.05"
	many=$buffers
	head_line "$kind, $many msyncs, ms"
	for order in up down; do
		row "one after another, $order" "$goals" $order "$store" store
	done
	many=$((buffers / 2))
	for order in up down; do
		[ -z "$jdk" ] || row "in Java, $many, $order" "$goals" $order "$jdk/bin/java" -cp "$scratch" Store
	done
	singles="$singles$kind $(MAPHERD_PREALLOC=off "$TESTS_BIN/tests/bench/turns" "$mnt/single" 200 $calls "$MAPHERD_LIB" auto fast)
"
done
[ -z "$singles" ] || {
	printf '\n%-26s %8s %8s %8s   %6s %6s\n' "one at random, us" alone auto fast auto fast
	printf '%s' "$singles" | awk '{ printf "%-26s %8.1f %8.1f %8.1f   %6.3f %6.3f  <= 1.02 %s\n", $1, $2, $3, $4,
		$3 / $2, $4 / $2, ($3 > $4 ? $3 : $4) <= 1.02 * $2 ? "met" : "MISSED" }'
}
