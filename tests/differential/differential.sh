#!/bin/sh
# The same random sequence of every hooked call, with and without the library, in two processes:
# results, errno, bytes, and what /proc/self/smaps says of every page must be equal, and there may
# not be more maps. 100,000 steps on every filesystem that can be mounted here. How to replay and
# what may be set: seeds.sh.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/differential/pair.sh
. "$TESTS_SRC/differential/pair.sh"
# shellcheck source=tests/differential/seeds.sh
. "$TESTS_SRC/differential/seeds.sh"

# Seeds a filesystem: most where the kernel's ways of merging are the most, fewer where a step
# waits for a disk. 20 together.
plan=${DIFF_ON:+"$DIFF_ON:${DIFF_SEEDS:-1}"}
plan=${plan:-tmpfs:9 overlay:4 ext4:2 xfs:2 btrfs:2 here:1}
for entry in $plan; do
	kind=${entry%:*}
	stand_on "$kind"
	seeds "$kind" "${entry#*:}" ""
	say "$kind: ${entry#*:} seeds equal; the last: $(too_many_maps || :)"
done
