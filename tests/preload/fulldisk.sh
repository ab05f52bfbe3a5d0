# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of a full disk share. Source it after lib.sh.
fulldisk=$TESTS_BIN/tests/preload/fulldisk

# disk KIND: a small filesystem of that kind, its folder in $disk; 1 where there is none, with why.
disk() {
	case $1 in
	ext4) mount_fs ext4 64M ;;
	xfs) mount_fs xfs 320M ;;
	btrfs) mount_fs btrfs 128M ;;
	tmpfs) mount_fs tmpfs 48M ;;
	esac || return 1
	disk=$(cd "$mnt" && pwd -P)
}

empty_disk() { remove_in "$disk" ! -name lost+found; }

# Fills what is left, to the last block.
fill_disk() {
	: >"$disk/filler"
	for _ in 1 2 3; do
		cat /dev/zero >>"$disk/filler" 2>/dev/null || true
		sync -f "$disk"
	done
}

# All but what fills it.
empty_but_filler() { remove_in "$disk" ! -name filler ! -name lost+found; }

# without COMMAND...: alone, its output in $scratch/out, its status in $got.
without() {
	got=0
	"$@" >"$scratch/out" 2>&1 || got=$?
}

# strictly COMMAND...: the same, with every hole of what is mapped allocated or refused. What would
# be done about a fault is not what is tested.
strictly() {
	got=0
	MAPHERD_PREALLOC=strict MAPHERD_SIGBUS=off preloaded "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
}

died_of_sigbus() { [ "$got" = 135 ] || fail "$1: alone it should die of SIGBUS: status $got, $(tail -n 3 "$scratch/out")"; }

# One line of the library says which file, which filesystem, how large.
line_says() {
	grep -q "^$stamp.*: $1" "$scratch/err" || fail "the log does not say '$1': $(cat "$scratch/err")"
}

# Only 3 MiB of the disk are free.
few_left() {
	empty_disk
	fill_disk
	truncate -s -3M "$disk/filler"
	sync -f "$disk"
}

# on_each_disk COMMAND: for each filesystem that can be had here, with its name in $kind and its folder
# in $disk; how many they were is in $shown.
shown=0
on_each_disk() {
	for kind in ext4 xfs btrfs tmpfs; do
		if ! disk $kind; then
			say "not on $kind ($why)"
			continue
		fi
		shown=$((shown + 1))
		"$1"
	done
}
