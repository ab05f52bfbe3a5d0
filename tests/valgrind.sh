#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
# valgrind runs a preloaded program: the same output, the library in it, and no error.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
command -v valgrind >/dev/null || skip "there is no valgrind"
ls -l /usr >"$scratch/alone"

watched() {
	LD_PRELOAD="$MAPHERD_LIB" valgrind -q --error-exitcode=99 --log-file="$scratch/report" "$@"
}
watched grep -q libmapherd.so /proc/self/maps || fail "the library is not in it under valgrind"
watched ls -l /usr >"$scratch/watched" || fail "valgrind: $(cat "$scratch/report")"
cmp "$scratch/alone" "$scratch/watched" || fail "ls says something else under valgrind"

# Chunks of a file: what the library does most.
${CC:-cc} -O1 -o "$scratch/chunks" "$TESTS_SRC/../examples/chunks.c"
watched "$scratch/chunks" "$scratch/file" 1000 >"$scratch/out" ||
	fail "chunks under valgrind: $(cat "$scratch/out" "$scratch/report")"
grep -q '^1000 chunks mapped' "$scratch/out" || fail "chunks said: $(cat "$scratch/out")"

# What asks the kernel in ways of its own: holes that are found and filled, stacks that are recorded.
# Not a word of valgrind's, and a record that is there while the program runs.
cat >"$scratch/holes.c" <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int fd = open(argv[argc - 1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    char line[4096];
    if (ftruncate(fd, 1 << 20) || pwrite(fd, "x", 1, 500000) != 1 || fsync(fd))
        return 1;
    for (int i = 0; i < 100; i++) {
        char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, i * 8192L);
        if (at == MAP_FAILED)
            return 2;
        *at = 1;
    }
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, ".record"))
            puts("recorded");
    return fclose(maps);
}
END
${CC:-cc} -O1 -w -o "$scratch/holes" "$scratch/holes.c"
mkdir "$scratch/records"
MAPHERD_PREALLOC=strict MAPHERD_LEAKS=on MAPHERD_DIR="$scratch/records" watched "$scratch/holes" "$scratch/sparse" \
	>"$scratch/out" || fail "holes under valgrind: $(cat "$scratch/out" "$scratch/report")"
[ "$(cat "$scratch/out")" = recorded ] || fail "no record under valgrind: $(cat "$scratch/out")"
[ ! -s "$scratch/report" ] || fail "valgrind says: $(head -n 20 "$scratch/report")"

# The test can fail: valgrind sees a wrong store.
printf 'int main(void) { char *p = __builtin_malloc(1); p[1] = 1; return 0; }\n' >"$scratch/bad.c"
${CC:-cc} -O0 -w -o "$scratch/bad" "$scratch/bad.c"
if watched "$scratch/bad" 2>/dev/null; then
	fail "valgrind does not notice a store behind an object"
fi
