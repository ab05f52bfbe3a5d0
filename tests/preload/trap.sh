#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Live maps and open files that mapherd must keep apart, on a disk, on tmpfs and on overlayfs, where
# maps are made in another way. Every case is run alone first, and passes: it asserts what the
# kernel does.
. "${TESTS_SRC:?run by make check}/lib.sh"

trap="$TESTS_BIN/tests/preload/trap"
"$trap" list >"$scratch/cases"

# Known differences: when a lock is taken through one open() only after its chunk and a chunk of
# another open() were made one map, the lock lasts as long as that map, or goes too early.
known="flock_later ofd_lock_later"
differs() {
	case " $known " in
	*" $case "*) say "known difference: $1" ;;
	*) failed="$failed
$1" ;;
	esac
}

# cases_in FOLDER NAME
cases_in() {
	folder=$(cd "$1" && pwd -P)
	while read -r case; do
		"$trap" "$case" "$folder/file" >"$scratch/out" 2>&1 ||
			fail "$case on $2 fails without mapherd: $(cat "$scratch/out")"
		facts_alone=$(sed 's/.*facts=//' "$scratch/out")
		if ! preloaded "$trap" "$case" "$folder/file" >"$scratch/out" 2>&1; then
			differs "$2: $case: $(cat "$scratch/out")"
			continue
		fi
		library=0 asked='' beside='' facts=''
		eval "$(cat "$scratch/out")"
		[ "$library" = 1 ] || fail "$case: the library is not in the program"
		[ "$beside" = "$asked" ] ||
			fail "$case on $2: $beside of $asked chunks were put beside their neighbour"
		[ "$facts" = "$facts_alone" ] ||
			differs "$2: $case: facts $facts, but $facts_alone without mapherd"
	done <"$scratch/cases"
	rm -f "$folder/file"
}

failed=""
cases_in "$scratch" disk
for kind in tmpfs overlay; do
	if mount_fs "$kind" 64M; then
		cases_in "$mnt" "$kind"
	else
		say "not on $kind: $why"
	fi
done
[ -z "$failed" ] || fail "$failed"
