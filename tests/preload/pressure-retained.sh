#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What is kept mapped in a filled window is not there for the program: loads, stores and system calls
# fault, calls about it fail and find it free, and what raw calls have put in its place stays.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/retained"
no_markers="$TESTS_BIN/tests/preload/no_markers"
file="$(cd "$scratch" && pwd -P)/file"
export MAPHERD_LOG="$scratch/log"
scenes="unmapped gap places locked limited replaced over forked limited_unseen grown_unseen locked_unseen interrupted"

# right LIBRARY SCENE COMMAND...: everything in the scene is as it should be; in $torn what it said.
right() {
	wanted=$1
	scene=$2
	shift 2
	status=0
	"$@" "$program" "$file" "$scene" >"$scratch/out" 2>&1 || status=$?
	[ "$status" = 0 ] || fail "$* $scene: status $status: $(cat "$scratch/out")"
	sed -n "s/^not shown: /$scene: /p" "$scratch/out" >>"$scratch/unshown"
	library='' torn='' kept=''
	eval "$(tail -n 1 "$scratch/out")"
	[ "$library" = "$wanted" ] || fail "$* $scene: the library: $library"
}

# Alone, and where the kernel has no markers for mappings of files, nothing is kept: torn says so.
for scene in $scenes; do
	right 0 "$scene" env
	right 1 "$scene" "$no_markers" env MAPHERD_COALESCE=fill LD_PRELOAD="$MAPHERD_LIB"
	[ "$kept" = 0 ] || fail "$scene: kept without markers"
done
for scene in $scenes; do
	for options in MAPHERD_COALESCE=fill MAPHERD_PRESSURE=high; do
		right 1 "$scene" env "$options" LD_PRELOAD="$MAPHERD_LIB"
		! kernel_since 6.16 || [ "$scene" = locked ] || { [ "$torn" = 0 ] && [ "$kept" -gt 0 ]; } ||
			fail "$options $scene: $kept ranges were kept and $torn not, so nothing is shown"
	done
done
sort -u "$scratch/unshown" | while IFS= read -r line; do say "not shown here: $line"; done
kernel_since 6.16 || skip "$(uname -r) shows no guard markers: shown that nothing is kept then"
say "faults, calls, places, locked memory, raw calls, forks: as alone"
