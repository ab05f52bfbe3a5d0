# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The power fails: sourced by the scripts of this folder.
#
# A filesystem lies on a loop device, that on a disk which writes down what reaches it (disk.c).
# The witness judges itself: what it could not do for want of space or else is its own trouble, in
# these words and with an exit status of its own, and never a verdict on the library.
W=$TESTS_BIN/tests/witness

trouble() {
	printf '%s: the witness itself failed, which says nothing about the library: %s\n' "$name" "$*" >&2
	exit 99
}

# The disk can be had here; else 77 with the reason.
need_disk() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	can_mount || skip "no loop device"
	[ -x "$W/disk" ] || skip "no libfuse3 to build the witness with"
	[ -e /dev/fuse ] || skip "no /dev/fuse"
}

# need_space MIB: so much is free for images and logs.
need_space() {
	free=$(df -Pk "$scratch" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge "$1" ] || trouble "$1 MiB are needed for images in $scratch, and $free are free"
}

# new_disk KIND: a disk with a new filesystem on it, mounted in $mnt; its image as it was at
# first, its log and its moment are $image, $log and $moment. Returns 1, with the reason in $why.
new_disk() {
	case $1 in
	ext4) set -- "$1" 64 -F ;;
	xfs) set -- "$1" 320 -f ;;
	*) set -- "$1" 160 -f ;;
	esac
	why="no mkfs.$1"
	PATH="$PATH:/usr/sbin:/sbin" command -v "mkfs.$1" >/dev/null || return 1
	need_space $((2 * $2 + 128))
	image=$scratch/image log=$scratch/log moment=$scratch/moment mnt=$scratch/mnt
	disk=$scratch/disk backing=$scratch/backing
	mkdir -p "$mnt" "$disk"
	rm -f "$image" "$moment" "$log" "$backing"
	truncate -s "$2M" "$image"
	why="mkfs.$1 failed"
	PATH="$PATH:/usr/sbin:/sbin" "mkfs.$1" -q "$3" "$image" >/dev/null 2>&1 || return 1
	cp --sparse=always "$image" "$backing" || trouble "no copy of the image"
	"$W/disk" "$backing" "$log" "$moment" "$disk" 2>"$scratch/disk.err" &
	disk_pid=$!
	why="a filesystem in user space cannot be mounted"
	until [ -e "$disk/image" ]; do
		kill -0 "$disk_pid" 2>/dev/null || return 1
	done
	later "end_disk"
	why="a loop-mounted $1 cannot be mounted"
	mount -o loop "$disk/image" "$mnt" 2>/dev/null || return 1
}

# Takes the disk away; nothing if it is gone. The log is whole afterwards: the disk has ended.
end_disk() {
	[ -n "$disk_pid" ] || return 0
	gone "$mnt" || trouble "$(cat "$scratch/umount.err")"
	gone "$disk" || trouble "$(cat "$scratch/umount.err")"
	disk_end=0
	wait "$disk_pid" || disk_end=$?
	disk_pid=
	[ $disk_end = 0 ] || trouble "the disk ended with $disk_end: $(cat "$scratch/disk.err")"
}
