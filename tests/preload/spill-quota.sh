#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Over quota: as on a full disk, and msync says EDQUOT.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
PAGES=4000
USER_ID=65534
PATH=$PATH:/usr/sbin:/sbin
command -v setpriv >/dev/null || skip "no setpriv"

as_user() { setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups "$@"; }
# limit KIND MEGABYTES: how much the user, or the subvolume, may hold.
limit() {
	case $1 in
	ext4) setquota -u $USER_ID 0 "$(($2 * 1024))" 0 0 "$disk" ;;
	xfs) xfs_quota -x -c "limit bsoft=0 bhard=${2}m #$USER_ID" "$disk" >/dev/null ;;
	btrfs) btrfs qgroup limit "${2}M" "$disk/sub" >/dev/null ;;
	esac
}
# again OPTION COMMAND...: mounted with that option, after that command.
again() {
	option=$1
	shift
	umount "$disk"
	why="the kernel has no quotas for it"
	"$@" >/dev/null 2>&1 && mount -o "loop,$option" "$image" "$disk" 2>/dev/null
}
# A filesystem with quotas, in which the user has a folder.
prepare() {
	image=$scratch/$1.img
	case $1 in
	ext4)
		why="no setquota"
		command -v setquota >/dev/null || return 1
		again usrquota tune2fs -Q usrquota "$scratch/ext4.img" || {
			tune2fs -O ^quota "$scratch/ext4.img" >/dev/null 2>&1
			mount -o loop "$scratch/ext4.img" "$disk"
			return 1
		}
		;;
	xfs)
		why="no xfs_quota"
		command -v xfs_quota >/dev/null || return 1
		again uquota true || {
			mount -o loop "$scratch/xfs.img" "$disk"
			return 1
		}
		;;
	btrfs)
		why="a quota cannot be set"
		btrfs quota enable "$disk" >/dev/null && btrfs subvolume create "$disk/sub" >/dev/null || return 1
		;;
	esac
	mkdir -p "$disk/sub"
	chown $USER_ID "$disk/sub"
	file=$disk/sub/file
	why="a quota cannot be set"
	limit "$1" 6 2>"$scratch/why"
}

# on KIND SIZE
on() {
	if ! disk "$1" "$2" || ! prepare "$1"; then
		say "not on $1: $why"
		return
	fi
	begin as_user "$program" "$file" $PAGES
	ask store random 0 $PAGES 1 && fail "$1: alone it does not die: $said"
	ended
	[ "$result" = 135 ] || fail "$1: alone it ended with $result, not of SIGBUS"
	rm -f "$file"
	sync -f "$disk"
	begin as_user env LD_PRELOAD="$MAPHERD_LIB" "$program" "$file" $PAGES
	expect_answer 0 store random 0 $PAGES 5
	expect_answer wrong=0 check random 0 $PAGES 5
	expect_answer $EDQUOT msync 0 $PAGES
	[ "$(spill_files)" = 1 ] || fail "$1: nothing was spilled"
	# btrfs may have no room under the old limit for the change itself, until what is under way is written.
	tries=0
	until limit "$1" 60 2>"$scratch/why"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || fail "$1: the limit cannot be raised: $(cat "$scratch/why")"
		sync -f "$disk"
	done
	expect_answer 0 msync 0 $PAGES
	expect_answer wrong=0 check random 0 $PAGES 5
	nothing_left
	ends_with 0
	umount "$disk"
	mount -o loop "$scratch/$1.img" "$disk"
	on_disk random 0 $PAGES 5
	say "$1: EDQUOT, and $PAGES pages on the disk"
}
chmod 755 "$scratch"
: >"$scratch/log"
chmod 666 "$scratch/log"
[ "$(id -u)" = 0 ] || skip "needs root"
as_user env LD_PRELOAD="$MAPHERD_LIB" grep -q libmapherd.so /proc/self/maps || skip "an unprivileged user cannot read the library"
on ext4 128M
on xfs 320M
on btrfs 200M
