#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Guard pages without a split: a program sees of its guards what it sees alone, whatever it does
# with them, and 60,000 of them cost next to no map.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

guards="$TESTS_BIN/tests/preload/guards"
stacks="$TESTS_BIN/tests/preload/stacks"
no_markers="$TESTS_BIN/tests/preload/no_markers"
limit=$(cat /proc/sys/vm/max_map_count)
export MAPHERD_LOG="$scratch/log"

# see FILE COMMAND...: what the cases say is in FILE; what a guard of two pages cost, in $maps.
see() {
	file=$1
	shift
	"$@" >"$file" 2>"$scratch/err" || fail "$*: status $?: $(tail -3 "$file" "$scratch/err")"
	maps=$(sed -n 's/^maps //p' "$scratch/err")
	library=$(sed -n 's/^library //p' "$scratch/err")
}

# same MAPS OPTIONS...: with these options every case is as it is alone, and a guard costs MAPS.
same() {
	wanted=$1
	shift
	see "$scratch/seen" "$@" LD_PRELOAD="$MAPHERD_LIB" "$guards"
	[ "$library" = 1 ] || fail "$*: the library is not in the program"
	[ "$maps" = "$wanted" ] || fail "$*: a guard costs $maps maps, not $wanted"
	# Known difference: populating a marker is EFAULT and not EINVAL; it fails both ways.
	sed 's/\(populate for .*\): EFAULT/\1: EINVAL/' "$scratch/seen" >"$scratch/known"
	diff -U6 "$scratch/alone" "$scratch/known" >"$scratch/diff" ||
		fail "$*: the program sees its guards differ: $(cat "$scratch/diff")"
}

see "$scratch/alone" "$guards"
[ "$maps" = 2 ] || fail "alone a guard in the middle costs $maps maps, not 2"
[ "$library" = 0 ] || fail "the library is in the program though not preloaded"

# Linux 6.13 has the markers; before it, and where a sandbox refuses them, guards are plain.
markers=0
"$stacks" 1 >/dev/null || fail "stacks does not run"
MAPHERD_GUARDS=on preloaded "$stacks" 1000 >"$scratch/out"
seen=$(cat "$scratch/out")
made='' maps='' open='' dirty='' changed='' left=''
eval "$seen"
[ "$maps" -lt 100 ] && markers=1
"$no_markers" true || fail "no_markers does not run"
same 2 "$no_markers" env MAPHERD_GUARDS=on
same 2 env MAPHERD_GUARDS=off MAPHERD_PRESSURE=full
same 2 env MAPHERD_GUARDS=on MAPHERD_MODE=observe
same 2 env MAPHERD_PRESSURE=calm
case $(uname -r) in
[0-5].* | 6.[0-9].* | 6.1[0-2].*) [ "$markers" = 0 ] || fail "markers before Linux 6.13" ;;
*) [ "$markers" = 1 ] || fail "1,000 guards cost $maps maps: $seen" ;;
esac
[ "$markers" = 1 ] || skip "$(uname -r) has no guard markers: shown that guards are plain then"

same 0 env MAPHERD_GUARDS=on
same 0 env MAPHERD_GUARDS=on MAPHERD_COALESCE=fill
for level in raised high full; do
	same 0 env MAPHERD_PRESSURE=$level
done

# many COMMAND...: 60,000 stacks under COMMAND, which sets options.
many() {
	"$@" LD_PRELOAD="$MAPHERD_LIB" "$stacks" 60000 >"$scratch/out" 2>"$scratch/err" ||
		fail "$*: status $?: $(cat "$scratch/out" "$scratch/err")"
	seen=$(cat "$scratch/out")
	eval "$seen"
	[ "$library" = 1 ] || fail "$*: the library is not in the program"
	[ "$made" = 60000 ] || fail "$*: 60,000 stacks are not had: $seen"
	[ "$open" = 0 ] || fail "$*: guards that let through: $seen"
	[ "$dirty$changed" = 00 ] || fail "$*: wrong bytes: $seen"
	[ "$left" -le 8 ] || fail "$*: maps are left: $seen"
}

if [ "$limit" -lt 120000 ]; then
	"$stacks" 60000 >"$scratch/out" || fail "stacks: status $?"
	seen=$(cat "$scratch/out")
	eval "$seen"
	[ "$made" -lt 60000 ] || fail "alone 60,000 stacks should not be had: $seen"
	say "alone: $made stacks, $maps maps"
else
	say "vm.max_map_count is $limit: that 60,000 stacks fail alone cannot be shown here"
fi
many env
[ "$maps" -lt "$limit" ] || fail "over the limit: $seen"
say "under pressure: $made stacks, $maps maps"
many env MAPHERD_GUARDS=on
[ "$maps" -lt 1000 ] || fail "with MAPHERD_GUARDS=on 60,000 stacks cost $maps maps"
say "from the start: $made stacks, $maps maps"

# threads COMMAND...: threads that take over each other's places, under COMMAND, which sets options.
threads() {
	"$@" LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/guards_threads" 4 5000 45000 \
		>"$scratch/out" 2>"$scratch/err" || fail "$*: status $?: $(cat "$scratch/err")"
	grep -q '^library=1 ' "$scratch/out" || fail "$*: the library is not in the program"
	grep -q ' open=0 shut=0$' "$scratch/out" || fail "$*: $(cat "$scratch/out")"
}
threads env MAPHERD_GUARDS=on
threads env

# races SCENE [ROUNDS]: stores while a page is protected, and what raw calls have put there.
races() {
	for who in "" "$MAPHERD_LIB"; do
		env MAPHERD_GUARDS=on LD_PRELOAD="$who" "$TESTS_BIN/tests/preload/guards_races" \
			"$scratch/file" "$@" >"$scratch/out" 2>&1 ||
			fail "guards_races $*: LD_PRELOAD=$who: status $?: $(cat "$scratch/out")"
		grep -q "^library=${who:+1}" "$scratch/out" || fail "guards_races $*: $(cat "$scratch/out")"
	done
}
races stores 2000
! grep -q ' kept=0 ' "$scratch/out" || fail "no store met a guard: $(cat "$scratch/out")"
for scene in file opened reused; do
	races "$scene"
done
say "no store is lost, and raw calls' memory is left alone"
