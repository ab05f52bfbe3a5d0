#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Spilled pages, and zeros, between two processes, under mremap, under the program's signal handlers and
# beside another thread's mprotect.
# SCENE=grows runs one alone.
# shellcheck disable=SC2154 # why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
scenes="$TESTS_BIN/tests/preload/spill_scenes"

# The stores that in-change has said are in the file, after recover if the program has died.
stored_in_change() {
	"$MAPHERD" recover "$spills" >"$scratch/recovered" 2>&1 || fail "in-change: recover: $(cat "$scratch/recovered")"
	stores=$(head -n 1 "$scratch/out" | tr -cd + | wc -c)
	[ "$stores" -gt 0 ] || fail "in-change: it has said no store"
	[ "$result" = 135 ] || [ "$stores" = 1024 ] || fail "in-change: it ended, and has said $stores stores of 1024"
	od -A n -v -t u1 -w4096 "$file" | awk -v stores="$stores" '
		$1 == 1 { n++ }
		$1 != 1 && NR <= stores { print "page " NR - 1 " of " stores " is not there" }
		END {
			if (NR < stores) print NR " pages, and " stores " stores were said"
			if (n > stores + 1) print n " stores, and " stores " were said"
		}' >"$scratch/lacks" || fail "in-change: the file cannot be read"
	[ ! -s "$scratch/lacks" ] || fail "in-change: $(head -n 5 "$scratch/lacks") $(cat "$scratch/recovered")"
}

disk ext4 64M || skip "$why"
for scene in child-returns parent-returns grows grows-over handler-stores protects zeros-return rewritten \
	overlap regrown family many-maps unseen-map unseen-protection together in-change beside-alias cut-off punched punched-beside cut-by-name becomes \
	becomes-raw leaves; do
	[ -z "${SCENE:-}" ] || [ "$SCENE" = $scene ] || continue
	take_space
	result=0
	"$scenes" "$scene" "$disk" >"$scratch/out" 2>&1 || result=$?
	[ "$result" = 135 ] || fail "alone, $scene ended with $result, not of SIGBUS"
	give_space
	rm -f "$file"
	take_space
	sigbus=auto
	[ "$scene" != zeros-return ] || sigbus=convert
	[ "$scene" != cut-by-name ] || sigbus="auto,$file=spill" # an open of a leased file, which this is, waits for space
	result=0
	libraries=$MAPHERD_LIB
	[ "$scene" != punched-beside ] || libraries="$MAPHERD_LIB $TESTS_BIN/tests/preload/.libs/meanwhile.so"
	MAPHERD_ZEROS_STATUS=0 MAPHERD_SIGBUS=$sigbus LD_PRELOAD="$libraries" timeout 600 "$scenes" "$scene" "$disk" >"$scratch/out" 2>"$scratch/stderr" ||
		result=$?
	case $scene:$result in
	unseen-map:135) # a map that nobody switches would not show what is spilled
		grep -q "a map of that part of the file that mapherd does not know" "$scratch/log" || fail "$scene: $(cat "$scratch/log")"
		;;
	in-change:135) # as alone, where the signal has interrupted the owner of the lock
		grep -q "a signal handler that has interrupted mapherd.*the program dies of it" "$scratch/log" || fail "$scene: no reason: $(cat "$scratch/log")"
		;;
	*:0) grep -qx ok "$scratch/out" || fail "$scene: $(cat "$scratch/out")" ;;
	*) fail "$scene ended with $result: $(cat "$scratch/stderr" "$scratch/out") $(tail -3 "$scratch/log")" ;;
	esac
	grep -q "SIGBUS: a " "$scratch/log" || fail "$scene: nothing was spilled"
	give_space
	[ "$scene" != in-change ] || stored_in_change
	rm -f "$file" "$scratch/log" "$spills"/*
	say "$scene"
done
