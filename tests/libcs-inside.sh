#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# In a root of tests/libcs.sh: the main scenes, with programs that are built there.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
MAPHERD=/nowhere # the command was built for another libc
export MAPHERD
compile() { gcc "$@"; }
# shellcheck source=tests/preload/libc-scenes.sh
. "$TESTS_SRC/preload/libc-scenes.sh"
say "$(ldd --version | head -n 1), $(sha256sum <"$MAPHERD_LIB" | cut -c 1-16)"
# A program that loads no more than libc: before glibc 2.34 that is one without libdl and libpthread.
printf 'int main(void) { return 0; }\n' >"$scratch/least.c"
gcc -o "$scratch/least" "$scratch/least.c"
LD_BIND_NOW=1 preloaded "$scratch/least" >"$scratch/out" 2>&1 || fail "a program of libc alone ends with $?"
[ ! -s "$scratch/out" ] || fail "a program of libc alone: $(cat "$scratch/out")"
[ "$(MAPHERD_MODE=portect preloaded "$scratch/least" 2>&1 | grep -c "the nearest is 'protect'")" = 1 ] ||
	fail "the library is not in a program of libc alone"
main_scenes
[ "$(uname -m)" != x86_64 ] || calls_past_symbols
