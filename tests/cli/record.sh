#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Reading records: what is in them is told right, what is broken is said, and nothing else happens.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
record=$scratch/mapherd-made.record
make_record() { "$TESTS_BIN/tests/cli/recordmake" "$record" "$@" || fail "recordmake $*"; }

# A good one; a stack of each kind of frame.
truncate -s 64K "$scratch/a.dvd"
make_record program=store pid=4711 module=/nowhere/libx.so file="$scratch/a.dvd" \
	java=com/example/Store,sync,Store.java,12 java=com/example/Store,map0,,-1 java=a/B,c,,0 \
	stack=1+0x1234,j2,j1,j3,0x7f0000001000 map=0x10000,4,stack=1,file=1 map=0x20000,2,stack=1,file=1,age=7200
expect 0 "$MAPHERD" leaks "$record"
silent err
out_has "store[4711] on "
out_has "was killed"
out_has "2 are there, 24.0 KiB"
out_has "1. 100.0 %  2 mappings, 24.0 KiB, 0 s to 2 h old"
out_has "$scratch/a.dvd"
tail -n 8 "$scratch/out" | head -n 5 | sed 's/^ *//' >"$scratch/stack"
cat >"$scratch/wanted" <<'END2'
libx.so+0x1234
com.example.Store.map0(Native Method)
com.example.Store.sync(Store.java:12)
a.B.c(Unknown Source)
0x7f0000001000
END2
grep -A 4 'libx.so+0x1234' "$scratch/out" | sed 's/^ *//' | diff "$scratch/wanted" - >&2 || fail "another stack"
out_has "note: /nowhere/libx.so cannot be read (No such file or directory)"

# Overlaps, as of a process that was killed: the newer is right. pieces START-END... in pages.
json_of() {
	expect 0 "$MAPHERD" leaks --json --by file "$record"
	sed -n 2p "$scratch/out" | sed -n 's/.*"mappings":\([0-9]*\),"pieces":\([0-9]*\),"bytes":\([0-9]*\).*/\1 \2 \3/p'
}
overlap() {
	wanted=$1
	shift
	make_record "$@"
	got=$(json_of)
	[ "$got" = "$wanted" ] || fail "of '$*' there are (mappings, pieces, bytes) $got instead of $wanted"
}
overlap "1 1 16384" map=0x10000,4
overlap "2 2 24576" map=0x10000,4 map=0x14000,2
overlap "2 2 20480" map=0x10000,4 map=0x12000,3
overlap "2 3 16384" map=0x10000,4 map=0x11000,1
overlap "1 1 16384" map=0x10000,4,order=9 map=0x11000,1
overlap "1 1 16384" map=0x11000,1 map=0x10000,4
overlap "2 3 32768" map=0x10000,8,order=1 map=0x11000,4,order=2 map=0x12000,2,order=1 # hidden
overlap "3 5 32768" map=0x10000,8,order=1 map=0x11000,4,order=2 map=0x12000,2,order=3
overlap "2 2 20480" map=0x10000,4,order=0xffffffff map=0x12000,3,order=2 # it went round
overlap "1 2 8192" map=0x10000,1,number=7 map=0x12000,1,number=7 # two pieces of one
overlap "1 1 16384" map=0x10000,4 map=0x20001,4                 # going just now
# What makes no sense is left out, and said.
for piece in 0x10010,1 0x10000,0 0xfffffffffffff000,1 0x7fffffffffffe000,9; do
	make_record map=0x30000,1 map=$piece
	expect 0 "$MAPHERD" leaks "$record"
	out_has "1 is there, 4.0 KiB"
	out_has "1 piece of the record made no sense"
done
# A file, stack, module or Java frame that is not there is not known.
make_record stack=7+0x10,j9,1+0x20 map=0x10000,1,file=99,stack=1 map=0x20000,1,stack=123456
expect 0 "$MAPHERD" leaks "$record"
out_has "anonymous memory"
out_has "0x10"
out_has "(no stack was recorded)"

