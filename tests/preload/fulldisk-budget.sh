#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# MAPHERD_PREALLOC=auto has one budget: programs whose files are sparse by design find the space for
# their logs, as alone, however many files, processes at once and one after the other there are; also
# within a user's quota; and nothing is allocated where it does not help.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/fulldisk.sh
. "$TESTS_SRC/preload/fulldisk.sh"
PATH=$PATH:/usr/sbin:/sbin
USER_ID=65534
sparse=$TESTS_BIN/tests/preload/sparse
as=""

# store WHAT FOLDER PROCESSES FILES MIB LOG: alone, and with the library, all is written. What the files
# have on disk then is in $allocated, in KiB. What fails with the library of before is the log.
store() {
	what="$kind: $1"
	shift
	# Writing takes most of the time: alone it is done where it tells something new.
	case $kind${TESTS_LONG:+-long} in
	ext4 | *-long)
		# shellcheck disable=SC2086 # $as is a command, or nothing
		without $as "$sparse" "$@"
		[ "$got" = 0 ] || fail "$what: alone: status $got: $(cat "$scratch/out")"
		empty_disk
		;;
	esac
	got=0
	# shellcheck disable=SC2086
	LD_PRELOAD="$MAPHERD_LIB" $as "$sparse" "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
	[ "$got" = 0 ] || fail "$what: status $got: $(cat "$scratch/out" "$scratch/err")"
	[ ! -s "$scratch/err" ] || fail "$what: $(cat "$scratch/err")"
	grep -q '^library 1$' "$scratch/out" || fail "$what: the library is not in the program"
	allocated=$(sed -n 's/^allocated \([0-9]*\) KiB$/\1/p' "$scratch/out")
}

# figures: the filesystem's size and what is free, in MiB.
figures() {
	empty_disk
	# shellcheck disable=SC2046
	set -- $(stat -f -c '%b %a %S' "$disk")
	size=$(($1 * $3 >> 20))
	free=$(($2 * $3 >> 20))
}

# Something was allocated, so that the test can fail; and no more than the rule says, in KiB.
between() {
	if [ "$allocated" -lt "$1" ] || [ "$allocated" -gt "$2" ]; then
		fail "$what: $allocated KiB allocated, not $1 to $2"
	fi
}

many() {
	figures
	above=$((free - size / 2))
	# Large files, each more than the budget.
	store "twenty large files" "$disk" 1 20 16 $((size / 2))
	between 1 2000
	# What helps nobody is not done at all: a page or two for each store.
	case $kind in btrfs) most=$((200 * 16)) least=1 ;; *) most=$((above * 62 + 200 * 16)) least=2048 ;; esac
	empty_disk
	store "two hundred small files" "$disk" 1 200 1 $((size / 2))
	between $least $most
	empty_disk
	store "eight processes" "$disk" 8 40 1 $((size / 2 / 8))
	case $kind in btrfs) most=$((320 * 16)) ;; *) most=$((above * 62 * 8 + 320 * 16)) ;; esac
	between $least $most
}

# Each leaves its files behind; at least half of the filesystem stays free for ever.
one_after_the_other() {
	empty_disk
	n=0
	while [ $n -lt 40 ]; do
		mkdir "$disk/$n"
		preloaded "$sparse" "$disk/$n" 1 10 1 0 >"$scratch/out" 2>&1 || fail "$kind: $(cat "$scratch/out")"
		n=$((n + 1))
	done
	sync -f "$disk"
	without "$sparse" "$disk" 1 1 1 $((size * 45 / 100))
	[ "$got" = 0 ] || fail "$kind: after forty processes: $(cat "$scratch/out"), $(df "$disk")"
}

# below MOST: an overlayfs over the filesystem is helped as that itself; of 8 files of 1 MiB at most so much (KiB)
# is allocated, and where it is anything, at least a file.
below() {
	mkdir "$disk/lower" "$disk/upper" "$disk/work" "$disk/over"
	mount -t overlay -o "lowerdir=$disk/lower,upperdir=$disk/upper,workdir=$disk/work" mapherd-test "$disk/over" 2>/dev/null || {
		say "not shown here: overlay over $kind (it cannot be mounted)"
		rmdir "$disk/lower" "$disk/upper" "$disk/over"
		return 0
	}
	preloaded "$sparse" "$disk/over" 1 8 1 0 >"$scratch/out" 2>&1 || fail "overlay over $kind: $(cat "$scratch/out")"
	allocated=$(sed -n 's/^allocated \([0-9]*\) KiB$/\1/p' "$scratch/out")
	umount "$disk/over"
	[ "$allocated" -le "$1" ] || fail "overlay over $kind: $allocated KiB are allocated, and at most $1 help"
	[ "$1" -lt 1024 ] || [ "$allocated" -ge 1024 ] || fail "overlay over $kind: only $allocated KiB are allocated"
}

