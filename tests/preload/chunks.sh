# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck shell=sh
# The main job on one filesystem; sourced, after tests/lib.sh, by chunks-KIND.sh.
#
# Chunks of a sparse file are mapped, written, read back through the maps and through the file, and
# unmapped. Preloaded, the list of maps may grow by 9 at most, and by 14 in random order (four chunks
# lie alone before a window begins, and are holes in it); alone, the same program dies at the limit,
# which shows that the numbers are worth something. Chunks through an open each become one map from
# the start where the user says so.

# shellcheck disable=SC2154 # scratch, mnt and why are lib.sh's
chunks="$TESTS_BIN/tests/preload/chunks"
limit=$(cat /proc/sys/vm/max_map_count)
MIB=1048576

# preloaded_chunks COUNT SIZE ORDER DESCRIPTORS SHARING WRITTEN
preloaded_chunks() {
	what="$file: $*"
	status=0 most=9 coalesce=auto
	[ "$3" != random ] || most=14
	[ "$4" != closed ] || coalesce=join
	seen=$(MAPHERD_COALESCE=$coalesce preloaded "$chunks" "$file" "$@" 2>"$scratch/stderr") || status=$?
	[ "$status" = 0 ] || fail "$what: status $status, $seen: $(head -5 "$scratch/stderr")"
	library=0 grown='' wrong='' left='' left_of_file=''
	eval "$seen"
	[ "$library" = 1 ] || fail "$what: the library is not in the program"
	[ "$grown" -le "$most" ] || fail "$what: maps grew by more than $most: $seen"
	[ "$wrong" = 0 ] || fail "$what: wrong bytes: $seen"
	[ "$left_of_file" = 0 ] || fail "$what: maps of the file are left: $seen"
	[ "$left" -le 2 ] || fail "$what: maps are left: $seen"
	[ ! -s "$scratch/stderr" ] || unmapping_only "$what"
	runs=$((runs + 1))
	[ "$grown" -le "$worst" ] || worst=$grown
}

# Unmapping one map in random order cuts it into a quarter as many as there are chunks. The warning
# that the limit is near is then right; anything else on stderr is not.
unmapping_only() {
	if grep -v 'warning: .* maps' "$scratch/stderr" >&2; then
		fail "$1: said something else than that the limit is near"
	fi
}

# alone_dies COUNT SIZE ORDER DESCRIPTORS
alone_dies() {
	if [ "$1" -le "$limit" ]; then
		say "vm.max_map_count is $limit: that $* die alone cannot be shown here"
		return
	fi
	status=0
	seen=$("$chunks" "$file" "$@" shared 500) || status=$?
	[ "$status" = 3 ] || fail "$file: $*: alone it should be refused, but: status $status, $seen"
	case $seen in
	*errno=12) ;;
	*) fail "$file: $*: alone it was refused, but not for lack of maps: $seen" ;;
	esac
}

# By default chunks through an open each are maps of their own up to half of the limit, and no more
# of them from there on.
joined_under_pressure() {
	if [ "$limit" -ge 70000 ]; then
		say "vm.max_map_count is $limit: that chunks of many opens join under pressure cannot be shown here"
		return
	fi
	status=0
	seen=$(preloaded "$chunks" "$file" 70000 $MIB ascending closed shared 500 2>"$scratch/stderr") || status=$?
	grown=''
	eval "$seen"
	[ "$status:$wrong:$left_of_file" = 0:0:0 ] || fail "$file, an open each: status $status, $seen: $(head -5 "$scratch/stderr")"
	[ "$grown" -ge $((limit / 2 - 200)) ] || fail "$file, an open each: joined without need: $seen"
	[ "$grown" -le $((limit / 2 + limit / 50)) ] || fail "$file, an open each: $seen"
}

# chunks_on KIND SIZE_OF_FILESYSTEM MANY: MANY, how many of 70,000 chunks are written to.
chunks_on() {
	mount_fs "$1" "$2" || skip "$why"
	file="$(cd "$mnt" && pwd -P)/chunks"
	worst=0 runs=0
	alone_dies 70000 $MIB ascending one
	alone_dies 70000 4096 ascending closed
	for order in ascending descending random; do
		for descriptors in one dup closed; do
			preloaded_chunks 70000 $MIB $order $descriptors shared "$3"
			preloaded_chunks 70000 4096 $order $descriptors shared "$3"
			preloaded_chunks 200000 $MIB $order $descriptors shared 500
		done
		preloaded_chunks 70000 $MIB $order one private 500
	done
	preloaded_chunks 70000 $MIB growing one shared 500
	preloaded_chunks 70000 $MIB growing closed shared 500
	joined_under_pressure
	rm -f "$file"
	say "$1: $runs runs, maps grew by $worst at most"
}
