#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Several processes share a file on a full disk: what each stores is seen by all, or it ends as it would
# alone. Nothing is spilled that another process could miss, nothing is overwritten that another has
# written, and who opens a file with spilled pages sees them, as soon as there is space.
# PART=twins runs one part alone.
# shellcheck disable=SC2086,SC2154 # $ALL is two words; why, scratch and mnt are lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
PAGES=400
ALL="0 $PAGES"
runs=1 twins=2
[ -z "${TESTS_LONG:-}" ] || runs=50 twins=100

# until_or_ended PID COMMAND...: waits until the command succeeds; false: the process has ended before.
until_or_ended() {
	watched=$1
	shift
	while ! "$@"; do
		kill -0 "$watched" 2>/dev/null || "$@" || return 1
		sleep 0.1
	done
}

clear_disk() {
	rm -rf "${file:?}" "$disk/db" "$scratch/log" "${spills:?}"/*
	sync -f "$disk"
}

# Another process has the file mapped: the store is as alone, and its pages are not touched.
mapped_by_another() {
	env LD_PRELOAD="$MAPHERD_LIB" "$program" "$file" $PAGES <"$scratch/idle" >"$scratch/idle.out" 2>&1 &
	another=$!
	exec 5>"$scratch/idle"
	until_or_ended $another grep -q ready "$scratch/idle.out" || fail "$kind: the other process: $(cat "$scratch/idle.out")"
	begin_preloaded "$file" $PAGES
	expect_answer 0 store ascending 0 10 1
	take_space
	ask store ascending $ALL 2 && fail "$kind: a store that another process cannot see: $said"
	ended
	[ "$result" = 135 ] || fail "$kind: it ended with $result, and alone of SIGBUS"
	grep -q "the file is open more than once" "$scratch/log" || fail "$kind: the reason is not said: $(cat "$scratch/log")"
	[ "$(spill_files)" = 0 ] || fail "$kind: something was spilled"
	# What it did store, it stored to the file.
	printf 'check ascending 0 10 2\n' >&5
	until_or_ended $another grep -q "^wrong" "$scratch/idle.out" || fail "$kind: the other process does not answer: $(cat "$scratch/idle.out")"
	grep -qx "wrong=0" "$scratch/idle.out" || fail "$kind: the other process does not see the stores: $(cat "$scratch/idle.out")"
	exec 5>&-
	wait $another || fail "$kind: the other process ended with $?"
	give_space
	clear_disk
}

# A forked child shares the open file: as long as both are there neither spills what the other would not
# see. Which of them dies is open; the other is alone then.
forked_before() {
	begin_preloaded "$file" $PAGES
	expect_answer 0 store ascending 0 10 1
	take_space
	if ask fork; then
		[ "$said" = "child=7" ] || fail "$kind: a forked child and its parent each stored for themselves: $said"
		exec 3>&-
		cat <&4 >/dev/null
		ended
	else
		cat <&4 >/dev/null # until the child has ended too
		ended
		[ "$result" = 135 ] || fail "$kind: it ended with $result, and alone of SIGBUS"
	fi
	grep -q "another process shares the open file and has it mapped" "$scratch/log" || fail "$kind: the reason is not said: $(cat "$scratch/log")"
	give_space
	clear_disk
}

# Who opens the file waits, for as long as there is no space, and then sees all that was stored.
opened_meanwhile() {
	begin_preloaded "$file" $PAGES
	take_space
	expect_answer 0 store random $ALL 1
	[ "$(spill_files)" = 1 ] || fail "$kind: nothing was spilled"
	"$program" check "$file" random $ALL 1 >"$scratch/seen" 2>&1 &
	reader=$!
	until_or_ended $reader grep -q "is being opened while pages of it are spilled" "$scratch/log" ||
		fail "$kind: the reader was not held up: $(cat "$scratch/seen")"
	[ ! -s "$scratch/seen" ] || fail "$kind: the reader was not held up: $(cat "$scratch/seen")"
	give_space
	wait $reader || fail "$kind: the reader saw $(cat "$scratch/seen")"
	expect_answer 0 msync $ALL
	ends_with 0
	grep -q "warning: everything that was spilled has gone back to its files" "$scratch/log" ||
		fail "$kind: the end of the trouble is not said: $(cat "$scratch/log")"
	nothing_left
	clear_disk
}

# The spill file itself is removed: msync goes on to fail, and the log says why.
lost_spill() {
	begin_preloaded "$file" $PAGES
	take_space
	expect_answer 0 store random $ALL 1
	rm -f "${spills:?}"/*
	give_space
	ask msync $ALL
	[ "$said" != 0 ] || fail "$kind: msync succeeds without the spill file"
	expect_answer wrong=0 check random $ALL 1
	ended
	grep -q "error: $spills/.*, which holds what was spilled, cannot be opened any more (error [0-9]*)" "$scratch/log" ||
		fail "$kind: it is not said that the spill file is lost: $(cat "$scratch/log")"
	clear_disk
}

# What was written past the map is not overwritten: the page stays, msync says so, recover too.
written_past() {
	begin_preloaded "$file" $PAGES
	take_space
	expect_answer 0 store random $ALL 1
	give_space
	expect_answer 0 write 7 9
	ask msync $ALL
	[ "$said" = 5 ] || fail "$kind: msync over a page that was written since says '$said' and not EIO: $(cat "$scratch/log")"
	expect_answer wrong=0 check random $ALL 1
	ends_with 0
	"$program" check "$file" ascending 7 1 9 >"$scratch/out" || fail "$kind: what was written is overwritten"
	grep -q "was written, past its map" "$scratch/log" || fail "$kind: the conflict is not said: $(cat "$scratch/log")"
	grep -q "error: a file was written by others since pages of it were spilled" "$scratch/log" ||
		fail "$kind: the end does not say what stays: $(cat "$scratch/log")"
	"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 && fail "$kind: recover overwrote what was written since"
	grep -q "it has been changed since" "$scratch/out" || fail "$kind: recover says $(cat "$scratch/out")"
	"$MAPHERD" recover --force "$spills" >"$scratch/out" 2>&1 || fail "$kind: recover --force: $(cat "$scratch/out")"
	on_disk random $ALL 1
	clear_disk
}

# Spilled, then forked; both store, both are killed: recover puts everything in its place.
killed_twins() {
	i=0
	while [ $i -lt $twins ]; do
		begin_preloaded "$file" $PAGES
		take_space
		expect_answer 0 store random $ALL 1
		ask twin $((i + 2))
		[ "$said" -gt 1 ] || fail "$kind: no twin: $said"
		kill -9 "$running" "$said"
		ended
		while kill -0 "$said" 2>/dev/null; do sleep 0.1; done # recover leaves alone what a process has
		[ "$(spill_files)" -ge 1 ] || fail "$kind: nothing was spilled"
		give_space
		"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 || fail "$kind: recover: $(cat "$scratch/out")"
		nothing_left
		on_disk ascending $ALL $((i + 2))
		clear_disk
		i=$((i + 1))
	done
}

# While pages are spilled, calls that map read no list of maps: with many maps each would take milliseconds.
maps_meanwhile() {
	if ! command -v strace >/dev/null; then
		say "not run: how often the list of maps is read, for want of strace"
		return
	fi
	begin strace -f -qq -o "$scratch/trace" -y -e trace=read \
		-E LD_PRELOAD="$MAPHERD_LIB" "$program" "$file" $PAGES
	take_space
	expect_answer 0 store random $ALL 1
	[ "$(spill_files)" = 1 ] || fail "$kind: nothing was spilled"
	before=$(grep -c '/proc/[0-9]*/maps>' "$scratch/trace" || true)
	expect_answer 0 chunks 2000
	after=$(grep -c '/proc/[0-9]*/maps>' "$scratch/trace" || true)
	[ $((after - before)) -le 20 ] || fail "$kind: 2,000 maps read the list of maps $((after - before)) times"
	give_space
	expect_answer 0 msync $ALL
	ends_with 0
	clear_disk
}

