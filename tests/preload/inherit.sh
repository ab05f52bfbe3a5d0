#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# No descriptor of the library reaches a forked child: while it asks for pages, reads lists and writes its
# log and its metrics, workers are forked that do not exec.
. "${TESTS_SRC:?run by make check}/lib.sh"

inherit="$TESTS_BIN/tests/preload/inherit"
echo data >"$scratch/file"
mkdir "$scratch/metrics"

"$inherit" "$scratch/file" >"$scratch/out" || fail "alone: $(head -n 3 "$scratch/out")"
# A descriptor that is open for a moment is found.
if "$inherit" "$scratch/file" leak >"$scratch/out"; then fail "the program's own descriptor is not found"; fi
grep -q "is $(cd "$scratch" && pwd -P)/file$" "$scratch/out" || fail "leak: $(head -n 3 "$scratch/out")"

export MAPHERD_GUARDS=on MAPHERD_LOG="$scratch/log" MAPHERD_LOG_LEVEL=debug MAPHERD_METRICS="$scratch/metrics"
preloaded "$inherit" "$scratch/file" >"$scratch/out" || fail "$(sort "$scratch/out" | uniq -c | sort -n | tail -n 5)"

# It has opened some meanwhile.
if command -v strace >/dev/null; then
	strace -f -e trace=openat -o "$scratch/trace" -E LD_PRELOAD="$MAPHERD_LIB" "$inherit" "$scratch/file" >/dev/null || true
	for opened in /proc/self/pagemap "$scratch/log" "$scratch/metrics"; do
		grep -q "openat.*\"$opened" "$scratch/trace" || fail "$opened was not opened: the test is empty"
	done
	# The table of descriptors is enlarged before the program has threads.
	strace -f -o "$scratch/trace" -E LD_PRELOAD="$MAPHERD_LIB" "$inherit" "$scratch/file" >/dev/null || true
	first=$(grep -E -o 'F_DUPFD_CLOEXEC, 512|CLONE_THREAD' "$scratch/trace" | head -n 1)
	[ "$first" = 'F_DUPFD_CLOEXEC, 512' ] || fail "threads come first: $first"
else
	say "not run: strace, to see what is opened"
fi
