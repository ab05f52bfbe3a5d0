# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck shell=sh disable=SC2154
# The main scenes of the suite with programs of another libc than the one that the library was built with.
# Sourced after tests/lib.sh by musl.sh and tests/libcs-inside.sh, which define compile: it compiles sources of
# tests/preload to a program.
: "${scratch:?comes from tests/lib.sh}"
source=$TESTS_SRC/preload
built=$scratch/built/tests/preload
mkdir -p "$built" "$scratch/files"
folder=$(cd "$scratch/files" && pwd -P)

# build PROGRAM SOURCE...
build() {
	program=$1
	shift
	(cd "$source" && compile -std=gnu17 -g -O1 -I"$TESTS_SRC/.." -I"$TESTS_SRC/../src" -I"$TESTS_SRC/../include" \
		-pthread -o "$built/$program" "$@" -ldl) >"$scratch/log" 2>&1 || fail "$program: $(head -n 20 "$scratch/log")"
}

# by_its_script SCRIPT: that test, with these programs. It proves that the library is in them.
by_its_script() {
	MAPHERD_LIB=$MAPHERD_LIB TESTS_BIN=$scratch/built sh "$source/$1.sh" >"$scratch/out" 2>&1 ||
		fail "$1: status $?: $(tail -n 20 "$scratch/out")"
	say "$1.sh passes"
}

many_chunks() {
	build chunks chunks.c look.c
	build example ../../examples/chunks.c
	limit=$(cat /proc/sys/vm/max_map_count)
	if [ "$limit" -lt 70000 ]; then
		! seen=$("$built/example" "$folder/chunks" 70000 2>&1) || fail "70,000 chunks do not die alone: $seen"
		case $seen in
		*"mmap of chunk 65"*) say "alone: $seen" ;;
		*) fail "70,000 chunks alone: $seen" ;;
		esac
	else
		say "vm.max_map_count is $limit: that 70,000 chunks die alone cannot be shown here"
	fi
	seen=$(preloaded "$built/example" "$folder/chunks" 70000) || fail "70,000 chunks: status $?: $seen"
	say "preloaded: $seen"
	rm "$folder/chunks"
	seen=$(preloaded "$built/chunks" "$folder/chunks" 70000 1048576 ascending one shared 500) || fail "70,000 chunks: status $?: $seen"
	library=0 grown='' wrong='' left_of_file=''
	eval "$seen"
	[ "$library:$wrong:$left_of_file" = 1:0:0 ] || fail "70,000 chunks: $seen"
	[ "$grown" -le 9 ] || fail "70,000 chunks: maps grew by $grown"
	say "70,000 chunks: $seen"
	rm "$folder/chunks"
}

# SIGBUS as the program sees it, line for line.
signals_as_alone() {
	build signals signals.c signals_faults.c signals_sent.c
	for what in actions faults sent; do
		"$built/signals" $what >"$scratch/alone" || fail "signals, $what: alone $?"
		MAPHERD_SIGBUS=report preloaded "$built/signals" $what >"$scratch/with" 2>"$scratch/log" || fail "signals, $what: $?"
		diff "$scratch/alone" "$scratch/with" >&2 || fail "signals, $what: not as alone"
		say "signals, $what: $(grep -c . "$scratch/with") lines as alone"
	done
	preloaded "$built/signals" caught || fail "mapherd's handler is not in the kernel"
}

msync_as_alone() {
	build sync_calls sync_calls.c
	"$built/sync_calls" "$folder/calls" >"$scratch/alone" 2>/dev/null || fail "sync_calls alone: $?"
	for word in plain auto fast; do
		rm -f "$folder/calls"
		MAPHERD_SYNC=$word preloaded "$built/sync_calls" "$folder/calls" >"$scratch/with" 2>/dev/null || fail "sync_calls, $word: $?"
		diff "$scratch/alone" "$scratch/with" >&2 || fail "sync_calls, $word: not as alone"
	done
}

# Calls that pass no symbol, and what they leave as it is. For glibc.
calls_past_symbols() {
	build sites sites.c sites_calls.c sites_threads.c look.c
	build sites_plugin.so -shared -fPIC sites_plugin.c
	seen=$(preloaded "$built/sites" left) || fail "sites: $?: $seen"
	case $seen in
	"sites=0 "*) fail "no site is redirected: $seen" ;;
	*" left=0") ;;
	*) fail "sites are left: $seen" ;;
	esac
	say "$seen"
	for way in handle syscall "$built/sites_plugin.so"; do
		seen=$(preloaded "$built/sites" "$way" "$folder/chunks" 70000) || fail "$way: $?: $seen"
		more=$(echo "$seen" | sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p')
		[ "$more" -le 100 ] || fail "$way: $seen"
		say "$(basename "$way"): $seen"
		rm "$folder/chunks"
	done
	for scene in own registers steps stack forks cancel; do
		preloaded timeout 300 "$built/sites" $scene >"$scratch/out" 2>&1 || fail "$scene: $?: $(cat "$scratch/out")"
		say "$scene: $(cat "$scratch/out")"
	done
}

# The limit is explained, live maps and open files are kept apart, lost parts of files are told or read as
# zeros, and programs that fork while their threads map have the library in each child.
main_scenes() {
	many_chunks
	build limit limit.c look.c
	by_its_script limit
	build trap trap.c trap_maps.c trap_flags.c trap_files.c look.c
	by_its_script trap
	signals_as_alone
	build spill spill.c look.c
	by_its_script truncated
	msync_as_alone
	build forks forks.c look.c
	preloaded timeout 600 "$built/forks" 200 >"$scratch/out" 2>&1 || fail "forks: $?, $(cat "$scratch/out")"
	grep -qx ok "$scratch/out" || fail "forks: $(cat "$scratch/out")"
}
