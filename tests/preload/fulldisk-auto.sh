#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# MAPHERD_PREALLOC=auto, the default: what fits into its budget is allocated, so that a disk that others
# fill later is no SIGBUS; what does not is left as it was, with one line if there is no space at all. No byte and no size changes.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/fulldisk.sh"

# auto COMMAND...
auto() {
	got=0
	MAPHERD_SIGBUS=off preloaded "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
}

shown=0
for kind in ext4 xfs btrfs; do
	if ! disk $kind; then
		say "not on $kind ($why)"
		continue
	fi
	shown=$((shown + 1))
	empty_disk
	without "$fulldisk" early "$disk/file" 1 "$disk/filler"
	died_of_sigbus "$kind"
	empty_disk
	auto "$fulldisk" early "$disk/file" 1 "$disk/filler"
	case $kind in btrfs) want=135 ;; *) want=0 ;; esac # each block is written elsewhere there
	[ "$got" = $want ] || fail "$kind: status $got: $(cat "$scratch/out" "$scratch/err")"
	! grep "mapherd: " "$scratch/err" || fail "$kind: it had something to say"
	# On a full disk it does not refuse: the program gets as far as alone.
	empty_disk
	auto "$fulldisk" map "$disk/file" 16 "$disk/filler"
	[ "$got" = 135 ] || fail "$kind: a full disk: status $got: $(cat "$scratch/out" "$scratch/err")"
	line_says "warning: mmap of $disk/file, bytes 0 to 16777216: 16 MiB in holes, left so for want of space.*; $kind on $disk has"
	[ "$(grep -c "mapherd: " "$scratch/err")" = 1 ] || fail "$kind: more than one line: $(cat "$scratch/err")"
	# Nobody asked for it, nobody gets it: observe, off, private maps, maps for reading.
	for options in MAPHERD_MODE=observe MAPHERD_PREALLOC=off; do
		empty_disk
		got=0
		env "$options" MAPHERD_SIGBUS=off LD_PRELOAD="$MAPHERD_LIB" \
			"$fulldisk" early "$disk/file" 16 "$disk/filler" >"$scratch/out" 2>&1 || got=$?
		[ "$got" = 135 ] || fail "$kind: $options: status $got: $(cat "$scratch/out")"
	done
	empty_disk
done
[ $shown -gt 0 ] || skip "needs root"

# tmpfs is memory: there nothing is taken, but what does not fit is said, and what makes it fit.
if disk tmpfs; then
	auto "$fulldisk" map "$disk/file" 16 -
	[ "$got" = 0 ] && [ ! -s "$scratch/err" ] || fail "tmpfs: status $got: $(cat "$scratch/err")"
	empty_disk
	auto "$fulldisk" map "$disk/file" 16 "$disk/filler"
	[ "$got" = 135 ] || fail "tmpfs: a full disk: status $got: $(cat "$scratch/out")"
	line_says "warning: mmap of $disk/file, .*tmpfs on $disk has .*; mount -o remount,size=SIZE makes it larger"
	empty_disk
else
	say "not on tmpfs ($why)"
fi
say "shown on $shown filesystems"
