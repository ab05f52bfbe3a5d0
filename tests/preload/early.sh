#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Hooks that an IFUNC resolver calls, before the library is relocated: the answers are those of libc.
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/early"
"$program" >"$scratch/alone" || fail "alone: status $?"
[ "$(wc -l <"$scratch/alone")" -ge 60 ] || fail "alone: $(wc -l <"$scratch/alone") answers"

# It is the preloaded library that is called, and it is not relocated then.
LD_DEBUG=reloc,bindings preloaded "$program" >/dev/null 2>"$scratch/loader" || fail "status $?: $(tail -n 3 "$scratch/loader")"
grep -q 'early_lib.* to .*libmapherd.so.*: normal symbol .mmap' "$scratch/loader" ||
	fail "the resolver's library is not bound to the hooks"
first=$(grep -E 'relocation processing: .*(early_user|libmapherd)' "$scratch/loader" | head -n 1)
case $first in
*early_user*) ;;
*) fail "the library was relocated first: $first" ;;
esac

preloaded "$program" >"$scratch/preloaded" || fail "status $?"
cmp -s "$scratch/alone" "$scratch/preloaded" ||
	fail "other answers: $(diff "$scratch/alone" "$scratch/preloaded")"
MAPHERD_SKIP=early preloaded "$program" >"$scratch/preloaded" || fail "in a program that is skipped: status $?"
cmp -s "$scratch/alone" "$scratch/preloaded" || fail "other answers in a program that is skipped"

# A program without a libc: the hooks are the plain system calls, and nothing of a libc is asked for.
mkdir "$scratch/alone.lib"
cp "$MAPHERD_LIB" "$scratch/alone.lib/libmapherd.so"
cat >"$scratch/least.c" <<'END'
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
__attribute__((force_align_arg_pointer)) /* the kernel's stack is no caller's */
#endif
void _start(void)
{
    char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int right = at != MAP_FAILED;
    if (right)
        *at = 1;
    right = right && munmap(at, 4096) == 0 && munmap(at + 1, 4096) == -1; /* errno cannot be set */
    syscall(SYS_exit_group, right ? 7 : 8);
}
END
# shellcheck disable=SC2086 # it may be several words
${CC:-cc} -O1 -fno-stack-protector -nostdlib -nostartfiles -o "$scratch/least" "$scratch/least.c" "$scratch/alone.lib/libmapherd.so"
for now in '' 1; do
	result=0
	LD_BIND_NOW=$now LD_LIBRARY_PATH="$scratch/alone.lib" "$scratch/least" || result=$?
	[ $result = 7 ] || fail "a program without a libc ends with $result"
done
