#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The main job in Java, through FileChannel.map, with every JDK there is: alone it fails at the
# limit, preloaded it finishes.
. "${TESTS_SRC:?run by make check}/lib.sh"

COUNT=70000
limit=$(cat /proc/sys/vm/max_map_count)
file="$(cd "$scratch" && pwd -P)/chunks"
cd "$scratch" # a JVM that crashes writes its report here

# chunks JDK: runs the program, its output in out and err.
chunks() {
	rm -f "$file"
	"$1/bin/java" -Xmx256m -XX:-CreateCoredumpOnCrash -XX:TieredStopAtLevel=1 \
		-cp "$scratch" Chunks "$file" "$COUNT" \
		>"$scratch/out" 2>"$scratch/err"
}

fails_alone() {
	if [ "$COUNT" -le "$limit" ]; then
		say "vm.max_map_count is $limit: that $COUNT chunks fail alone cannot be shown here"
		return
	fi
	if chunks "$1"; then
		fail "$1: alone it should fail, but: $(cat "$scratch/out")"
	fi
	grep -q -e 'Map failed' -e 'insufficient memory' -e 'Cannot allocate memory' \
		"$scratch/out" "$scratch/err" ||
		fail "$1: alone it failed, but not for lack of maps: $(head -5 "$scratch/err")"
}

finishes_preloaded() {
	export LD_PRELOAD="$MAPHERD_LIB"
	status=0
	chunks "$1" || status=$?
	unset LD_PRELOAD
	seen=$(cat "$scratch/out")
	[ "$status" = 0 ] || fail "$1: status $status, $seen, $(head -5 "$scratch/err")"
	library=0 grown='' of_file='' wrong='' left_of_file=''
	eval "$seen"
	[ "$library" = 1 ] || fail "$1: the library is not in the JVM"
	[ "$of_file" -le 9 ] || fail "$1: the file has more than 9 maps: $seen"
	# Beside the file's maps a JVM makes some of its own: heap, compiled code, threads.
	[ "$grown" -le 200 ] || fail "$1: maps grew by more than a JVM's own: $seen"
	[ "$wrong" = 0 ] || fail "$1: wrong bytes: $seen"
	[ "$left_of_file" = 0 ] || fail "$1: maps are left after the buffers were collected: $seen"
}

jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || skip "no JDK with a compiler"
while read -r jdk; do
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/Chunks.java"
	fails_alone "$jdk"
	finishes_preloaded "$jdk"
	say "$jdk: $COUNT chunks, $of_file maps of the file, $grown in all"
done <"$scratch/jdks"
