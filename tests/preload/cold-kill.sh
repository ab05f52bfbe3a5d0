#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A process is killed at a random moment while its mappings become cold and warm: each store is in its
# file, and the record can be read. KILLS: so many times (200 in make check-long-cold).
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
kernel_since 6.11 || skip "$(uname -r): what lies at an address can be asked for since Linux 6.11"
kills=${KILLS:-30}
kill="$TESTS_BIN/tests/preload/cold_kill"
mkdir "$scratch/records" "$scratch/files"
n=0 cooled=0
while [ $n -lt "$kills" ]; do
	rm -f "$scratch/records"/* "$scratch/files"/*
	MAPHERD_COLD='on,*/journal=off' MAPHERD_COLD_WARM=30 MAPHERD_LEAKS=on MAPHERD_DIR="$scratch/records" LD_PRELOAD="$MAPHERD_LIB" \
		"$kill" store "$scratch/files" 2>"$scratch/err" &
	process=$!
	# Random work, and not random time: so many stores are waited for.
	python3 - "$scratch/files/journal" $((n * 397 % 20000 + 2000)) $process <<-'PYTHON' || fail "no stores: $(cat "$scratch/err")"
		import mmap, os, struct, sys
		path, wanted, process = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		while not os.path.exists(path) or os.path.getsize(path) < 4096:
		    os.kill(process, 0)
		with open(path, "r+b") as f:
		    m = mmap.mmap(f.fileno(), 4096)
		    while struct.unpack("Q", m[:8])[0] < wanted:
		        os.kill(process, 0)
	PYTHON
	kill -9 $process
	wait $process 2>/dev/null || :
	"$kill" judge "$scratch/files" >"$scratch/out" 2>"$scratch/err" || fail "kill $n: $(cat "$scratch/err")"
	set -- "$scratch/records"/*.record
	[ -f "$1" ] || fail "kill $n: no record"
	"$MAPHERD" leaks --json "$1" >"$scratch/leaks" || fail "kill $n: the record cannot be read"
	grep -q '"mappings"' "$scratch/leaks" || fail "kill $n: nothing is recorded: $(cat "$scratch/leaks")"
	now=$(sed 's/cooled=\([0-9]*\) .*/\1/' "$scratch/out")
	cooled=$((cooled + now))
	n=$((n + 1))
done
[ "$cooled" -ge $((kills * 100)) ] || fail "in $kills processes only $cooled mappings became cold"
say "$kills kills, $cooled mappings had become cold; the last: $(cat "$scratch/out")"
