#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# 300,000 random pages of one sparse file of 100 GiB, mapped and a random half unmapped, over and
# over: no call is refused, the bytes are right, and nothing is left. TESTS_LONG=1: for a minute.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/fill"
CHUNKS=300000
ROUNDS=2
SEED=${SEED:-7}
limit=$(cat /proc/sys/vm/max_map_count)
file="$(cd "$scratch" && pwd -P)/file"
export MAPHERD_LOG="$scratch/log"

# fill SECONDS COMMAND...: runs it under COMMAND, which sets options.
fill() {
	seconds=$1
	shift
	"$@" "$program" "$file" "$CHUNKS" "$ROUNDS" "$seconds" "$SEED" \
		>"$scratch/out" 2>"$scratch/err"
}

# fills MAPS SECONDS OPTIONS...: it succeeds, and the file has at most MAPS maps on the way.
fills() {
	most=$1
	seconds=$2
	shift 2
	rm -f "$file"
	fill "$seconds" env LD_PRELOAD="$MAPHERD_LIB" "$@" ||
		fail "$* (seed $SEED): status $?: $(cat "$scratch/err")"
	seen=$(cat "$scratch/out")
	library='' rounds='' grown='' of_file='' wrong='' back='' left='' left_of_file=''
	eval "$seen"
	[ "$library" = 1 ] || fail "$*: the library is not in the program"
	[ "$rounds" -ge "$ROUNDS" ] || fail "$*: too few rounds: $seen"
	[ "$wrong" = 0 ] || fail "$* (seed $SEED): wrong bytes: $seen"
	[ "$back" -ge 20 ] || fail "$*: too few chunks came back to show anything: $seen"
	[ "$of_file" -le "$most" ] || fail "$*: more than $most maps of the file: $seen"
	[ "$grown" -le $((of_file + 9)) ] || fail "$*: maps grew beside the file's: $seen"
	[ "$left" -le 8 ] || fail "$*: maps are left: $seen"
	[ "$left_of_file" = 0 ] || fail "$*: maps are left: $seen"
	say "${1:-by default}: $rounds rounds, at most $of_file maps of the file"
}

if [ "$limit" -lt "$CHUNKS" ]; then
	if fill 0 env; then
		fail "alone it should be refused: $(cat "$scratch/out")"
	fi
	grep -q 'Cannot allocate memory' "$scratch/err" ||
		fail "alone it failed, but not for lack of maps: $(cat "$scratch/err")"
	if fill 0 env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_COALESCE=place; then
		fail "placed but not filled it should be refused: $(cat "$scratch/out")"
	fi
else
	say "vm.max_map_count is $limit: that $CHUNKS chunks fail alone cannot be shown here"
fi
long=0
[ -z "${TESTS_LONG:-}" ] || long=60
fills "$limit" "$long"
# A hundredth: pages that are drawn twice lie in a second window, far apart, and wide gaps stay.
fills $((CHUNKS / 100)) "$long" MAPHERD_COALESCE=fill

# Threads whose pages lie between each other's.
"$TESTS_BIN/tests/preload/fill_threads" "$file" 4 20000 >"$scratch/out" ||
	fail "fill_threads fails alone"
for options in MAPHERD_COALESCE=fill MAPHERD_PRESSURE=high; do
	env "$options" LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/fill_threads" "$file" \
		4 20000 >"$scratch/out" 2>"$scratch/err" ||
		fail "$options: threads: status $?: $(cat "$scratch/err")"
	[ "$(cat "$scratch/out")" = "library=1 wrong=0 left_of_file=0" ] ||
		fail "$options: threads: $(cat "$scratch/out")"
done

# Where chunks are made in another way, as in a container.
if mount_fs overlay 200M; then
	file="$(cd "$mnt" && pwd -P)/file"
	fills $((CHUNKS / 100)) 0 MAPHERD_COALESCE=fill
else
	say "not shown here: overlay: $why"
fi
