#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The same parts of a file, mapped again before the collector has taken the buffers dropped before: fewer
# maps than alone, and no exception that alone has not, with every collector and JDK. TESTS_LONG=1:
# 200,000 maps, where alone the limit is met on the way.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

COUNT=20000
[ -z "${TESTS_LONG:-}" ] || COUNT=200000
file="$(cd "$scratch" && pwd -P)/parts"
cd "$scratch" # a JVM that crashes writes its report here

# layers COMMAND...: a JVM's words, in out.
layers() {
	rm -f "$file"
	status=0
	"$@" "$jdk/bin/java" -Xmx256m "$collector" -XX:-CreateCoredumpOnCrash -XX:TieredStopAtLevel=1 \
		-cp "$scratch" Layers "$file" "$COUNT" >"$scratch/out" 2>"$scratch/err" || status=$?
	library=0 peak='' wrong='' refused=''
	eval "$(grep -v '^#' "$scratch/out")"
	seen="$(cat "$scratch/out") $(head -5 "$scratch/err")"
}

jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || skip "no JDK with a compiler"
while read -r jdk; do
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/Layers.java"
	for collector in -XX:+UseSerialGC -XX:+UseG1GC -XX:+UseZGC; do
		layers env
		[ "$status" = 0 ] || fail "$jdk $collector: alone: status $status: $seen"
		[ "$wrong" = 0 ] || fail "$jdk $collector: alone: $seen"
		alone_peak=$peak alone_refused=$refused
		layers env LD_PRELOAD="$MAPHERD_LIB"
		what="$jdk $collector"
		[ "$status" = 0 ] || fail "$what: status $status: $seen"
		[ "$library" = 1 ] || fail "$what: the library is not in the JVM"
		[ "$wrong" = 0 ] || fail "$what: wrong bytes: $seen"
		[ "$refused" -le "$alone_refused" ] || fail "$what: $refused refused, $alone_refused alone: $seen"
		# As many as there are layers, and some for each that a collection has torn.
		[ "$peak" -lt "$((alone_peak / 4 + 200))" ] || fail "$what: $peak maps, $alone_peak alone"
		say "$what: $COUNT maps of the same parts, at most $peak maps, $alone_peak alone"
	done
done <"$scratch/jdks"
