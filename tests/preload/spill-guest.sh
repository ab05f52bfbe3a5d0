#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What is the program's own while pages of its files are spilled or read as zeros: its leases and signals, its
# descriptors, its filter for system calls, what it gives to programs that it starts. Long: nothing is written
# behind who opens the file after the kernel has stopped to hold him up.
# shellcheck disable=SC2154 # why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
guest="$TESTS_BIN/tests/preload/spill_guest"

# scene NAME ALONE PRELOADED WORD: the exit statuses; for zeros if WORD is convert.
scene() {
	take_space
	result=0
	"$guest" "$1" "$disk" >"$scratch/out" 2>&1 || result=$?
	[ "$result" = "$2" ] || fail "alone, $1 ended with $result and not $2: $(cat "$scratch/out")"
	give_space
	rm -f "$file" "$scratch/log"
	take_space
	result=0
	MAPHERD_ZEROS_STATUS=0 MAPHERD_SIGBUS=$4 LD_PRELOAD="$MAPHERD_LIB" timeout 600 "$guest" "$1" "$disk" \
		>"$scratch/out" 2>"$scratch/stderr" || result=$?
	[ "$result" = "$3" ] ||
		fail "$1 ended with $result and not $3: $(cat "$scratch/stderr" "$scratch/out") $(tail -3 "$scratch/log")"
	[ "$3" != 0 ] || grep -qx ok "$scratch/out" || fail "$1: $(cat "$scratch/out")"
	[ "$2" = 0 ] || grep -q "SIGBUS: a " "$scratch/log" || fail "$1: the library did nothing"
	give_space
	rm -f "$file" "$spills"/*
	say "$1"
}

disk ext4 64M || skip "$why"
scene own-lease 0 0 auto
scene own-lease-usr1 0 0 auto
scene closed-in-time 0 0 auto
scene many-locks 135 0 auto
scene sandboxed 135 0 auto
scene spawned 135 135 auto
grep -q "another process shares the open file and has it mapped" "$scratch/log" || fail "spawned: $(cat "$scratch/log")"
scene renumbered 135 0 convert
scene regrown 135 0 convert
scene regrown-sandboxed 135 0 convert
[ -z "${TESTS_LONG:-}" ] || for way in reader writer stopped; do
	scene "$way" 135 0 auto
	grep -q "was opened by others without what is spilled of it" "$scratch/log" || fail "$way: $(cat "$scratch/log")"
done
