#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# However a program gives up pages that are in the spill file (munmap, exit, _exit, quick_exit, fork,
# MAP_FIXED, mprotect, mremap), they come to the file: at once, or by `mapherd recover`. Its POSIX locks stay.
# PART=forks runs one part alone.
# shellcheck disable=SC2086,SC2154 # $ALL is two words; why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
PAGES=1000
ALL="0 $PAGES"

# A program whose pages are all in the spill file, SEED in all of them.
spilled() {
	: >"$scratch/log"
	begin_preloaded "$file" $PAGES
	take_space
	expect_answer 0 store random $ALL "$1"
	[ "$(spill_files)" = 1 ] || fail "nothing was spilled"
}
# Nothing is left to recover, and all is on the disk.
came() {
	nothing_left
	landed "$@"
}
landed() {
	remount "$kind"
	on_disk "$@"
	rm -f "$file"
	sync -f "$disk"
}
recovered() {
	[ "$(spill_files)" -ge 1 ] || fail "no spill file is left, and there was no space"
	grep -q "mapherd recover" "$scratch/log" || fail "nobody was told to recover: $(tail -3 "$scratch/log")"
	give_space
	"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 || fail "recover: $(cat "$scratch/out")"
	came "$@"
}

munmaps() {
	spilled 1
	give_space
	expect_answer 0 munmap $ALL
	ends_with 0
	came random $ALL 1
	spilled 2
	expect_answer 0 munmap $ALL
	ends_with 0
	recovered random $ALL 2
	# Mapped again while there is still no space: it is all there.
	spilled 3
	expect_answer 0 remap
	expect_answer wrong=0 check random $ALL 3
	expect_answer $ENOSPC msync $ALL
	give_space
	expect_answer 0 msync $ALL
	ends_with 0
	came random $ALL 3
	# A part.
	spilled 4
	expect_answer 0 munmap 100 300
	give_space
	expect_answer 0 msync 0 100
	ends_with 0
	came random $ALL 4
}

exits() {
	for way in exit _exit quick_exit syscall; do
		spilled 1
		give_space
		ask $way 7 && fail "$way: $said"
		ends_with 7
		came random $ALL 1
		spilled 2
		ask $way 7 && fail "$way: $said"
		ends_with 7
		recovered random $ALL 2
	done
}

forks() {
	spilled 1
	expect_answer child=0 fork
	give_space
	expect_answer 0 msync $ALL
	ends_with 0
	"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 || fail "recover: $(cat "$scratch/out")"
	came ascending $ALL 7
	spilled 2
	expect_answer child=0 fork
	ends_with 0
	recovered ascending $ALL 7
	# The parent is gone, the child goes on.
	spilled 3
	expect_answer 0 daemon
	expect_answer wrong=0 check random $ALL 3
	expect_answer 0 store random 0 500 4
	give_space
	ask msync $ALL
	expect_answer wrong=0 check random 0 500 4
	ask exit 0 && fail "exit: $said"
	ended
	grep -q "warning: there is still no space for what was spilled: a forked process .* may write it back" "$scratch/log" ||
		fail "the parent does not say who has the pages: $(cat "$scratch/log")"
	"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 || fail "recover: $(cat "$scratch/out")"
	nothing_left
	"$program" check "$file" random 0 500 4 >"$scratch/out" || fail "what the daemon stored: $(cat "$scratch/out")"
	rm -f "$file"
	sync -f "$disk"
}

