#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Eight threads map and unmap, the process is killed at a random moment, and its record is of one
# mind with what the threads had written down. KILLS: so many times (200 in make check-long-record).
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
record="$TESTS_BIN/tests/preload/record"
kills=${KILLS:-60}
mkdir "$scratch/records"
n=0
while [ $n -lt "$kills" ]; do
	rm -f "$scratch/journal" "$scratch/records"/*
	LD_PRELOAD="$MAPHERD_LIB" MAPHERD_DIR="$scratch/records" MAPHERD_LEAKS=on \
		"$record" threads "$scratch/journal" &
	process=$!
	# Random work, and not random time: so many calls are waited for.
	python3 - "$scratch/journal" $((n * 37 % 5000 + 20)) $process <<-'PYTHON' || fail "the threads do not begin"
		import mmap, os, struct, sys
		path, wanted, process = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		size = 8 * (1 + 8 * 200)
		while not os.path.exists(path) or os.path.getsize(path) < size:
		    os.kill(process, 0)
		with open(path, "r+b") as f:
		    m = mmap.mmap(f.fileno(), size)
		    while struct.unpack("Q", m[:8])[0] < wanted:
		        os.kill(process, 0)
	PYTHON
	kill -9 $process
	wait $process 2>/dev/null || :
	set -- "$scratch/records"/*.record
	[ -f "$1" ] || fail "kill $n: no record"
	"$record" judge "$scratch/journal" "$1" >"$scratch/out" || fail "kill $n, after $((n * 37 % 5000 + 20)) calls"
	n=$((n + 1))
done
say "$kills kills; the last: $(cat "$scratch/out")"
