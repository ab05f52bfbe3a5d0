#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Threads of a JVM that map and drop buffers until the reserve is reached: while one of them collects,
# the others wait for what that gives back, and none is told an exception that it is not told alone.
# TESTS_LONG=1: at the limit's own reserve, with every collector.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

TOTAL=30000
RESERVE=50 # percent of the limit, so that a short run gets there
collectors=ZGC # and G1GC, by turns
if [ "${TESTS_LONG:-}" ]; then
	TOTAL=200000
	RESERVE=2
	collectors="SerialGC G1GC ZGC"
fi
limit=$(cat /proc/sys/vm/max_map_count)
if [ "$limit" -gt 70000 ] || [ "$limit" -lt 60000 ]; then
	skip "vm.max_map_count is $limit, and the numbers here are made for 65,530"
fi
# So many maps are kept that the others reach the reserve before a collector has a reason of its own.
kept=$((limit - limit * RESERVE / 100 - 10000))
mkdir "$scratch/files"
cd "$scratch" # a JVM that dies writes its report here

# turnover COLLECTOR ARGUMENT...: with those of env(1); how many maps failed is in $failed.
turnover() {
	collector=$1
	shift
	env "$@" "$jdk/bin/java" -Xms1g -Xmx1g "-XX:+Use$collector" -XX:-CreateCoredumpOnCrash -cp "$scratch" \
		Turnover "$scratch/files" 2000 8 "$TOTAL" "$kept" >"$scratch/out" 2>"$scratch/err" ||
		fail "$jdk, $collector: status $?: $(cat "$scratch/out" "$scratch/err")"
	failed=$(sed -n 's/^library=[01] total=[0-9]* failed=\([0-9]*\)$/\1/p' "$scratch/out")
}

jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || skip "no JDK with a compiler"
while read -r jdk; do
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/Reserve.java" "$TESTS_SRC/preload/Turnover.java"
	case $collectors in
	ZGC) collectors=G1GC ;;
	G1GC) collectors=ZGC ;;
	esac
	for collector in $collectors; do
		if ! "$jdk/bin/java" "-XX:+Use$collector" -version >"$scratch/out" 2>&1; then
			say "not run: $jdk has no $collector"
			continue
		fi
		if [ $((kept + TOTAL)) -lt $((limit - 2500)) ]; then # else alone it may die at the limit
			turnover "$collector" -u LD_PRELOAD
			[ "$failed" = 0 ] || fail "$jdk, $collector: alone $failed maps failed"
		fi
		rm -f "$scratch/log"
		turnover "$collector" LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LOG="$scratch/log" MAPHERD_RESERVE=$RESERVE%
		grep -q '^library=1 ' "$scratch/out" || fail "$jdk, $collector: the library is not in the JVM"
		grep -q 'error: refused to map ' "$scratch/log" ||
			fail "$jdk, $collector: nobody was refused, so nothing is shown: $(cat "$scratch/log")"
		[ "$failed" = 0 ] || fail "$jdk, $collector: $failed of $TOTAL maps failed: $(cat "$scratch/out")"
		say "$jdk, $collector: $TOTAL maps by 8 threads beside $kept, none failed"
	done
done <"$scratch/jdks"
