#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# MAPHERD_PREALLOC=strict: a full disk is an error of the call that maps, or grows the file under a
# map, where the program alone dies of SIGBUS; and a map that was made can be stored to, whatever
# fills the disk later.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/fulldisk.sh"
no_space="No space left on device (28)"

on_a_disk() {
	for how in map grow early; do
		empty_disk
		without "$fulldisk" $how "$disk/file" 16 "$disk/filler"
		died_of_sigbus "$kind: $how"
		empty_disk
		strictly "$fulldisk" $how "$disk/file" 16 "$disk/filler"
		case $how in
		map) want=3 call=mmap ;;
		grow) want=3 call=ftruncate ;;
		early) want=0 call= ;;
		esac
		[ "$got" = $want ] || fail "$kind: $how: status $got: $(cat "$scratch/out" "$scratch/err")"
		if [ "$call" ]; then
			grep -q -F "$call: $no_space" "$scratch/out" || fail "$kind: $how: $(cat "$scratch/out")"
			line_says "error: $call of $disk/file, bytes [0-9]* to 16777216: .* it fails with ENOSPC; $kind on $disk has .* free of .*iB"
		else
			[ ! -s "$scratch/err" ] || fail "$kind: $how: $(cat "$scratch/err")"
			size=$(stat -c %s "$disk/file")
			[ "$size" = 16777216 ] || fail "$kind: $how: the file has $size bytes"
		fi
	done
	# Every call is interrupted, and mmap never says so.
	empty_disk
	strictly "$fulldisk" timer "$disk/file" 16 -
	[ "$got" = 0 ] || fail "$kind: with a fast timer: status $got: $(cat "$scratch/out" "$scratch/err")"
	# Per path: this file is not meant.
	empty_disk
	got=0
	MAPHERD_PREALLOC="strict,*/file=off" MAPHERD_SIGBUS=off preloaded "$fulldisk" map "$disk/file" 16 "$disk/filler" \
		>"$scratch/out" 2>&1 || got=$?
	[ "$got" = 135 ] || fail "$kind: off for this path: status $got: $(cat "$scratch/out")"
	empty_disk
}
on_each_disk on_a_disk
# A tmpfs in a user namespace, as containers without privileges have it.
mkdir "$scratch/shm"
disk="$scratch/shm"
# shellcheck disable=SC2016 # for the inner shell
in_namespace='mount -t tmpfs -o size=16M t "$1" || exit 77
shift
exec env MAPHERD_PREALLOC=strict MAPHERD_SIGBUS=off "$@"'
got=0
unshare -Urm sh -c "$in_namespace" sh "$disk" "LD_PRELOAD=$MAPHERD_LIB" "$fulldisk" map "$disk/file" 32 - \
	>"$scratch/out" 2>"$scratch/err" || got=$?
case $got in
3)
	shown=$((shown + 1))
	grep -q -F "mmap: $no_space" "$scratch/out" || fail "user namespace: $(cat "$scratch/out")"
	line_says "error: mmap of $disk/file, .*; tmpfs on $disk has 16 MiB free of 16 MiB; mount -o remount,size=SIZE"
	got=0
	unshare -Urm sh -c "$in_namespace" sh "$disk" "$fulldisk" map "$disk/file" 32 - >"$scratch/out" 2>&1 || got=$?
	died_of_sigbus "user namespace"
	;;
1 | 77) say "not on tmpfs (no user namespace)" ;;
*) fail "user namespace: status $got: $(cat "$scratch/out" "$scratch/err")" ;;
esac

[ $shown -gt 0 ] || skip "needs root"
say "shown on $shown filesystems"
