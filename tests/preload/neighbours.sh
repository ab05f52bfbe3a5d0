#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What a chunk's neighbour has become unseen is not what the chunk becomes: each case of neighbours.c
# alone and preloaded, also where chunks of several opens are joined; page tables of lone chunks; as
# many layers as are needed, and no more.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/neighbours"

# run COMMAND...: its words in out, its status in status.
run() {
	status=0
	"$@" >"$scratch/out" 2>&1 || status=$?
}

# cases_in FOLDER NAME
cases_in() {
	file="$(cd "$1" && pwd -P)/file"
	while read -r case; do
		run "$program" "$case" "$file"
		if [ "$status" = 77 ]; then
			say "$(sed "s/^not shown here:/not shown here: $case on $2:/" "$scratch/out")"
			continue
		fi
		[ "$status" = 0 ] || fail "$case on $2 fails without mapherd: $(cat "$scratch/out")"
		cp "$scratch/out" "$scratch/alone"
		for coalesce in auto join; do
			[ "$case-$coalesce" != closed-join ] || continue # there it may be told later
			run env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_COALESCE="$coalesce" "$program" "$case" "$file"
			[ "$status" = 0 ] || fail "$case on $2, $coalesce: status $status: $(cat "$scratch/out")"
			library=0 closed='' pte='' maps='' grown=''
			eval "$(cat "$scratch/out")"
			[ "$library" = 1 ] || fail "$case: the library is not in the program"
			judge
		done
	done <"$scratch/cases"
	rm -f "$file"
}

# Figures against those of the run alone.
judge() {
	alone_pte=$(sed -n 's/.*pte=//p' "$scratch/alone")
	alone_maps=$(sed -n 's/.*maps=//p' "$scratch/alone")
	case $case in
	closed) grep -q "closed=$closed" "$scratch/alone" ||
		fail "closed on $2: told $closed, alone: $(cat "$scratch/alone")" ;;
	lone) [ "$pte" -le $((alone_pte + alone_pte / 10 + 64)) ] ||
		fail "$2: page tables of files with one chunk: $pte KiB, $alone_pte alone" ;;
	forgotten) [ "$grown" -le 256 ] || fail "$2: $grown KiB of memory for chunks that were unmapped by handle" ;;
	layered) # 300 layers; on overlayfs the file has another name in the list
		[ "$alone_maps" = 0 ] || [ "$maps" -le 640 ] ||
			fail "$2: $maps maps, $alone_maps alone" ;;
	esac
}

"$program" list >"$scratch/cases"
[ "$(grep -c . "$scratch/cases")" -ge 12 ] || fail "no list of cases: $(cat "$scratch/cases")"
cases_in "$scratch" "this disk"
for kind in tmpfs overlay; do
	if mount_fs "$kind" 200M; then
		cases_in "$mnt" "$kind"
	else
		say "not on $kind: $why"
	fi
done
