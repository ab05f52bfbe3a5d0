# shellcheck shell=sh
# The main job on one filesystem; sourced, after tests/lib.sh, by chunks-KIND.sh.
#
# Chunks of a sparse file are mapped, written, read back through the maps and through the file, and
# unmapped. Preloaded, the list of maps may grow by 9 at most; alone, the same program dies at the
# limit, which shows that the number is worth something.

# shellcheck disable=SC2154 # scratch, mnt and why are lib.sh's
MOST=9
chunks="$TESTS_BIN/tests/preload/chunks"
limit=$(cat /proc/sys/vm/max_map_count)
MIB=1048576

# preloaded_chunks COUNT SIZE ORDER DESCRIPTORS SHARING WRITTEN
preloaded_chunks() {
	what="$file: $*"
	status=0
	seen=$(preloaded "$chunks" "$file" "$@" 2>"$scratch/stderr") || status=$?
	[ "$status" = 0 ] || fail "$what: status $status, $seen: $(head -5 "$scratch/stderr")"
	library=0 grown='' wrong='' left='' left_of_file=''
	eval "$seen"
	[ "$library" = 1 ] || fail "$what: the library is not in the program"
	[ "$grown" -le "$MOST" ] || fail "$what: maps grew by more than $MOST: $seen"
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
		# Only shared maps can be made anew from another map, which is what overlayfs asks for.
		[ "$1-$order" = overlay-descending ] || [ "$1-$order" = overlay-random ] ||
			preloaded_chunks 70000 $MIB $order one private 500
	done
	preloaded_chunks 70000 $MIB growing one shared 500
	preloaded_chunks 70000 $MIB growing closed shared 500
	rm -f "$file"
	say "$1: $runs runs, maps grew by $worst at most"
}
