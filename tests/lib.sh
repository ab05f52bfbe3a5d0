# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What the test scripts share. Source it first: . "$TESTS_SRC/lib.sh"
#
# Given by make check: MAPHERD_LIB, the library; MAPHERD, the command; TESTS_SRC, this folder;
# TESTS_BIN, where test programs are built; JDKS, JDK homes to test with, separated by ':'.
set -eu

# Descriptors that whoever started it left open, as a lock's or a job server's, are none of the test's.
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-

# Root's tests run in a mount namespace of their own. A namespace that somebody else makes copies
# the mounts it finds, and a filesystem is then still mounted after its umount: what is mounted here
# no other namespace copies, and it goes with the test, however that ends. Umounts of others come in
# (slave), so that we hold none of their filesystems. /dev/shm is a new one: the records in it are
# those of the test. own_mounts: it is so.
if [ "$(id -u)" = 0 ] && [ "${TESTS_MOUNTS:-}" != $$ ] &&
	unshare --mount --propagation slave true 2>/dev/null; then
	TESTS_MOUNTS=$$ exec unshare --mount --propagation slave sh "$0" "$@"
fi
own_mounts=
if [ "${TESTS_MOUNTS:-}" = $$ ]; then
	own_mounts=yes
	[ ! -d /dev/shm ] || mount -t tmpfs -o mode=1777 mapherd-test /dev/shm
fi
unset TESTS_MOUNTS

: "${MAPHERD_LIB:?run by make check}" "${TESTS_SRC:?}" "${TESTS_BIN:?}"
# A variable of this script alone: in the environment the library would take it for an option.
library=$MAPHERD_LIB
unset MAPHERD_LIB
MAPHERD_LIB=$library

name=$(basename "$0")
fail() { printf '%s: FAILED: %s\n' "$name" "$*" >&2; exit 1; }
# "Cannot run here": for the whole script. A part that cannot run: note it and go on.
skip() { printf '%s: cannot run here: %s\n' "$name" "$*"; exit 77; }
say() { printf '%s: %s\n' "$name" "$*"; }

# What a log line begins with (grep).
stamp='[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z mapherd: '

# A folder of this test's own, and what has to be undone in it, last first.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-test.XXXXXX")
undo=""
later() { undo="$*
$undo"; }
cleanup() {
	status=$?
	trap - EXIT
	printf '%s' "$undo" | while IFS= read -r line; do
		eval "$line" || printf '%s: could not undo: %s\n' "$name" "$line" >&2
	done
	# A lock assertion that failed (kernel/lock.h), whatever the test has looked at.
	mistakes=$(find "$scratch" -xdev -type f -size -4096k -exec grep -a "error.*mapherd has made a [m]istake: [a-z_]* was" {} + 2>/dev/null) || true
	if [ -n "$mistakes" ]; then
		printf '%s: FAILED: %s\n' "$name" "$mistakes" >&2
		[ "$status" != 0 ] || status=1
	fi
	rm -rf "$scratch"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# seed_of VALUE: where chance starts from, in $seed. The same every time, so that a change is judged
# by itself and not by luck; VALUE if one is given; anything if it is "random", and in make check-long.
seed_of() {
	seed=${1:-${TESTS_LONG:+random}}
	[ "$seed" != random ] || seed=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')
	seed=${seed:-1}
}

# kernel_since MAJOR.MINOR: whether this kernel is at least that.
kernel_since() { [ "$(printf '%s\n%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }
multigrain=6.13 # timestamps by which MAPHERD_SYNC=fast sees what was stored

# Runs a command under the library.
preloaded() { LD_PRELOAD="$MAPHERD_LIB" "$@"; }

# True if the library gets into what it is preloaded into; every preload test asks once.
[ -f "$MAPHERD_LIB" ] || fail "no library at $MAPHERD_LIB"
preloaded grep -q libmapherd.so /proc/self/maps || fail "the library does not get into grep"

can_mount() { [ "$(id -u)" = 0 ] && [ -e /dev/loop-control ]; }

# mount_fs KIND SIZE: mounts a new filesystem (ext4, xfs, btrfs: SIZE as for truncate, at least
# 320M for xfs; tmpfs; overlay over a tmpfs, with the files "below.0" and "below.1" in its lower layer); its folder is
# in $mnt. Returns 1, with the reason in $why, where that cannot be done here.
mount_fs() {
	mnt="$scratch/mnt.$1"
	mkdir -p "$mnt"
	why="needs root"
	[ "$(id -u)" = 0 ] || return 1
	case $1 in
	tmpfs)
		why="tmpfs cannot be mounted"
		mount -t tmpfs -o "size=$2" mapherd-test "$mnt" 2>/dev/null || return 1
		;;
	overlay)
		why="overlayfs cannot be mounted"
		mkdir -p "$scratch/layers"
		mount -t tmpfs mapherd-test "$scratch/layers" 2>/dev/null || return 1
		later "gone '$scratch/layers'"
		mkdir "$scratch/layers/lower" "$scratch/layers/upper" "$scratch/layers/work"
		head -c 16384 /dev/zero | tr '\0' b | tee "$scratch/layers/lower/below.0" >"$scratch/layers/lower/below.1"
		mount -t overlay mapherd-test -o "lowerdir=$scratch/layers/lower,upperdir=$scratch/layers/upper,workdir=$scratch/layers/work" "$mnt" 2>/dev/null || return 1
		;;
	*)
		why="no mkfs.$1"
		PATH="$PATH:/usr/sbin:/sbin" command -v "mkfs.$1" >/dev/null || return 1
		why="no loop device"
		can_mount || return 1
		truncate -s "$2" "$scratch/$1.img"
		why="mkfs.$1 failed"
		case $1 in
		ext4) PATH="$PATH:/usr/sbin:/sbin" mkfs.ext4 -q -F "$scratch/$1.img" || return 1 ;;
		*) PATH="$PATH:/usr/sbin:/sbin" "mkfs.$1" -q -f "$scratch/$1.img" >/dev/null || return 1 ;;
		esac
		why="a loop-mounted $1 cannot be mounted"
		mount -o loop "$scratch/$1.img" "$mnt" 2>/dev/null || return 1
		;;
	esac
	later "gone '$mnt'"
}