# Files without copy on write are helped on btrfs as well.
without_copies() {
	mkdir "$disk/nocow"
	chattr +C "$disk/nocow" 2>/dev/null || {
		say "not on btrfs: files without copy on write (chattr is refused)"
		return 0
	}
	preloaded "$sparse" "$disk/nocow" 1 1 1 0 >"$scratch/out" 2>&1 || fail "nocow: $(cat "$scratch/out")"
	grep -q '^allocated 1024 KiB$' "$scratch/out" || fail "nocow: $(cat "$scratch/out")"
	# Of qgroups only root may ask: they may be a quota, so nothing is taken.
	btrfs quota enable "$disk" >/dev/null 2>&1 || {
		say "not on btrfs: qgroups (they cannot be enabled)"
		return 0
	}
	preloaded "$sparse" "$disk/nocow" 1 1 1 0 >"$scratch/out" 2>&1 || fail "qgroups: $(cat "$scratch/out")"
	grep -q '^allocated 1024 KiB$' "$scratch/out" && fail "qgroups: $(cat "$scratch/out")"
	return 0
}

# A filter that is too old to know the question for quotas, and kills for it: the mount's options tell.
under_a_filter() {
	LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/hostile" deny quotactl_fd kill \
		"$sparse" "$disk" 1 1 1 0 >"$scratch/out" 2>&1 || fail "$kind: filtered: $? $(cat "$scratch/out")"
	grep -q '^allocated 1024 KiB$' "$scratch/out" || fail "$kind: filtered: $(cat "$scratch/out")"
	empty_disk
}

# quotas: the user has 40 MiB.
quotas() {
	image=$scratch/$kind.img
	umount "$disk"
	case $kind in
	ext4)
		why="no setquota"
		command -v setquota >/dev/null && command -v tune2fs >/dev/null || return 1
		why="the kernel has no quotas for it"
		tune2fs -Q usrquota "$image" >/dev/null 2>&1 || return 1
		if ! mount -o loop,usrquota "$image" "$disk" 2>/dev/null; then
			tune2fs -O ^quota "$image" >/dev/null 2>&1
			return 1
		fi
		setquota -u $USER_ID 0 40960 0 0 "$disk" 2>/dev/null || return 1
		;;
	xfs)
		why="no xfs_quota"
		command -v xfs_quota >/dev/null || return 1
		why="the kernel has no quotas for it"
		mount -o loop,uquota "$image" "$disk" 2>/dev/null || return 1
		xfs_quota -x -c "limit bsoft=0 bhard=40m #$USER_ID" "$disk" >/dev/null || return 1
		;;
	*) return 1 ;;
	esac
}

within_a_quota() {
	chmod 711 "$scratch"
	chmod 777 "$disk"
	as="setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups"
	# shellcheck disable=SC2086
	if ! command -v setpriv >/dev/null || ! $as test -x "$sparse" -a -r "$MAPHERD_LIB"; then
		say "not shown here: quotas (no setpriv, or a build folder for root alone)"
		as=""
		return
	fi
	# shellcheck disable=SC2086
	without $as "$sparse" "$disk" 1 1 1 60
	[ "$got" = 3 ] || fail "$kind: the quota is none: status $got: $(cat "$scratch/out")"
	empty_disk
	store "a user's quota" "$disk" 1 100 1 30
	between 1024 $((20480 * 6 / 100 + 100 * 16))
	as=""
}

shown=0
for kind in ext4 xfs btrfs; do
	if ! mount_fs $kind 320M; then
		say "not on $kind ($why)"
		continue
	fi
	disk=$(cd "$mnt" && pwd -P)
	shown=$((shown + 1))
	many
	one_after_the_other
	empty_disk # half of it is full of a log
	[ $kind != btrfs ] || without_copies
	empty_disk
	if [ $kind = btrfs ]; then below 128; else below 8192; fi
	empty_disk
	if [ $kind != btrfs ]; then
		under_a_filter
		if quotas; then
			within_a_quota
		else
			say "not on $kind: $why"
			mountpoint -q "$disk" || mount -o loop "$image" "$disk"
		fi
	fi
done
kind=tmpfs
if mount_fs tmpfs 320M; then
	disk=$(cd "$mnt" && pwd -P)
	below 128
fi
[ $shown -gt 0 ] || skip "needs root"
say "shown on $shown filesystems"
