#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The open files that are kept for a full disk: each is let go of when its last map goes, in each process by
# itself; no forked child and no sandboxed program has a descriptor of them; the process's locks stay; and sockets that the program has by the library's numbers are left alone.
# shellcheck disable=SC2154 # why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
parked="$TESTS_BIN/tests/preload/parked"

disk ext4 64M || skip "$why"
[ "$("$parked" "$disk" bare 2>&1)" = ok ] || fail "alone: $("$parked" "$disk" bare 2>&1)"
if "$parked" "$disk" kept >"$scratch/out" 2>&1; then
	fail "without the library files wait in sockets: the test is empty"
fi
preloaded "$parked" "$disk" kept >"$scratch/out" 2>&1 || fail "$(cat "$scratch/out")"
grep -qx ok "$scratch/out" || fail "$(cat "$scratch/out")"