# An allocator with an mmap of its own, in front of the library: the store is kept all the same.
allocator_first() {
	tcmalloc=$(find /usr/lib /usr/lib64 -name 'libtcmalloc_minimal.so.4' 2>/dev/null | head -n 1)
	if [ -z "$tcmalloc" ]; then
		say "not run: tcmalloc"
		return
	fi
	begin env LD_PRELOAD="$tcmalloc $MAPHERD_LIB" "$program" "$file" $PAGES
	take_space
	expect_answer 0 store random $ALL 1
	[ "$(spill_files)" = 1 ] || fail "$kind: nothing was spilled behind tcmalloc"
	give_space
	expect_answer 0 msync $ALL
	ends_with 0
	nothing_left
	on_disk random $ALL 1
	clear_disk
}

# Answers whether one of the writers has said more lines than that, or none of them is left.
goes_on() {
	[ "$(cat "$scratch"/ack.* | wc -l)" -le "$1" ] || return 0
	for writer in $writers; do
		! kill -0 "$writer" 2>/dev/null || return 1
	done
}

# LMDB: WHAT processes, while the disk fills and empties. Everything that was acknowledged is there.
lmdb() {
	rm -f "$scratch/stop"
	mkdir "$disk/db"
	"$scratch/lmdb" "$disk/db" make || fail "$kind: no database"
	jobs='' writers=''
	for who in $1; do
		case $who in
		reader) env LD_PRELOAD="$MAPHERD_LIB" "$scratch/lmdb" "$disk/db" read "$scratch/stop" >"$scratch/read" 2>&1 & ;;
		*)
			env LD_PRELOAD="$MAPHERD_LIB" "$scratch/lmdb" "$disk/db" write "$who" "$scratch/stop" 2>"$scratch/err.$who" >"$scratch/ack.$who" &
			writers="$writers $!"
			;;
		esac
		jobs="$jobs $!"
	done
	first=${writers# }
	first=${first%% *}
	until_or_ended "$first" [ -s "$scratch/ack.one" ] || fail "$kind: a writer has ended: $(cat "$scratch"/err.*)"
	take_space
	copying=
	if [ "$1" = one ]; then # nobody else has the file open: what lacks space is spilled
		until_or_ended "$first" grep -qs "is kept in the spill file" "$scratch/log" ||
			fail "$kind: a writer that is alone has ended: $(cat "$scratch"/err.* "$scratch/log")"
	fi
	if [ -n "$2" ]; then
		rm -rf "$scratch/copy"
		mkdir "$scratch/copy"
		timeout 600 mdb_copy "$disk/db" "$scratch/copy" 2>"$scratch/err.copy" &
		copying=$!
	fi
	# The writers go on until one lacks space.
	until_or_ended "$first" grep -qs "SIGBUS: a store to $disk/db/" "$scratch/log" || fail "$kind: $1: a writer has ended: $(cat "$scratch"/err.*)"
	! grep -q "is kept in the spill file" "$scratch/log" || spilled=$((spilled + 1))
	give_space
	[ -z "$copying" ] || wait $copying || fail "$kind: mdb_copy: $(cat "$scratch/err.copy")"
	said=$(cat "$scratch"/ack.* | wc -l)
	while ! goes_on "$said"; do sleep 0.1; done
	: >"$scratch/stop"
	ends=
	for job in $jobs; do
		got=0
		wait "$job" || got=$?
		case $got in
		0 | 135) ends="$ends $got" ;;
		*) fail "$kind: $1: a process ended with $got: $(cat "$scratch"/err.* "$scratch/read" 2>/dev/null)" ;;
		esac
	done
	"$MAPHERD" recover "$spills" >"$scratch/out" 2>&1 || fail "$kind: $1: recover: $(cat "$scratch/out")"
	died=$(printf '%s\n' $ends | grep -c 135 || true)
	[ "$(grep -c "open more than once.*the program dies of it" "$scratch/log" || true)" -ge "$died" ] ||
		fail "$kind: $1: $died have died of another reason: $(cat "$scratch/log")"
	cat "$scratch"/ack.* >"$scratch/acknowledged"
	"$scratch/lmdb" "$disk/db" check <"$scratch/acknowledged" >"$scratch/out" 2>&1 ||
		fail "$kind: $1: after $ends: $(cat "$scratch/out" "$scratch/log")"
	if [ -n "$2" ]; then
		"$scratch/lmdb" "$scratch/copy" check </dev/null >"$scratch/out" 2>&1 || fail "$kind: the copy: $(cat "$scratch/out" "$scratch/log")"
	fi
	case $1 in *reader*) grep -qx wrong=0 "$scratch/read" || [ "$ends" != "${ends#* 135}" ] ||
		fail "$kind: the reader: $(cat "$scratch/read")" ;; esac
	rm -f "$scratch"/ack.* "$scratch"/err.*
	clear_disk
}
lmdbs() {
	if [ -z "$have_lmdb" ]; then
		say "not run: LMDB"
		return
	fi
	i=0 spilled=0
	while [ $i -lt $runs ]; do
		lmdb "one two" ""
		lmdb "one reader" ""
		lmdb "one" "$have_copy"
		i=$((i + 1))
	done
	say "$kind: LMDB, $runs runs of two writers, a writer and a reader, a writer and mdb_copy: nothing acknowledged is lost; $spilled of them spilled"
	[ "$spilled" -gt 0 ] || fail "$kind: none of them has spilled"
}

on() {
	kind=$1
	if ! disk "$1" "$2"; then
		say "not on $1: $why"
		return
	fi
	for part in mapped_by_another forked_before opened_meanwhile written_past lost_spill killed_twins maps_meanwhile \
		allocator_first lmdbs; do
		[ -z "${PART:-}" ] || [ "$PART" = $part ] || continue
		$part
	done
	say "$1: as promised"
}
mkfifo "$scratch/idle"
have_lmdb=yes have_copy=yes
# shellcheck disable=SC2086 # CC may be several words
${CC:-cc} -o "$scratch/lmdb" "$TESTS_SRC/preload/spill_lmdb.c" -llmdb 2>/dev/null || have_lmdb=
command -v mdb_copy >/dev/null || have_copy=
on ext4 64M
on xfs 320M
