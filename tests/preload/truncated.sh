#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A file is made shorter under its readers: they end as they do alone, and a line says where. With
# MAPHERD_SIGBUS=convert the lost part reads as zeros, and who syncs it is told; the bytes come back with
# the file.
# shellcheck disable=SC2154 # scratch is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
EIO=5
# Where libc has no on_exit (musl.sh), exit and the return of main keep their status.
no_on_exit=${TRUNCATED_NO_ON_EXIT:-}
log=$scratch/log
export MAPHERD_LOG="$log" MAPHERD_PREALLOC=off
scratch_real=$(cd "$scratch" && pwd -P)
file=$scratch_real/file

# The line of one fault: a load or store, of which file, at which offset, how long it is, how long the
# map thinks it is, which thread, what code.
told() { # WHAT OFFSET SIZE MAPPED
	grep -q -E "SIGBUS: a $1 $file at offset $2: the file has $3 bytes now, and the map reaches to $4: .*; thread [^ ]+ \([0-9]+\), at [^ ]+\+0x[0-9a-f]+" "$log" ||
		fail "no line about a $1 at $2 ($3 of $4 bytes): $(cat "$log" 2>/dev/null)"
}

# Alone it dies.
begin "$program" "$file" 100
truncate -s 8292 "$file"
ask read 50 && fail "alone it does not die: $said"
ended
[ "$result" = 135 ] || fail "alone it ended with $result, not of SIGBUS"

# With the library too.
for what in "read 50" "store ascending 50 1 2"; do
	rm -f "$file" "$log"
	begin_preloaded "$file" 100
	expect_answer 0 store ascending 0 100 1
	truncate -s 8292 "$file"
	# shellcheck disable=SC2086 # words
	ask $what && fail "$what: it does not die: $said"
	ended
	[ "$result" = 135 ] || fail "$what: it ended with $result, not of SIGBUS"
	case $what in
	read*) told "load from" 204800 8292 409600 ;;
	store*) told "store to" 204800 8292 409600 ;;
	esac
	grep -q "the program dies of it" "$log" || fail "$what: $(cat "$log")"
done
say "dies as alone, explained"

