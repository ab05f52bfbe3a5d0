#!/bin/sh
# Spilled pages, and zeros, between two processes, under mremap, under the program's signal handlers and
# beside another thread's mprotect.
# shellcheck disable=SC2154 # why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
scenes="$TESTS_BIN/tests/preload/spill_scenes"

disk ext4 64M || skip "$why"
for scene in child-returns parent-returns grows grows-over handler-stores protects zeros-return rewritten \
	overlap regrown; do
	take_space
	result=0
	"$scenes" "$scene" "$disk" >"$scratch/out" 2>&1 || result=$?
	[ "$result" = 135 ] || fail "alone, $scene ended with $result, not of SIGBUS"
	give_space
	rm -f "$file"
	take_space
	sigbus=auto
	[ "$scene" != zeros-return ] || sigbus=convert
	MAPHERD_ZEROS_STATUS=0 MAPHERD_SIGBUS=$sigbus LD_PRELOAD="$MAPHERD_LIB" timeout 600 "$scenes" "$scene" "$disk" >"$scratch/out" 2>"$scratch/stderr" ||
		fail "$scene ended with $?: $(cat "$scratch/stderr" "$scratch/out") $(tail -3 "$scratch/log")"
	grep -qx ok "$scratch/out" || fail "$scene: $(cat "$scratch/out")"
	grep -q "SIGBUS: a " "$scratch/log" || fail "$scene: nothing was spilled"
	give_space
	rm -f "$file" "$scratch/log" "$spills"/*
	say "$scene"
done
