#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Unmodified Ruby and PHP: 60,000 fibers, each a stack with a guard page. Alone they are refused at
# about 32,000; preloaded they finish, and a stack overflow in a Ruby fiber is what it was.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

COUNT=60000
limit=$(cat /proc/sys/vm/max_map_count)
export MAPHERD_LOG="$scratch/log"

# fibers LANGUAGE OPTIONS...: what the program printed is in $scratch/out.
fibers() {
	case $1 in
	ruby) script="$TESTS_SRC/preload/fibers.rb" ;;
	php) script="$TESTS_SRC/preload/fibers.php" ;;
	esac
	interpreter=$1
	shift
	env "$@" "$interpreter" "$script" "$COUNT" >"$scratch/out" 2>"$scratch/err"
}

refused_alone() {
	if [ "$limit" -ge $((2 * COUNT)) ]; then
		say "vm.max_map_count is $limit: that $COUNT fibers fail alone cannot be shown here"
		return
	fi
	if fibers "$1"; then
		made=''
		eval "$(grep '^library=' "$scratch/out")"
		[ "$made" -lt "$COUNT" ] || fail "$1: alone $COUNT fibers should be refused"
	fi
	# PHP may not even get to telling how many it had.
	grep -q -e 'refused=[A-Za-z]' -e 'Cannot allocate memory' "$scratch/out" "$scratch/err" ||
		fail "$1: alone it failed, but not for lack of maps: $(head -5 "$scratch/err")"
	say "$1 alone: $(grep -h -e '^library=' -e allocate "$scratch/out" "$scratch/err" | head -n 1)"
}

# finishes LANGUAGE MAPS OPTIONS...
finishes() {
	language=$1
	most=$2
	shift 2
	fibers "$language" LD_PRELOAD="$MAPHERD_LIB" "$@" ||
		fail "$language: status $?: $(cat "$scratch/out"; head -5 "$scratch/err")"
	seen=$(cat "$scratch/out")
	library='' made='' resumed='' overflow='' maps=''
	eval "$seen"
	[ "$library" = 1 ] || fail "$language: the library is not in it"
	[ "$made $resumed" = "$COUNT $COUNT" ] || fail "$language $*: $seen"
	[ "$language" = php ] || [ "$overflow" = SystemStackError ] ||
		fail "a stack overflow in a fiber is $overflow, not SystemStackError"
	[ "$maps" -lt "$most" ] || fail "$language $*: $maps maps, not under $most"
	[ ! -s "$scratch/err" ] || fail "$language $*: complains: $(head -5 "$scratch/err")"
	say "$language${1:+ with $1}: $made fibers, $maps maps"
}

case $(uname -r) in
[0-5].* | 6.[0-9].* | 6.1[0-2].*) skip "$(uname -r) has no guard markers" ;;
esac
found=0
for language in ruby php; do
	if ! command -v "$language" >/dev/null; then
		say "not run: $language is not installed"
		continue
	fi
	found=1
	refused_alone "$language"
	finishes "$language" "$limit"
	# Not less, for a heap has maps too: 60,000 fibers of PHP fill hundreds of its chunks.
	finishes "$language" 2000 MAPHERD_GUARDS=on
done
[ "$found" = 1 ] || skip "neither ruby nor php"
