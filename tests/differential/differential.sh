#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The same random sequence of calls, with and without the library, in two processes: every hooked
# call, the same by ways that pass no hook, and calls that have none. Results, errno, bytes, what
# /proc/self/smaps says of every page, and when a file is closed by its last writer must be equal,
# and there may not be more maps. 100,000 steps on every filesystem that can be mounted here. How to replay and
# what may be set: seeds.sh.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/differential/pair.sh
. "$TESTS_SRC/differential/pair.sh"
# shellcheck source=tests/differential/seeds.sh
. "$TESTS_SRC/differential/seeds.sh"

# Seeds a filesystem: most where the kernel's ways of merging are the most, fewer where a step
# waits for a disk. 20 together; many more in make check-long.
plan=${DIFF_ON:+"$DIFF_ON:${DIFF_SEEDS:-1}"}
plan=${plan:-${TESTS_LONG:+tmpfs:60 overlay:30 ext4:10 xfs:10 btrfs:10 here:5}}
for entry in ${plan:-tmpfs:9 overlay:4 ext4:2 xfs:2 btrfs:2 here:1}; do
	kind=${entry%:*}
	stand_on "$kind"
	seeds "$kind" "${entry#*:}" ""
	say "$kind: ${entry#*:} seeds equal; the last: $(too_many_maps || :)"
done
if [ -n "${DIFF_ON:-}" ]; then
	say "$(steps_made)"
	exit 0
fi

# While mappings are recorded nothing else is different.
MAPHERD_LEAKS=on MAPHERD_DIR="$scratch/record-%e"
export MAPHERD_LEAKS MAPHERD_DIR
stand_on tmpfs
for _ in 1 2; do
	rm -f "$scratch"/record-*
	seeds tmpfs 1 "MAPHERD_LEAKS=on MAPHERD_DIR=/dev/shm"
	[ -s "$scratch/record-diff-driver" ] || fail "nothing was recorded"
done
say "tmpfs, with mappings recorded: 2 seeds equal; the last: $(too_many_maps || :)"
lacking
say "$(steps_made)"