# gone FOLDER: it is no longer mounted. A process that has just ended may hold it for a moment.
gone() {
	tries=0
	until LC_ALL=C umount "$1" 2>"$scratch/umount.err"; do
		! grep -q "not mounted" "$scratch/umount.err" || break
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || { cat "$scratch/umount.err" >&2; return 1; }
		sleep 0.05
	done
}

# fill_disk FILE: makes FILE as large as its filesystem lets it be, so that nothing is free there.
# What is left in pieces, or is free again once everything is written, is taken too.
fill_disk() {
	dd if=/dev/zero of="$1" bs=1M conv=fsync 2>/dev/null || true
	for _ in 1 2 3; do
		dd if=/dev/zero of="$1" bs=4k oflag=append conv=notrunc,fsync 2>/dev/null || true
		sync -f "$1"
	done
}

# remove_in FOLDER [find's conditions]: what is in FOLDER goes, and its space is free at once. xfs frees
# that of a file without a name some time later (its inodes are inactivated in the background), that
# of a truncated one in the call.
remove_in() {
	emptied=$1
	shift
	LC_ALL=C find "$emptied" -mindepth 1 "$@" -type f -exec truncate -c -s 0 {} + 2>"$scratch/refused" || {
		# A full btrfs may refuse it: it has no place for its metadata.
		refused=$(cat "$scratch/refused")
		[ "$(stat -f -c %T "$emptied")" != btrfs ] || refused=$(grep -v 'No space left on device$' "$scratch/refused" || true)
		[ -z "$refused" ] || fail "what is in $emptied cannot be truncated: $refused"
	}
	find "$emptied" -depth -mindepth 1 "$@" -delete
	sync -f "$emptied"
}

# The JDKs to test with, a home a line: --with-jdk's, else every one under /usr/lib/jvm that has a
# compiler, each release once.
jdks() {
	if [ -n "${JDKS:-}" ]; then
		printf '%s\n' "$JDKS" | tr ':' '\n'
		return
	fi
	for home in /usr/lib/jvm/*; do
		[ -x "$home/bin/javac" ] && readlink -f "$home"
	done 2>/dev/null | sort -u
}
