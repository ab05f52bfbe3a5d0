#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The program closes the descriptor after mmap, and opens another file in its place. A loop of msync is still widened
# where that pays, and not on btrfs, nor on overlayfs over btrfs; also where fstatfs is refused by a seccomp filter that
# the program was started under.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
closed=$TESTS_BIN/tests/preload/sync_closed
hostile=$TESTS_BIN/tests/preload/hostile

# expect WORD YES COMMAND...: whether syncs are widened, 1 or 0.
expect() {
	word=$1 yes=$2
	shift 2
	rm -f "$mnt/closed"
	result=0
	widened=$(MAPHERD_SYNC=$word preloaded "$@" "$closed" "$mnt/closed") || result=$?
	[ $result = 0 ] || fail "$kind, $word: status $result: $*"
	[ $((widened > 0)) = "$yes" ] || fail "$kind, $word: $widened syncs widened: $*"
	say "$kind, $word: $widened syncs widened${1+, fstatfs refused}"
}

# over_it: the same on overlayfs over the filesystem, which shows another type and device.
over_it() {
	below=$kind over=$mnt
	mkdir "$over/lower" "$over/upper" "$over/work" "$over/mnt"
	mnt=$over/mnt kind="overlay over $below"
	mount -t overlay mapherd-test -o "lowerdir=$over/lower,upperdir=$over/upper,workdir=$over/work" "$mnt" 2>/dev/null ||
		{ say "not on overlay: overlayfs cannot be mounted"; return; }
	later "gone '$mnt'"
	for word in auto fast; do
		expect $word "$1"
	done
}

shown=
for kind in ext4 xfs btrfs tmpfs; do
	mount_fs $kind 400M || { say "not on $kind: $why"; continue; }
	shown=yes
	yes=1
	[ $kind != btrfs ] || yes=0
	for word in auto fast; do
		expect $word "$yes"
	done
	# What the device does not tell is not widened then.
	[ $kind != tmpfs ] || yes=0
	for word in auto fast; do
		expect $word "$yes" "$hostile" deny fstatfs 1
	done
	case $kind in
	btrfs | xfs) over_it "$yes" ;;
	esac
done
[ -n "$shown" ] || skip "$why"