# bad TEXT WORD...: that record cannot be read, and TEXT says why.
bad() {
	text=$1
	shift
	make_record "$@"
	expect 1 "$MAPHERD" leaks "$record"
	silent out
	one_line err
	err_has "$text"
}
bad "it is no record" cut=0
bad "it is no record" cut=7
bad "it is no record" at=0,1,0
bad "in the middle of its head" cut=8
bad "in the middle of its head" cut=900
bad "another order of bytes" endian=0x04030201
bad "mark of byte order" endian=7
bad "its version is 2" version=2
bad "a head of bytes: 100 makes no sense" size=100
bad "a head of bytes: 4294967295" size=0xffffffff
for size in 0 1 4095 5000 0x80000000; do bad "a page of bytes" page_size=$size; done
for size in 0 4097 65535 0x40000000; do bad "a chunk of bytes" chunk_size=$size; done
bad "the history's length" history_levels=33
bad "the history's length" history_points=0xffffffff
bad "the number of events" events=0xffffffff
bad "the number of top files" tops=0xffffffff
bad "the number of chunks" chunks=0xffffffff
bad "the number of chunks" chunks_most=0xffffffff
bad "the number of chunks" chunks=5 chunks_most=4
bad "lie over each other" history_at=8
bad "lie over each other" events_at=4096
bad "lie over each other" chunks_at=8192
bad "lie over each other" directory_at=0
bad "lie between words" top_at=40001
bad "it ends at" history_at=0xfffffff0
bad "it ends at" events_at=0xfff00000
bad "it ends at" cut=5000
bad "it ends at" cut=60000
bad "it ends at" chunks_at=0xfff00000
bad "no mapping of made[999999999] was recorded; MAPHERD_LEAKS=on" leaks_ms=0
# Numbers that promise more than there is are no promise.
for field in 'used[1]' 'used[2]' 'used[3]' 'used[5]'; do
	make_record map=0x10000,1 "$field=0xffffffff"
	expect 0 "$MAPHERD" leaks "$record"
	out_has "1 is there"
done
make_record map=0x10000,1 chunks=16384
expect 0 "$MAPHERD" leaks "$record"

# What is no file at all.
expect 1 "$MAPHERD" leaks "$scratch/nowhere"
err_has "No such file"
expect 1 "$MAPHERD" leaks "$scratch/stdin" # a FIFO that nobody writes to
err_has "it is no regular file"
expect 1 "$MAPHERD" leaks "$scratch"
err_has "regular file"
expect 1 "$MAPHERD" leaks /dev/zero
err_has "regular file"

# Of a running process, under its own name or another, and when that is gone.
for path in "$scratch/mapherd-held.record" "$scratch/mine"; do
	hold "$TESTS_BIN/tests/cli/recordmake" "$path" map=0x10000,1 pid=4711 hold
	expect 0 "$MAPHERD" leaks "$held"
	out_has "[4711] on "
	out_has "running"
	expect 0 "$MAPHERD" leaks "$path"
	if [ "$(id -u)" = 0 ]; then
		rm "$path"
		expect 0 "$MAPHERD" leaks "$held"
		out_has "running"
	else
		say "not shown here: a record without a name (needs root)"
	fi
	release
done

# Of a process of another PID namespace: whoever looks, it is never taken for one that is gone.
elsewhere=$(mktemp -d /dev/shm/mapherd-test.XXXXXX)
later "rm -rf '$elsewhere'"
mkfifo "$scratch/keep"
seen_as() {
	for viewer in "" "unshare -pf --mount-proc" "unshare -pf"; do
		expect 0 $viewer "$MAPHERD" leaks --list "$elsewhere"
		out_has ": $1,"
		expect 0 $viewer "$MAPHERD" clean $2 --older 0 "$elsewhere"
		[ "$(grep -c "removed\|would remove" "$scratch/out")" = "$3" ] || fail "clean, seen from '$viewer': $(cat "$scratch/out")"
	done
}
if [ "$(id -u)" = 0 ] && unshare -pf --mount-proc true 2>/dev/null; then
	LD_PRELOAD="$MAPHERD_LIB" MAPHERD_DIR="$elsewhere/of-%e-%p" MAPHERD_ONLY=become \
		unshare -pf --kill-child "$TESTS_BIN/tests/preload/become" fails execve <"$scratch/keep" >"$scratch/started" &
	outer=$!
	exec 4>"$scratch/keep"
	until [ -s "$scratch/started" ]; do kill -0 $outer || fail "it has ended"; sleep 0.05; done
	seen_as running "" 0
	[ "$(ls "$elsewhere")" = of-become-1 ] || fail "the record of a process that runs is gone: $(ls "$elsewhere")"
	inner=$(cat "/proc/$outer/task/$outer/children")
	kill -9 $outer
	wait $outer 2>/dev/null || true
	# shellcheck disable=SC2086 # with a space behind it
	while kill -0 $inner 2>/dev/null; do sleep 0.05; done # unshare kills it by its own end
	exec 4>&-
	seen_as "was killed" -n 1
else
	say "not shown here: processes of other PID namespaces, which need root"
fi
