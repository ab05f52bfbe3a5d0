#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# make bench, the part of cold mappings: what visits cost where the warm set is enough, what a fault costs, and
# how a population does of which half can be warm, beside one whose limit is raised (all of it warm, bare).
# The files are on a tmpfs. Rows as in bench.sh; BENCH_PAIRS sets how many pairs.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/bench/judge.sh
. "$(dirname "$0")/judge.sh"
bench=$TESTS_BIN/tests/bench/cold
pairs=${BENCH_PAIRS:-20}
kernel_since 6.11 || skip "$(uname -r): what lies at an address can be asked for since Linux 6.11"
mount_fs tmpfs 2G || fail "no tmpfs: $why"

# one FILE WARM ARGUMENTS...: a number goes to the file. WARM: how many mappings may be; - for bare.
one() {
	into=$scratch/$1 warm=$2
	shift 2
	remove_in "$mnt" -mindepth 1
	if [ "$warm" = - ]; then
		"$bench" "$mnt" "$@" >>"$into" || fail "$* failed"
	else
		MAPHERD_COLD=on MAPHERD_COLD_WARM=$warm LD_PRELOAD="$MAPHERD_LIB" "$bench" "$mnt" "$@" >>"$into" ||
			fail "$* failed, $warm of them warm"
	fi
}

# compare ROW WORD GOAL UNIT "BARE" "WITH": the arguments of one for either side.
compare() {
	row=$1 word=$2 goal=$3 unit=$4
	rm -f "$scratch/bare" "$scratch/preloaded"
	n=0
	while [ $n -lt "$pairs" ]; do
		# shellcheck disable=SC2086 # words
		if [ $((n % 2)) = 0 ]; then
			one bare $5
			one preloaded $6
		else
			one preloaded $6
			one bare $5
		fi
		n=$((n + 1))
	done
	judge "$word" "$goal" "$unit"
}

printf '\n%-50s %11s %11s %11s  %-16s %s\n' "cold mappings" bare preloaded '' quartiles goal
compare "a visit, 2,000 files, all warm" ratio 1.02 ns "- 2000 1 1000000 visit" "0 2000 1 1000000 visit"
compare "the same, 8 threads" ratio 1.02 ns "- 2000 8 1000000 visit" "0 2000 8 1000000 visit"
compare "a visit, 20,000 files, Zipf: 10,000 warm" ratio 1.25 ns "- 20000 1 200000 zipf" "10000 20000 1 200000 zipf"
compare "the same, and a visit checks the CRC of 8 KiB" ratio 1.25 ns "- 20000 1 100000 check" "10000 20000 1 100000 check"
compare "mmap + munmap, 5,000 of 10,000 files warm" ratio - ns "- 10000 1 20000 map" "5000 10000 1 20000 map"
compare "memory of a mapping, 500 of 20,000 files warm" added - B "- 20000 1 0 memory" "500 20000 1 0 memory"
compare "a visit of which nine in ten fault, median" added 15000 ns "- 10000 1 40000 fault" "1000 10000 1 40000 fault"
compare "the same, 8 threads" added 22500 ns "- 10000 8 40000 fault" "1000 10000 8 40000 fault"
