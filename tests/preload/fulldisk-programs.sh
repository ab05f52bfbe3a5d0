#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
# Unmodified programs on a full disk: alone they die of SIGBUS, or say nothing useful; with
# MAPHERD_PREALLOC=strict each says, in its own words, that there is no space.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/fulldisk.sh"

cat >"$scratch/store.py" <<'END_OF_PYTHON'
import mmap, sys
with open(sys.argv[1], "w+b") as f:
    f.truncate(8 << 20)
    m = mmap.mmap(f.fileno(), 8 << 20)
    for at in range(0, 8 << 20, 4096):
        m[at] = 1
END_OF_PYTHON
${CC:-cc} -c -o "$scratch/large.o" -x c - <<'END_OF_C'
char large[8 << 20] = { 1 };
int main(void) { return large[5]; }
END_OF_C
have_lmdb=yes
${CC:-cc} -o "$scratch/lmdb" "$TESTS_SRC/preload/fulldisk_lmdb.c" -llmdb 2>/dev/null || have_lmdb=

# one_program NAME ALONE WORDS COMMAND...: alone it dies of SIGBUS, or its output matches ALONE; strictly
# it fails of itself and says WORDS.
ran=" "
one_program() {
	program=$1 alone=$2 words=$3
	shift 3
	empty_but_filler
	without "$@"
	if [ "$got" != 135 ]; then
		if [ -z "$alone" ] || ! grep -q -e "$alone" "$scratch/out"; then
			fail "$kind: $program: alone it should die of SIGBUS: status $got, $(tail -n 3 "$scratch/out")"
		fi
	fi
	empty_but_filler
	strictly "$@"
	cat "$scratch/out" "$scratch/err" >"$scratch/said"
	[ "$got" -gt 0 ] && [ "$got" -lt 128 ] || fail "$kind: $program: status $got: $(cat "$scratch/said")"
	grep -v "^$stamp" "$scratch/said" | grep -q -F -e "$words" ||
		fail "$kind: $program does not say '$words': $(cat "$scratch/said")"
	grep -q "^$stamp.*it fails with ENOSPC" "$scratch/err" || fail "$kind: $program: the library said nothing"
	empty_but_filler
	case $ran in
	*" $program "*) ;;
	*) ran="$ran$program " ;;
	esac
}

cabinets() {
	# It says FAILED, and what it could not do.
	if command -v kchashtest >/dev/null; then
		one_program kchashtest "" "FAILED: " kchashtest order -set -bnum 2000000 "$disk/file" 200000
	fi
	if command -v tchtest >/dev/null; then
		one_program tchtest "" "error" tchtest write "$disk/file" 100000 200000
	fi
}

programs() {
	if command -v /usr/bin/python3 >/dev/null; then
		one_program python3 "" "OSError: [Errno 28] No space left on device" /usr/bin/python3 "$scratch/store.py" "$disk/file"
	fi
	if [ "$have_lmdb" ]; then
		one_program lmdb "" "No space left on device (28)" sh -c 'mkdir -p "$2" && exec "$1" "$2" 16' sh "$scratch/lmdb" "$disk/file"
	fi
	# Both grow their file under their map, and write pages again: what btrfs has written back
	# it copies on the next write, for which nothing can be allocated in advance.
	if [ $kind = btrfs ]; then
		say "not on btrfs: kchashtest and tchtest, which write pages again (copy on write)"
	else
		cabinets
	fi
	# Both linkers catch SIGBUS themselves: one guesses, the other prints a stack and dies.
	if command -v mold >/dev/null; then
		one_program mold "Disk full?" "No space left on device" ${CC:-cc} -fuse-ld=mold -o "$disk/file" "$scratch/large.o"
	fi
	if command -v ld.lld >/dev/null; then
		one_program lld "PLEASE submit a bug report" "No space left on device" \
			${CC:-cc} -fuse-ld=lld -o "$disk/file" "$scratch/large.o"
	fi
}

on_a_disk() {
	few_left
	programs
	empty_disk
}
on_each_disk on_a_disk
[ $shown -gt 0 ] || skip "needs root"
for program in python3 lmdb kchashtest tchtest mold lld; do
	case $ran in
	*" $program "*) ;;
	*) say "not run: $program" ;;
	esac
done
say "on $shown filesystems:$ran"
