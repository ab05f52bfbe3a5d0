# The power fails: sourced by the scripts of this folder.
#
# A filesystem lies on a loop device, that on a disk which writes down what reaches it (disk.c).
W=$TESTS_BIN/tests/witness

# The disk can be had here; else 77 with the reason.
need_disk() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	can_mount || skip "no loop device"
	[ -x "$W/disk" ] || skip "no libfuse3 to build the witness with"
	[ -e /dev/fuse ] || skip "no /dev/fuse"
}

# new_disk KIND: a disk with a new filesystem on it, mounted in $mnt; its image as it was at
# first, its log and its moment are $image, $log and $moment. Returns 1, with the reason in $why.
new_disk() {
	case $1 in
	ext4) set -- "$1" 64M -F ;;
	xfs) set -- "$1" 320M -f ;;
	*) set -- "$1" 160M -f ;;
	esac
	why="no mkfs.$1"
	PATH="$PATH:/usr/sbin:/sbin" command -v "mkfs.$1" >/dev/null || return 1
	image=$scratch/image log=$scratch/log moment=$scratch/moment mnt=$scratch/mnt
	disk=$scratch/disk backing=$scratch/backing
	mkdir -p "$mnt" "$disk"
	rm -f "$image" "$moment"
	truncate -s "$2" "$image"
	why="mkfs.$1 failed"
	PATH="$PATH:/usr/sbin:/sbin" "mkfs.$1" -q "$3" "$image" >/dev/null 2>&1 || return 1
	cp --sparse=always "$image" "$backing"
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

# Takes the disk away; nothing if it is gone.
end_disk() {
	if mountpoint -q "$mnt"; then umount "$mnt"; fi
	if mountpoint -q "$disk"; then
		while ! umount "$disk" 2>/dev/null; do
			[ -d "/proc/$disk_pid" ] || break # the loop device lets go a moment later
		done
		wait "$disk_pid" || true
	fi
}

flushes() { od -An -tu8 -j8 -N8 "$moment" | tr -d ' '; }
