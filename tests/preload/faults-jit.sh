#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# SIGBUS in code that a JIT has made: the line of the log has its name where the map file of the process
# has one; a map file of another user, or one that others can write to, is not believed.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"

# fault MAP: what the log says of a fault, in $scratch/log.
fault() {
	status=0
	LD_PRELOAD=$MAPHERD_LIB "$TESTS_BIN/tests/preload/faults_jit" "$scratch/file" "$1" \
		>"$scratch/pid" 2>"$scratch/log" || status=$?
	pid=$(cat "$scratch/pid")
	rm -f "/tmp/perf-$pid.map" "/tmp/perf-$pid.map.real"
	[ -n "$pid" ] || fail "$1: the program does not get as far: $(cat "$scratch/log")"
	[ "$status" = 135 ] || fail "$1: it ends with $status instead of SIGBUS: $(cat "$scratch/log")"
	grep -q "SIGBUS: a load from $scratch/file" "$scratch/log" || fail "$1: no line: $(cat "$scratch/log")"
}
named() {
	fault "$1"
	grep -qE ' 0x[0-9a-f]+\(jit_that_loads\) ' "$scratch/log" || fail "$1: no name in: $(cat "$scratch/log")"
	! grep -qE 'earlier|below|above|minus|two' "$scratch/log" || fail "$1: a wrong name in: $(cat "$scratch/log")"
	say "$1: named"
}
unnamed() {
	fault "$1"
	grep -qE ' 0x[0-9a-f]+ ' "$scratch/log" || fail "$1: no address in: $(cat "$scratch/log")"
	! grep -q jit_ "$scratch/log" || fail "$1: it is believed: $(cat "$scratch/log")"
	say "$1: an address"
}

named own
named odd
for how in none writable old link pipe; do
	unnamed $how
done
if [ "$(id -u)" = 0 ]; then
	unnamed other
else
	say "not shown here: a JIT's map of another user (an unprivileged user)"
fi
