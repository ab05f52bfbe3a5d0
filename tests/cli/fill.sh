#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# mapherd fill: the holes of files on disk, by what the kernel says of their space.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"

# KiB that a file has on disk.
space() { echo $(($(stat -c %b "$1") / 2)); }

misuse "no file or folder is named" fill
misuse "is not of the form" fill --keep 5x /
misuse "unknown option" fill --all /
expect 1 "$MAPHERD" fill "$scratch/nowhere"
err_has "nowhere: No such file"
expect 1 "$MAPHERD" fill /dev/null
err_has "/dev/null: not a file and not a folder"

shown=0
for kind in ext4 xfs btrfs tmpfs; do
	case $kind in
	xfs) size=320M ;;
	*) size=128M ;;
	esac
	if ! mount_fs $kind $size; then
		say "not on $kind ($why)"
		continue
	fi
	shown=$((shown + 1))
	mkdir "$mnt/sub" "$mnt/other"
	truncate -s 10M "$mnt/sub/a hole"
	printf 'beginning' | dd of="$mnt/sub/a hole" conv=notrunc status=none
	printf 'middle' | dd of="$mnt/sub/a hole" bs=1M seek=5 conv=notrunc status=none
	head -c 1000000 /dev/urandom >"$mnt/sub/full"
	: >"$mnt/sub/empty"
	truncate -s 4M "$scratch/outside.$kind" "$mnt/other/unfilled"
	ln -s "$scratch/outside.$kind" "$mnt/sub/link"
	ln "$mnt/sub/a hole" "$mnt/sub/another name"
	mount -t tmpfs mapherd-test "$mnt/other"
	later "gone '$scratch/mnt.$kind/other'"
	truncate -s 4M "$mnt/other/on another filesystem"
	sync -f "$mnt"
	before=$(cat "$mnt/sub/a hole" "$mnt/sub/full" | cksum)
	had=$(space "$mnt/sub/a hole")
	[ "$had" -lt 1000 ] || fail "$kind: the file is not sparse: $had KiB"

	expect 0 "$MAPHERD" fill --dry-run "$mnt"
	out_has "$mnt/sub/a"
	grep -q "4 files, 1 with holes of 9.* MiB" "$scratch/out" || fail "$kind: $(cat "$scratch/out")"
	[ "$(space "$mnt/sub/a hole")" = "$had" ] || fail "$kind: --dry-run has allocated"
	expect 1 "$MAPHERD" fill --keep 100% "$mnt"
	err_has "nothing was done"
	[ "$(space "$mnt/sub/a hole")" = "$had" ] || fail "$kind: without space it has allocated"
	expect 0 "$MAPHERD" fill "$mnt"
	silent err
	has=$(space "$mnt/sub/a hole")
	[ "$has" -ge 10240 ] && [ "$has" -lt 10500 ] || fail "$kind: $has KiB and not 10 MiB"
	[ "$(cat "$mnt/sub/a hole" "$mnt/sub/full" | cksum)" = "$before" ] || fail "$kind: bytes have changed"
	[ "$(space "$scratch/outside.$kind")" = 0 ] || fail "$kind: a link was followed"
	[ "$(space "$mnt/other/on another filesystem")" = 0 ] || fail "$kind: another filesystem was entered"
	expect 1 "$MAPHERD" fill "$mnt/sub/link"
	err_has "links are not followed"

	# More than there is: how much is said, and nothing begun, not even what would fit.
	truncate -s 1G "$mnt/sub/large"
	truncate -s 1M "$mnt/sub/small"
	expect 1 "$MAPHERD" fill --keep 0 "$mnt/sub"
	err_has "no space: the holes in files like"
	err_has "are missing; nothing was done"
	[ "$(space "$mnt/sub/small")" = 0 ] || fail "$kind: something was begun"
	if command -v python3 >/dev/null; then
		expect 0 "$MAPHERD" fill --json --keep 1M "$mnt/sub/small"
		[ "$(field allocated_bytes)" = 1048576 ] || fail "$kind: $(cat "$scratch/out")"
		[ "$(field files 0 path)" = "$mnt/sub/small" ] || fail "$kind: $(cat "$scratch/out")"
	else
		say "not shown, for want of python3: the JSON"
	fi
done
[ $shown -gt 0 ] || skip "needs root"

# What it prints commands no terminal.
odd=$(printf 'odd\033[2Jname')
mkdir "$scratch/odd"
truncate -s 1M "$scratch/odd/$odd"
expect 0 "$MAPHERD" fill -n "$scratch/odd"
grep -q "$(printf '\033')" "$scratch/out" && fail "a file name reached the terminal"
out_has 'odd?[2Jname'
say "shown on $shown filesystems"
