#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What spilling needs, where it is not granted: a descriptor, VMAs, address space, an inode that tells
# the file from others, a lease that no forked child gives back, a thread that asks for it, forks that
# succeed. No store is lost, no other file's bytes are shown, and what cannot be spilled ends as alone.
# SCENE=few-vmas runs one alone.
# shellcheck disable=SC2154 # why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
granted="$TESTS_BIN/tests/preload/spill_granted"

# run STATUS SCENE FOLDER [WORDS [PREFIX...]]: preloaded.
run() {
	take_space
	result=0
	: >"$scratch/log"
	chmod 666 "$scratch/log" # for the user that a scene becomes
	status=$1 scene=$2 folder=$3 words=${4:-}
	shift $(($# < 4 ? $# : 4))
	MAPHERD_SIGBUS=$sigbus timeout 600 "$@" env LD_PRELOAD="$MAPHERD_LIB" "$granted" "$scene" "$folder" \
		>"$scratch/out" 2>"$scratch/stderr" || result=$?
	[ "$result" = "$status" ] ||
		fail "$scene ended with $result and not $status: $(cat "$scratch/stderr" "$scratch/out") $(tail -3 "$scratch/log")"
	[ "$status" != 0 ] || grep -qx ok "$scratch/out" || fail "$scene: $(cat "$scratch/out")"
	grep -q "SIGBUS: a " "$scratch/log" || fail "$scene: the library did nothing"
	give_space
	case $scene in
	child-with-lease | failed-fork | child-sees | fork-in-sandbox) ;; # a spill file that was shared is left, empty or not
	*) nothing_left ;;
	esac
	rm -f "$folder/file" "$spills"/*
	say "$scene$words"
}

# alone STATUS SCENE
alone() {
	take_space
	result=0
	timeout 600 "$granted" "$2" "$disk" >"$scratch/out" 2>&1 || result=$?
	[ "$result" = "$1" ] || fail "alone, $2 ended with $result and not $1: $(cat "$scratch/out")"
	give_space
	rm -f "$file"
}

wanted() { [ -z "${SCENE:-}" ] || [ "$SCENE" = "$1" ]; }

chmod 711 "$scratch" # for the user that a scene becomes
if disk ext4 64M; then
	sigbus=auto
	for scene in one-descriptor failed-fork no-thread-later child-with-lease; do
		wanted $scene || continue
		alone 135 $scene
		run 0 $scene "$disk"
	done
	if wanted child-with-lease && grep -q "run: mapherd recover" "$scratch/log"; then
		fail "a child has sent the user to recover while its parent had the pages: $(cat "$scratch/log")"
	fi
	limit=$(cat /proc/sys/vm/max_map_count)
	if wanted few-vmas && [ "$limit" -gt 900000 ]; then
		say "vm.max_map_count is $limit: what happens near it is not shown"
	elif wanted few-vmas; then
		for sigbus in auto "auto,$file=spill"; do
			run 0 few-vmas "$disk" ", MAPHERD_SIGBUS=$sigbus"
		done
		sigbus=auto
	fi
	if wanted no-address-space; then
		alone 135 no-address-space
		run 135 no-address-space "$disk"
		grep -q "no memory, or no map, is left for it" "$scratch/log" || fail "the log has another reason: $(cat "$scratch/log")"
	fi
	if wanted no-thread; then
		run 135 no-thread "$disk"
		grep -q "the kernel could not be asked whether another process uses the file" "$scratch/log" ||
			fail "the log has another reason: $(cat "$scratch/log")"
	fi
	! wanted fork-in-sandbox || run 3 fork-in-sandbox "$disk"
	! wanted child-sees || run 0 child-sees "$disk" ", in another PID namespace" unshare --pid --fork
	# One descriptor is free: by the rule of the user the descriptors of a proof are not needed before.
	sigbus="auto,$file=spill"
	! wanted one-descriptor || run 0 one-descriptor "$disk" ", MAPHERD_SIGBUS=$sigbus"
else
	say "not on ext4: $why"
fi
if ! wanted twins; then
	:
elif disk btrfs 160M; then
	for sigbus in auto "auto,*/file=spill"; do
		for volume in a b; do
			btrfs subvolume create "$disk/$volume" >/dev/null
		done
		head -c 4M /dev/zero | tr '\0' b >"$disk/b/file"
		: >"$disk/a/file"
		sync -f "$disk"
		run 0 twins "$disk/a" ", MAPHERD_SIGBUS=$sigbus"
		btrfs subvolume delete "$disk/a" "$disk/b" >/dev/null
	done
else
	say "not on btrfs: $why"
fi
