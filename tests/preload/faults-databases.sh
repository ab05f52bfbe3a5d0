#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Programs as databases are, on a disk that fills while they run, in every JDK: HSQLDB with its data
# file mapped, and a file that is mapped anew at each growth, as by H2. Alone they fail. Preloaded
# they go on, and once there is space again everything is right, also after mounting again.
# TESTS_LONG=1: on every filesystem with holes.
# shellcheck disable=SC2154 # scratch, mnt and why are made by lib.sh
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

HSQLDB=/usr/share/java/hsqldb.jar
cd "$scratch"
scratch=$(pwd -P)
mkdir classes spill
ulimit -c 0

# java PROGRAM ARGUMENT...: in $jdk; what it says is in out and err.
java() {
	rm -f death
	"$jdk/bin/java" -Xmx256m -XX:-CreateCoredumpOnCrash "-XX:ErrorFile=$scratch/death" \
		-cp "classes:$HSQLDB" "$@" >out 2>err
}

fails_alone() {
	if java "$@"; then
		fail "$jdk: alone it should not live through a full disk: $*"
	fi
	# HSQLDB says "General error" where the InternalError came at a bad moment for it.
	grep -q -s -e InternalError -e SIGBUS -e 'General error' death out err || fail "$jdk, $*: $(cat out err)"
}

# goes_on PREALLOC PROGRAM ARGUMENT...: preloaded
goes_on() {
	rm -f log
	MAPHERD_LOG="$scratch/log"
	MAPHERD_SPILL_DIR="$scratch/spill"
	MAPHERD_PREALLOC=$1
	LD_PRELOAD="$MAPHERD_LIB"
	export MAPHERD_LOG MAPHERD_SPILL_DIR MAPHERD_PREALLOC LD_PRELOAD
	shift
	result=0
	java "$@" || result=$?
	unset MAPHERD_LOG MAPHERD_SPILL_DIR MAPHERD_PREALLOC LD_PRELOAD
	[ "$result" = 0 ] || fail "$jdk, $*: status $result: $(cat out err; cut -c 1-300 log)"
	grep -q '^library=1$' out || fail "$jdk, $*: the library is not in the JVM"
	[ -z "$(ls spill)" ] || fail "$jdk, $*: left behind: $(ls spill)"
}

spilled() {
	grep -q 'is kept in the spill file' log || fail "$jdk: nothing was spilled: $(cat log)"
}

empty() { remove_in "$mnt" ! -name lost+found; }

mounted_again() {
	umount "$mnt"
	mount -o loop "$scratch/$kind.img" "$mnt"
}

remap() {
	empty
	fails_alone FullRemap "$mnt/file" reference "$mnt/filler" unmap
	for way in unmap keep; do
		empty
		goes_on off FullRemap "$mnt/file" reference "$mnt/filler" $way
		spilled
		mounted_again
		cmp "$mnt/file" reference >&2 || fail "$jdk, $kind: mapped anew: the file is wrong"
		say "$jdk, $kind: mapped anew, old maps: $way: $(grep refused= out)"
	done
}

hsqldb() {
	if ! [ -e $HSQLDB ]; then
		say "not run: HSQLDB"
		return 0
	fi
	empty
	fails_alone FullHsqldb write "$mnt/db" "$mnt/filler"
	for prealloc in auto off; do
		empty
		goes_on $prealloc FullHsqldb write "$mnt/db" "$mnt/filler"
		[ $prealloc = auto ] || spilled
		mounted_again
		java FullHsqldb read "$mnt/db" || fail "$jdk, $kind: HSQLDB: $(cat out err)"
		say "$jdk, $kind: HSQLDB, MAPHERD_PREALLOC=$prealloc: $(grep rows= out)"
	done
}

kinds=ext4
[ -z "${TESTS_LONG:-}" ] || kinds="ext4 xfs btrfs"
jdks >jdks
[ -s jdks ] || skip "no JDK with a compiler"
for kind in $kinds; do
	if ! mount_fs "$kind" 320M; then
		say "not shown here: $kind ($why)"
		continue
	fi
	while read -r jdk <&3; do
		rm -rf classes/*
		"$jdk/bin/javac" -nowarn -XDignore.symbol.file -d classes "$TESTS_SRC"/preload/Full*.java \
			2>javac || fail "$jdk: $(cat javac)"
		remap
		hsqldb
	done 3<jdks
done
