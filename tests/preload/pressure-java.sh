#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Maps of different files, which merge with nothing, in every JDK with two collectors. The JVM
# alone dies of an innocent map, a stack's guard page or a commit; preloaded its file maps are
# refused in time, it collects garbage and goes on. TESTS_LONG=1: eight runs of each.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

LIVE=40000
TOTAL=200000
HEAP=256m # so large that garbage alone does not make the JVM collect
HELD=70000
runs=1
[ -z "${TESTS_LONG:-}" ] || runs=8
limit=$(cat /proc/sys/vm/max_map_count)
if [ "$limit" -ge "$HELD" ] || [ "$limit" -lt 60000 ]; then
	skip "vm.max_map_count is $limit, and the numbers here are made for 65,530"
fi
folder="$scratch/files"
mkdir "$folder"
cd "$scratch" # a JVM that dies writes its report here

# java JDK COLLECTOR HEAP PROGRAM NUMBERS...: HEAP is the one to begin with.
java() {
	jdk=$1
	collector=$2
	heap=$3
	shift 3
	"$jdk/bin/java" "-Xms$heap" -Xmx1g "-XX:+Use$collector" -XX:-CreateCoredumpOnCrash \
		-cp "$scratch" "$@" >"$scratch/out" 2>"$scratch/err"
}

dies_alone() {
	for _ in 1 2 3; do
		if ! java "$1" G1GC $HEAP Reserve "$folder" "$LIVE" "$TOTAL"; then
			grep -q -e 'insufficient memory' -e 'commit_memory' -e 'unable to create native' \
				-e 'churn=OutOfMemoryError' "$scratch/out" "$scratch/err" ||
				fail "$1: alone it died, but not for lack of maps: $(head -5 "$scratch/err")"
			return
		fi
	done
	fail "$1: alone it should die, and finished three times"
}

# preloaded_java ...: as java, with the library, which logs to $scratch/log.
preloaded_java() {
	rm -f "$scratch/log"
	MAPHERD_LOG="$scratch/log"
	LD_PRELOAD="$MAPHERD_LIB"
	export MAPHERD_LOG LD_PRELOAD
	status=0
	java "$@" || status=$?
	unset MAPHERD_LOG LD_PRELOAD
	cat "$scratch/out" "$scratch/err" >"$scratch/both"
	[ "$status" = 0 ] ||
		fail "$*: status $status: $(head -5 "$scratch/both"; cut -c 1-200 "$scratch/log")"
	grep -q '^library=1' "$scratch/out" || fail "$*: the library is not in the JVM"
	if grep 'vm.max_map_count = [0-9]* allows' "$scratch/log"; then
		fail "$*: the reserve did not keep it from the limit"
	fi
}

# lives JDK COLLECTOR
lives() {
	for run in $(seq "$runs"); do
		preloaded_java "$1" "$2" $HEAP Reserve "$folder" "$LIVE" "$TOTAL"
		grep -q "^library=1 live=$LIVE total=$TOTAL " "$scratch/out" ||
			fail "$1 $2, run $run: $(cat "$scratch/both")"
	done
}

# refuses JDK COLLECTOR
refuses() {
	preloaded_java "$1" "$2" 32m Held "$folder" "$LIVE" "$HELD"
	grep -q "^held=6[0-9]* refused='Map failed'$" "$scratch/out" ||
		fail "$1 $2: no IOException 'Map failed': $(cat "$scratch/both")"
	grep -q 'error: refused to map ' "$scratch/log" ||
		fail "$1 $2: the refusal is not in the log: $(cat "$scratch/log")"
	for went_on in threads=200 heap=300 classes=3000 again=$((LIVE / 4)); do
		grep -q "^$went_on$" "$scratch/out" || fail "$1 $2: no $went_on: $(cat "$scratch/both")"
	done
}

# beyond JDK COLLECTOR: where mappings may be cold, none is refused, and the JVM goes on.
beyond() {
	export MAPHERD_COLD=auto
	preloaded_java "$1" "$2" 32m Held "$folder" "$LIVE" "$HELD"
	unset MAPHERD_COLD
	for went_on in "held=$HELD refused=''" threads=200 heap=300 classes=3000 again=$((LIVE / 4)); do
		grep -q "^$went_on$" "$scratch/out" || fail "$1 $2: no $went_on: $(cat "$scratch/both")"
	done
}

jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || skip "no JDK with a compiler"
while read -r jdk; do
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/Reserve.java" \
		"$TESTS_SRC/preload/Held.java"
	dies_alone "$jdk"
	for collector in G1GC ZGC; do
		if ! java "$jdk" "$collector" $HEAP -version; then
			say "not run: $jdk has no $collector"
			continue
		fi
		lives "$jdk" "$collector"
		refuses "$jdk" "$collector"
		refused=$(grep held= "$scratch/out")
		! kernel_since 6.11 || beyond "$jdk" "$collector"
		say "$jdk, $collector: $TOTAL maps $runs times; $refused"
	done
done <"$scratch/jdks"
