#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# JVMs hold more buffers of different files than can be warm: every byte is right, and Lucene gives the answers
# of an index of few files. TESTS_LONG=1: beyond the kernel's limit, where the JVM alone dies; eight runs of each.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
kernel_since 6.11 || skip "$(uname -r): what lies at an address can be asked for since Linux 6.11"
jars=/usr/share/java/lucene-core-4.10.4.jar:/usr/share/java/lucene-analyzers-common-4.10.4.jar
limit=$(cat /proc/sys/vm/max_map_count)
jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || skip "no JDK with a compiler"
mount_fs tmpfs 6G || fail "no tmpfs: $why"
cd "$scratch" # a JVM that dies writes its report here

# java JDK COLLECTOR PROGRAM NUMBERS...: in a new folder, but for the indexes; its output is in $scratch/out, and its
# status is returned.
java() {
	java_within 3000 "$@"
}

java_within() { # SECONDS, and the same
	seconds=$1 jdk=$2 collector=$3 program=$4
	shift 4
	rm -rf "$mnt/files"
	mkdir -p "$mnt/files" "$mnt/index"
	folder=files
	[ "$program" != ColdLucene ] || folder=index
	timeout -k 1 "$seconds" "$jdk/bin/java" -Xmx2g "-XX:+Use$collector" -XX:-CreateCoredumpOnCrash -cp "$scratch:$jars" \
		"$program" "$mnt/$folder" "$@" >"$scratch/out" 2>"$scratch/err"
}

# herded JDK COLLECTOR PROGRAM NUMBERS...: with the library, and what was exported before.
herded() {
	rm -f "$scratch/log"
	export MAPHERD_LOG="$scratch/log" MAPHERD_LOG_LEVEL=info LD_PRELOAD="$MAPHERD_LIB"
	status=0
	java "$@" || status=$?
	unset MAPHERD_LOG MAPHERD_LOG_LEVEL LD_PRELOAD
	[ "$status" = 0 ] || fail "$*: status $status: $(head -5 "$scratch/out" "$scratch/err"; tail -n 3 "$scratch/log")"
	grep -q 'mappings of files that were not used lately are cold' "$scratch/log" || fail "$*: nothing became cold"
}

# buffers JDK COLLECTOR FILES VISITS
buffers() {
	herded "$1" "$2" ColdBuffers "$3" 4 "$4"
	grep -q "^visits=$((4 * $4)) wrong=0 failed=null\$" "$scratch/out" || fail "$*: $(cat "$scratch/out" "$scratch/err")"
}

lucene() { # JDK COLLECTOR SEGMENTS READERS
	herded "$1" "$2" ColdLucene "$3" "$4"
	grep -q 'answers=28 equal=true' "$scratch/out" || fail "$*: $(cat "$scratch/out")"
	grep -q '^left=0$' "$scratch/out" || fail "$*: maps are left: $(cat "$scratch/out")"
}

# What JDK and COLLECTOR do in make check-long-cold.
beyond() {
	[ -n "${TESTS_LONG:-}" ] && [ "$limit" -le 100000 ] || return 0
	for run in $(seq "${RUNS:-8}"); do
		! java "$1" "$2" ColdBuffers 150000 4 1000 || fail "$1, $2: alone it should die, and ended"
		export MAPHERD_COLD=auto
		buffers "$1" "$2" 150000 20000
		export MAPHERD_COLD=on MAPHERD_COLD_WARM=2000
		buffers "$1" "$2" 150000 5000
		unset MAPHERD_COLD MAPHERD_COLD_WARM
		say "$1, $2: run $run of 150,000 buffers"
	done
	[ -n "$lucenes" ] && [ "$2" = G1GC ] || return 0
	# 78,000 files, of which each reader maps half.
	rm -rf "$mnt/index"
	java "$1" "$2" ColdLucene 6500 0 || fail "$1, $2: no index: $(cat "$scratch/err")"
	# Alone it gets no answer: Lucene tries again for as long as it is told that a map failed.
	! java_within 300 "$1" "$2" ColdLucene 6500 2 || fail "$1, $2: alone Lucene should fail, and ended"
	export MAPHERD_COLD=auto
	lucene "$1" "$2" 6500 2
	unset MAPHERD_COLD
	rm -rf "$mnt/index"
	say "$1, $2: Lucene: $(cat "$scratch/out")"
}

while read -r jdk; do
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/ColdBuffers.java"
	lucenes=''
	if [ -f "${jars%%:*}" ] && "$jdk/bin/javac" -cp "$jars" -d "$scratch" "$TESTS_SRC/preload/ColdLucene.java"; then
		lucenes=yes
	else
		say "not run: Lucene 4.10 (liblucene4.10-java)"
	fi
	for collector in G1GC ZGC; do
		if ! "$jdk/bin/java" "-XX:+Use$collector" -version 2>/dev/null; then
			say "not run: $jdk has no $collector"
			continue
		fi
		export MAPHERD_COLD=on MAPHERD_COLD_WARM=300
		buffers "$jdk" "$collector" 3000 2000
		say "$jdk, $collector: 3,000 buffers, 300 of them warm: $(cat "$scratch/out")"
		[ -z "$lucenes" ] || [ "$collector" != G1GC ] || lucene "$jdk" "$collector" 300 2
		unset MAPHERD_COLD MAPHERD_COLD_WARM
		beyond "$jdk" "$collector"
	done
done <"$scratch/jdks"