# Of the files that are kept, a child has those alone of which something is spilled: it has to write them back. Of another
# it spills by its own descriptor, or ends as alone.
children() {
	begin_preloaded "$file" $PAGES
	expect_answer 0 second
	[ -n "$(find_sockets)" ] || fail "no file is kept: the test is empty"
	take_space
	expect_answer 0 store random $ALL 1
	expect_answer 2 sockets
	for generation in 1 2; do
		expect_answer 0 daemon
		expect_answer 1 sockets
	done
	expect_answer wrong=0 check random $ALL 1
	expect_answer 0 store random 0 500 2
	give_space
	ask msync $ALL
	ask exit 0 && fail "exit: $said"
	ended
	"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 || fail "recover: $(cat "$scratch/out")"
	nothing_left
	"$program" check "$file" random 0 500 2 >"$scratch/out" || fail "what a daemon's child stored: $(cat "$scratch/out")"
	rm -f "$file" "$file.second"
	sync -f "$disk"

	: >"$scratch/log"
	begin_preloaded "$file" $PAGES
	[ -n "$(find_sockets)" ] || fail "no file is kept: the test is empty"
	expect_answer 0 daemon
	expect_answer 0 sockets
	take_space
	expect_answer 0 store random $ALL 3
	[ "$(spill_files)" = 1 ] || fail "nothing was spilled"
	expect_answer $ENOSPC msync $ALL
	give_space
	expect_answer 0 msync $ALL
	ask exit 0 && fail "exit: $said"
	ended
	came random $ALL 3

	: >"$scratch/log"
	begin_preloaded "$file" $PAGES
	expect_answer 0 close
	[ -n "$(find_sockets)" ] || fail "no file is kept: the test is empty"
	expect_answer 0 daemon
	expect_answer 0 sockets
	take_space
	ask store random $ALL 4 && fail "a store without a proof: $said"
	ended
	grep -q "the map is older than the fork" "$scratch/log" || fail "the reason is not said: $(cat "$scratch/log")"
	nothing_left
	give_space
	rm -f "$file"
	sync -f "$disk"
}
find_sockets() { find "/proc/$running/fd" -lname 'socket:*'; }

changes() {
	spilled 1
	expect_answer 0 fixed 100 300
	expect_answer 0 munmap 100 300
	give_space
	expect_answer 0 msync 0 100
	expect_answer 0 msync 400 600
	ends_with 0
	came random $ALL 1

	spilled 2
	expect_answer 0 protect r 100 300
	expect_answer wrong=0 check random $ALL 2
	expect_answer 0 protect rw 100 300
	expect_answer 0 store random $ALL 3
	expect_answer 0 protect r 50 10
	give_space
	expect_answer 0 msync $ALL
	expect_answer wrong=0 check random $ALL 3
	ends_with 0
	came random $ALL 3

	spilled 4
	expect_answer 0 move $ALL
	expect_answer wrong=0 check random $ALL 4
	expect_answer $ENOSPC msync $ALL
	expect_answer 0 store descending $ALL 5
	give_space
	expect_answer 0 msync $ALL
	expect_answer wrong=0 check descending $ALL 5
	ends_with 0
	came descending $ALL 5

	spilled 6
	expect_answer 0 truncate 500
	give_space
	expect_answer 0 msync 0 500
	expect_answer 0 truncate $PAGES
	expect_answer 0 read 700
	ends_with 0
	nothing_left
	landed random 0 0 6
}

locks() {
	begin_preloaded "$file" $PAGES
	expect_answer 0 lock
	held() { "$TESTS_BIN/tests/preload/locked" "$running" "$file" || fail "the lock is lost after $1"; }
	take_space
	expect_answer 0 store random $ALL 1
	held "spilling"
	expect_answer $ENOSPC msync $ALL
	held "a vain msync"
	give_space
	expect_answer 0 msync $ALL
	held "writing back"
	nothing_left
	expect_answer 0 munmap $ALL
	held "munmap"
	ends_with 0
	came random $ALL 1
}

# SQLite's lock of a database, in the process that stores to the same file.
sqlite() {
	if ! command -v python3 >/dev/null || ! command -v sqlite3 >/dev/null; then
		say "not run: SQLite's lock, for want of python3 or sqlite3"
		return
	fi
	locked() {
		sqlite3 "$file" "select * from t" >"$scratch/out" 2>&1 && fail "SQLite's lock is lost after $1"
		grep -q "locked" "$scratch/out" || fail "after $1: $(cat "$scratch/out")"
	}
	# SQLite and the map have an open file each: that it is one process takes the user's word.
	begin env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_SIGBUS="auto,$file=spill" python3 "$TESTS_SRC/preload/spill_sqlite.py" "$file" 300
	locked "nothing"
	take_space
	expect_answer 0 store
	[ "$(spill_files)" = 1 ] || fail "nothing was spilled"
	locked "spilling"
	expect_answer $ENOSPC sync
	locked "a vain msync"
	give_space
	expect_answer 0 sync
	locked "writing back"
	expect_answer "42 True" end
	ends_with 0
	nothing_left
	rm -f "$file"
	sync -f "$disk"
}

on() {
	kind=$1
	if ! disk "$1" "$2"; then
		say "not on $1: $why"
		return
	fi
	for part in munmaps exits forks children changes locks sqlite; do
		[ -z "${PART:-}" ] || [ "$PART" = $part ] || continue
		$part
	done
	say "$1: as promised"
}
on ext4 64M
on xfs 320M
on btrfs 160M
