#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Java on a full disk: alone an InternalError out of nowhere, and stores that are lost; with
# MAPHERD_PREALLOC=strict an IOException that names the cause, and an SQLException that does.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/fulldisk.sh"

found=$(jdks)
[ "$found" ] || skip "no JDK with a compiler"
hsqldb=$(readlink -f /usr/share/java/hsqldb.jar) || hsqldb=
[ -f "$hsqldb" ] || say "not run: hsqldb"

# A start is most of it.
quick="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# shellcheck disable=SC2086 # quick is several words
# says_why WHAT ARGUMENT...
says_why() {
	what="$kind: $home: $1"
	empty_but_filler
	[ "$1" = map ] || mkdir "$disk/file"
	without "$home/bin/java" $quick -cp "$scratch/classes:$hsqldb" Unspaced "$1" "$disk/file" "$2"
	# hsqldb may wrap the InternalError into what it calls a general error.
	[ "$got" != 0 ] && grep -q -e "java.lang.InternalError" -e "HsqlException: General error" "$scratch/out" ||
		[ "$got" = 134 ] ||
		fail "$what: alone it should fail of a fault: status $got: $(cat "$scratch/out")"
	empty_but_filler
	[ "$1" = map ] || mkdir "$disk/file"
	strictly "$home/bin/java" $quick -cp "$scratch/classes:$hsqldb" Unspaced "$1" "$disk/file" "$2"
	[ "$got" = 3 ] || fail "$what: status $got: $(cat "$scratch/out" "$scratch/err")"
	grep -q "$3" "$scratch/out" || fail "$what: no '$3': $(cat "$scratch/out" "$scratch/err")"
	line_says "error: mmap of $disk/file.*, bytes 0 to .* it fails with ENOSPC; $kind on $disk"
	empty_but_filler
}

on_a_disk() {
	few_left
	for home in $found; do
		mkdir -p "$scratch/classes"
		[ -f "$scratch/classes/Unspaced.class" ] ||
			"$home/bin/javac" -d "$scratch/classes" "$TESTS_SRC/preload/Unspaced.java" || fail "javac"
		says_why map 8 "^java.io.IOException: No space left on device$"
		case $kind${TESTS_LONG:+-long} in
		ext4* | tmpfs* | *-long) ;; # its start takes seconds
		*) continue ;;
		esac
		[ ! -f "$hsqldb" ] || says_why hsqldb 32 "^java.sql.SQLException: .*No space left on device$"
	done
	empty_disk
}
on_each_disk on_a_disk
[ $shown -gt 0 ] || skip "needs root"
say "on $shown filesystems, $(printf '%s\n' "$found" | wc -l) JDKs"