# zeros FIRST TOLD BACK: loads from the lost part first, or stores to it; the file grows again, by another
# process, and the part is there without a call of the program (none), or after one.
zeros() {
	rm -f "$file" "$log"
	begin_preloaded "$file" 100
	expect_answer 0 store ascending 0 100 1
	expect_answer 0 msync 0 100
	truncate -s 8292 "$file"
	case $1 in
	load) expect_answer 0 read 50 ;;
	store) expect_answer 0 store ascending 50 1 2 ;;
	esac
	told "$2" 204800 8292 409600
	expect_answer 0 read 99
	expect_answer wrong=0 check ascending 0 2 1
	expect_answer $EIO msync 0 100
	expect_answer $EIO msync 0 100
	expect_answer 0 msync 0 2
	[ "$(stat -c %s "$file")" = 8292 ] || fail "the file has another length"
	# 0x4141414141414141
	truncate -s 409600 "$file"
	printf 'AAAAAAAA' | dd of="$file" bs=4096 seek=50 conv=notrunc status=none
	case $3 in
	truncate) ask truncate 100 ;;
	esac
	expect_answer 4702111234474983745 read 50
	case $1 in
	load)
		if grep -q 'are lost$' "$log"; then fail "nothing was stored: $(cat "$log")"; fi
		;;
	store)
		grep -q "$file has again what lay behind offset 204800: [1-9][0-9]* bytes .* are lost" "$log" ||
			fail "no line about what was lost: $(cat "$log")"
		expect_answer $EIO msync 0 100
		;;
	esac
	expect_answer 0 msync 0 100
	expect_answer wrong=0 check ascending 0 2 1
	expect_answer 0 store random 0 100 4
	expect_answer 0 msync 0 100
	ends_with ${no_on_exit:-135}
	[ -n "$no_on_exit" ] || grep -q "was given zeros for what $file lacked between the offsets [0-9]* and 409600; .*ends with status 135 instead of 0" "$log" ||
		fail "no line at the end: $(cat "$log")"
	on_disk random 0 100 4
}
MAPHERD_SIGBUS=convert
export MAPHERD_SIGBUS
zeros load "load from" none
zeros load "load from" truncate
zeros store "store to" none
# However it ends; and a child that had none ends as it likes: with 0, or else this one says 1.
leaves() {
	result=0
	preloaded "$TESTS_BIN/tests/preload/signals" leave "$file" "$2" >"$scratch/out" 2>&1 || result=$?
	[ $result = "$1" ] || fail "$2: it ended with $result: $(cat "$scratch/out")"
}
for way in return exit; do leaves ${no_on_exit:-135} $way; done
for way in _exit _Exit quick_exit syscall; do leaves 135 $way; done
leaves 7 exit-7
leaves ${no_on_exit:-135} child
MAPHERD_ZEROS_STATUS=9
export MAPHERD_ZEROS_STATUS
leaves ${no_on_exit:-9} return
MAPHERD_ZEROS_STATUS=0
leaves 0 return
unset MAPHERD_ZEROS_STATUS
# On a memory file only where a rule names it.
shm=/dev/shm/mapherd-test.$$
later "rm -f $shm"
if : >"$shm" 2>/dev/null && [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
	file=$shm
	leaves 135 return # of SIGBUS
	grep -q 'the program dies of it' "$log" || fail "a memory file was converted: $(cat "$log")"
	MAPHERD_SIGBUS="auto,$shm=convert"
	zeros store "store to" none
	file=$scratch_real/file
	rm -f "$shm"
else
	say "not shown here: /dev/shm (it is no tmpfs)"
fi
unset MAPHERD_SIGBUS
say "converted: zeros, EIO, and back"

# alike WORDS...: the same exit status with the library as without; if that is a
# death by SIGBUS, the line is there. prepare makes $file anew, since the program cuts it.
alike() {
	alone=0 with=0
	rm -f "$log"
	prepare
	"$@" >"$scratch/alone.out" 2>&1 || alone=$?
	prepare
	LD_PRELOAD="$MAPHERD_LIB" "$@" >"$scratch/with.out" 2>&1 || with=$?
	[ $alone = $with ] || fail "$1 ends with $with instead of $alone"
	cmp -s "$scratch/alone.out" "$scratch/with.out" || fail "$1 says something else: $(diff "$scratch/alone.out" "$scratch/with.out")"
	[ $alone != "$DIES" ] || grep -q -E "SIGBUS: a (load from|store to) $file at offset [0-9]+: .*; thread .*, at " "$log" ||
		fail "$1 dies of SIGBUS, and no line says where: $(cat "$log" 2>/dev/null)"
	say "$1: $alone with and without it"
}
DIES=135

if command -v python3 >/dev/null; then
	prepare() { truncate -s 65536 "$file"; }
	alike python3 -c "
import mmap, os, sys
f = open('$file', 'r+b')
m = mmap.mmap(f.fileno(), 65536)
os.truncate('$file', 4096)
print(m[100], flush=True)
print(m[40000])"
	[ "$alone" = $DIES ] || fail "python3 should die of SIGBUS, and ended with $alone"
else
	say "not run: python3"
fi
if command -v mdb_load >/dev/null && command -v mdb_stat >/dev/null; then
	{
		printf 'VERSION=3\nformat=print\ntype=btree\nmapsize=1048576\nHEADER=END\n'
		for i in $(seq 1000 3000); do printf ' key%s\n value%s\n' "$i" "$i"; done
		printf 'DATA=END\n'
	} >"$scratch/dump"
	mkdir "$scratch/db"
	mdb_load -f "$scratch/dump" "$scratch/db"
	cp "$scratch/db/data.mdb" "$scratch/whole.mdb"
	file=$scratch_real/db/data.mdb
	prepare() { head -c 8192 "$scratch/whole.mdb" >"$file"; }
	alike mdb_stat -a "$scratch/db"
	[ "$alone" = $DIES ] || say "mdb_stat: it does not die of a short file here"
	file=$scratch_real/file
else
	say "not run: mdb_stat"
fi
if command -v sqlite3 >/dev/null; then
	rm -f "$file"
	sqlite3 "$file" "create table t(x); with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select 'row ' || i from n;"
	cp "$file" "$scratch/whole.db"
	# In the same inode: the map stays.
	prepare() { cat "$scratch/whole.db" >"$file"; }
	alike sqlite3 "$file" "pragma mmap_size=100000000;" "begin;" "select x from t limit 1;" ".shell truncate -s 8192 '$file'" \
		"select count(*), sum(length(x)) from t;"
else
	say "not run: sqlite3"
fi
if command -v rg >/dev/null; then
	prepare() { yes needle | head -n 10000 >"$file"; }
	alike rg --mmap -c needle "$file"
	prepare() { : >"$file"; }
	alike rg --mmap -c needle "$file"
else
	say "not run: rg"
fi
