#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# make bench: what mapherd costs and what it saves, bare and preloaded side by side.
#
# Each row is measured in pairs, in the order bare preloaded, preloaded bare, ..., so that a
# machine that grows slower or faster meanwhile does that to both. The table has the medians, the
# median of the pairs' ratios (or differences), and their quartiles. It never fails on time.
# BENCH_PAIRS sets how many pairs (20).
#
# BENCH_BEFORE=LIBRARY compares with an earlier libmapherd.so instead: what is called bare runs under
# that one, so that a change is seen beside the commit before it in one run.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/bench/judge.sh
. "$(dirname "$0")/judge.sh"
bench=$TESTS_BIN/tests/bench/bench
pairs=${BENCH_PAIRS:-20}

# One number of a mode, with the library and without. To measure a start, the bench itself stays
# bare and gives the library to what it starts.
bare() {
	if [ "$1" = start ]; then
		"$bench" start "${BENCH_BEFORE:--}" >>"$scratch/bare" || fail "start failed"
	elif [ "${BENCH_BEFORE:-}" ]; then
		LD_PRELOAD="$BENCH_BEFORE" "$bench" "$@" >>"$scratch/bare" || fail "$* failed under $BENCH_BEFORE"
	else
		"$bench" "$@" >>"$scratch/bare" || fail "$* failed"
	fi
}
with_library() {
	if [ "$1" = start ]; then
		"$bench" start "$MAPHERD_LIB" >>"$scratch/preloaded" || fail "start failed, preloaded"
	else
		preloaded "$bench" "$@" >>"$scratch/preloaded" || fail "$* failed, preloaded"
	fi
}

# compare ROW WORD GOAL UNIT MODE...: a row of the table.
compare() {
	row=$1 word=$2 goal=$3 unit=$4
	shift 4
	: >"$scratch/bare"
	: >"$scratch/preloaded"
	n=0
	while [ $((n += 1)) -le "$pairs" ]; do
		[ $((n % 2)) = 0 ] || bare "$@"
		with_library "$@"
		[ $((n % 2)) = 1 ] || bare "$@"
	done
	judge "$word" "$goal" "$unit"
}

# A small file and a large sparse one on that folder's filesystem.
files_in() {
	small=$1/mapherd-bench.small.$$
	large=$1/mapherd-bench.large.$$
	later "rm -f '$small' '$large'"
	head -c 64K /dev/zero >"$small"
	truncate -s 20000M "$large"
	where=$(stat -f -c %T "$1")
}

printf '%s, %s, %s processors, %s pairs a row\n\n' "$(uname -sr)" "$(uname -m)" "$(nproc)" "$pairs"
left=bare
[ ! "${BENCH_BEFORE:-}" ] || left=before
printf '%-50s %11s %11s %-3s %7s  %-16s %-8s %s\n' "" $left preloaded "" "" quartiles goal ""
compare "anonymous mmap + munmap" ratio 1.05 ns anonymous
for folder in /dev/shm "$TESTS_BIN"; do
	files_in "$folder"
	compare "mmap + munmap, whole file of 64 KiB, $where" ratio 1.15 ns whole "$small"
	compare "mmap + munmap, chunk of 1 MiB, $where" ratio 1.10 ns chunk "$large"
	compare "20,000 ascending chunks, mmap, $where" ratio 0.75 ns ascending "$large"
	compare "20,000 ascending chunks, both, $where" ratio - ns both "$large"
	(export MAPHERD_COALESCE=fill; compare "chunk inside a filled window, $where" ratio 0.15 ns inside "$large")
done
compare "fork + wait, 20,000 chunks mapped" ratio - us fork "$large"
compare "64 threads, mmap + munmap of a chunk" ratio - ns threads "$large"
compare "sigaction, two calls, SIGUSR1" ratio 1.05 ns action 10
compare "sigaction, two calls, SIGBUS" ratio - ns action 7
compare "pthread_sigmask, two calls, SIGTERM" ratio 1.05 ns mask few
compare "pthread_sigmask, two calls, all signals" ratio 1.05 ns mask all
compare "getppid" ratio 1.00 ns brief getppid
compare "getppid by libc's syscall" ratio - ns brief number
compare "a read of a byte" ratio 1.00 ns brief read
compare "a signal to this thread" ratio 1.00 ns brief signal
compare "start of /bin/true" added 300 us start
compare "memory of a process, Rss" added 300 KiB memory "$large" Rss
compare "memory of a process, Pss" added - KiB memory "$large" Pss

# Both preloaded: by its symbol on the left, past it on the right.
row="a chunk by libc's mmap; left by its symbol"
: >"$scratch/bare"
: >"$scratch/preloaded"
n=0
while [ $((n += 1)) -le "$pairs" ]; do
	preloaded "$bench" chunk "$large" >>"$scratch/bare" || fail "chunk failed, preloaded"
	with_library handle "$large"
done
judge ratio 1.05 ns

# Not preloaded: the unwinder itself, libc's backtrace() on the left.
row="a call stack of 16, backtrace() and ours"
: >"$scratch/bare"
: >"$scratch/preloaded"
n=0
while [ $((n += 1)) -le "$pairs" ]; do
	"$TESTS_BIN/tests/unit/walk" libc >>"$scratch/bare" || fail "walk libc failed"
	"$TESTS_BIN/tests/unit/walk" ours >>"$scratch/preloaded" || fail "walk ours failed"
done
judge ratio 0.50 ns

# What strict does to a GiB of holes, against writing zeros there: a folder with 4 GiB and more.
row="space for 1 GiB: bare by zeros, preloaded by the map" pairs=5 n=0
: >"$scratch/bare"
: >"$scratch/preloaded"
: >"$large.gib"
later "rm -f '$large.gib'"
while [ $((n += 1)) -le "$pairs" ]; do
	bare zeros "$large.gib"
	MAPHERD_PREALLOC=strict with_library allocated "$large.gib"
	[ "$(stat -c %b "$large.gib")" -ge 2097152 ] || fail "the GiB was not allocated"
done
rm "$large.gib"
judge ratio 0.02 ms

# A store to a hole: bare where there is space, preloaded where there is none.
first_stores() {
	row="first store to a page, $1: bare with space, spilled" pairs=5 n=0
	: >"$scratch/bare"
	: >"$scratch/preloaded"
	MAPHERD_PREALLOC=off MAPHERD_SPILL_DIR=$scratch
	export MAPHERD_PREALLOC MAPHERD_SPILL_DIR
	while [ $((n += 1)) -le "$pairs" ]; do
		rm -f "$mnt/file" "$mnt/filler"
		: >"$mnt/file"
		bare holes "$mnt/file"
		rm "$mnt/file"
		: >"$mnt/file"
		dd if=/dev/zero of="$mnt/filler" bs=64K 2>/dev/null || sync
		dd if=/dev/zero of="$mnt/filler" bs=4K oflag=append conv=notrunc 2>/dev/null || sync
		with_library holes "$mnt/file" 2>>"$scratch/spilled"
	done
	unset MAPHERD_PREALLOC MAPHERD_SPILL_DIR
	grep -q 'spill file' "$scratch/spilled" || fail "nothing was spilled"
	judge ratio - ns
}
if mount_fs ext4 64M; then
	first_stores ext4
else
	say "not measured: the first store to a page of a full disk ($why)"
fi
