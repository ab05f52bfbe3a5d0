# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck shell=sh
# What the tests of the spill share; sourced after tests/lib.sh.

# shellcheck disable=SC2154 # scratch, mnt and why are lib.sh's
program="$TESTS_BIN/tests/preload/spill"
: "${MAPHERD:?run by make check}"

# disk KIND SIZE: a new filesystem, its folder in $disk; a file of it in $file. A page that the
# library allocated beforehand would never lack space: that is off.
disk() {
	mount_fs "$1" "$2" || return 1
	disk=$(cd "$mnt" && pwd -P)
	file=$disk/file
	spills=$scratch/spills
	mkdir -p "$spills"
	chmod 1777 "$spills"
	export MAPHERD_PREALLOC=off MAPHERD_SPILL_DIR="$spills" MAPHERD_LOG="$scratch/log"
}

# Others fill it, to the last block; and give it back. What has no space for metadata says so.
take_space() {
	for size in 64M 8M 1M 128K 16K 4K; do
		while fallocate -l "$size" "$disk/others.$size.$((others += 1))" 2>/dev/null; do :; done
	done
	rm -f "$disk/others.4K.$others"
	sync -f "$disk"
	dd if=/dev/zero of="$disk/others.tail" bs=4096 2>/dev/null || true
	sync -f "$disk"
}
others=0
give_space() { remove_in "$disk" -maxdepth 1 -name 'others.*'; }

# What is on the disk itself, and not in memory.
remount() {
	umount "$disk"
	case $1 in
	tmpfs) ;;
	*) mount -o loop "$scratch/$1.img" "$disk" ;;
	esac
}

# begin COMMAND...: starts it; ask WORD...: the program's answer is in $said.
mkfifo "$scratch/to" "$scratch/from"
begin() {
	"$@" <"$scratch/to" >"$scratch/from" 2>"$scratch/stderr" &
	running=$!
	exec 3>"$scratch/to" 4<"$scratch/from"
	said=''
	read -r said <&4 || true
	[ "$said" = ready ] || fail "'$*' did not get ready: $said $(cat "$scratch/stderr")"
}
begin_preloaded() {
	begin env LD_PRELOAD="$MAPHERD_LIB" "$program" "$@"
	grep -q libmapherd.so "/proc/$running/maps" || fail "the library is not in the program"
}
# False: it has died.
ask() {
	said=''
	printf '%s\n' "$*" >&3
	read -r said <&4
}
expect_answer() {
	wanted=$1
	shift
	ask "$@" || { ended; fail "'$*' was not answered: it ended with $result; $(tail -3 "$scratch/stderr" "$scratch/log" 2>/dev/null)"; }
	[ "$said" = "$wanted" ] || fail "'$*' was answered by '$said' and not '$wanted'; $(tail -3 "$scratch/log" 2>/dev/null)"
}
# Its exit status is in $result.
ended() {
	result=0
	exec 3>&- 4<&-
	wait "$running" 2>/dev/null || result=$?
}
ends_with() {
	ended
	[ "$result" = "$1" ] || fail "it ended with $result and not $1: $(cat "$scratch/stderr") $(tail -3 "$scratch/log" 2>/dev/null)"
}
spill_files() { find "$spills" -name 'mapherd-spill.*' | wc -l; }
nothing_left() { [ "$(spill_files)" = 0 ] || fail "left: $(ls -l "$spills")"; }
on_disk() {
	"$program" check "$file" "$@" >"$scratch/out" || fail "on the disk, $*: $(cat "$scratch/out")"
}
ENOSPC=28
EDQUOT=122

# dies_alone PAGES: without the library it dies of SIGBUS.
dies_alone() {
	begin "$program" "$file" "$1"
	take_space
	ask store ascending 0 "$1" 1 && fail "alone it does not die: $said"
	ended
	[ "$result" = 135 ] || fail "alone it ended with $result, not of SIGBUS"
	give_space
	rm -f "$file"
	sync -f "$disk"
}
