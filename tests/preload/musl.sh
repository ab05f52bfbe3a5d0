#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The library, built with glibc, in programs of musl: the main scenes of the suite, whose programs are built
# here with musl.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/preload/leaks-told.sh
. "$TESTS_SRC/preload/leaks-told.sh"
command -v musl-gcc >/dev/null || skip "no musl-gcc"
triplet=$(${CC:-cc} -dumpmachine)
# musl has no headers of the kernel: those of the system are behind its own.
compile() { musl-gcc -include musl.h "$@" -idirafter /usr/include -idirafter "/usr/include/$triplet"; }
# shellcheck source=tests/preload/libc-scenes.sh
. "$TESTS_SRC/preload/libc-scenes.sh"
build layouts layouts.c
${CC:-cc} -o "$scratch/layouts" "$source/layouts.c"
readelf -l "$built/layouts" | grep -q 'interpreter: .*/ld-musl-' || fail "musl-gcc makes no program of musl"

# What programs give to hooks lies in the same places.
"$scratch/layouts" >"$scratch/glibc"
"$built/layouts" >"$scratch/musl"
diff "$scratch/glibc" "$scratch/musl" >&2 || fail "the structures of musl are others"
grep -q 'sa_mask 8$' "$scratch/musl" || fail "no structures: $(cat "$scratch/musl")"

# The library, byte for byte, and nothing of glibc beside it.
cat >"$scratch/list.c" <<'END'
#include <stdio.h>
int main(void)
{
    FILE *list = fopen("/proc/self/maps", "r");
    for (int c; list && (c = getc(list)) != EOF;)
        putchar(c);
    return 0;
}
END
musl-gcc -o "$scratch/list" "$scratch/list.c"
preloaded "$scratch/list" >"$scratch/maps"
grep -q "$(readlink -f "$MAPHERD_LIB")" "$scratch/maps" || fail "the library is not in a program of musl: $(cat "$scratch/maps")"
grep -q 'musl' "$scratch/maps" || fail "the program has no musl: $(cat "$scratch/maps")"
! grep -E 'libc\.so\.6|ld-linux' "$scratch/maps" || fail "glibc is in a program of musl"

# The command gets it in, and sees it.
"$MAPHERD" run -n "$built/layouts" 2>"$scratch/err" | grep -q LD_PRELOAD= || fail "run would not preload: $(cat "$scratch/err")"
cat >"$scratch/waits.c" <<'END'
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
    char byte;
    for (int i = 0; i < 100; i++)
        mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    puts("ready");
    fflush(stdout);
    return read(0, &byte, 1) != 0;
}
END
musl-gcc -o "$scratch/waits" "$scratch/waits.c"
mkfifo "$scratch/in" "$scratch/ready"
"$MAPHERD" run "$scratch/waits" <"$scratch/in" >"$scratch/ready" 2>"$scratch/err" &
process=$!
exec 4>"$scratch/in"
read -r _ <"$scratch/ready"
[ ! -s "$scratch/err" ] || fail "run says something of a program of musl: $(cat "$scratch/err")"
"$MAPHERD" stat $process >"$scratch/out" || fail "stat: $(cat "$scratch/out")"
grep -q 'herding' "$scratch/out" || fail "stat: $(cat "$scratch/out")"
"$MAPHERD" ps --json >"$scratch/out"
grep "\"pid\": *$process\b" "$scratch/out" | grep -q '"preloaded": *true' || fail "ps: $(grep "$process" "$scratch/out")"
exec 4>&-
wait $process || fail "a program of musl under run ends with $?"

export TRUNCATED_NO_ON_EXIT=0
main_scenes

# Who leaks, by name and line.
build leaker leaker.c -Wl,--eh-frame-hdr # as the compilers of systems with musl do
recorded "$built/leaker" >/dev/null
told --json
expect "groups[0]['name'].startswith('leak_alpha_500  leaker.c:') and groups[0]['mappings'] == 500"
expect "groups[1]['name'].startswith('leak_beta_300  leaker.c:') and groups[1]['mappings'] == 300"
expect "groups[2]['name'].startswith('leak_gamma_200  leaker.c:') and groups[2]['mappings'] == 200"
expect "any('main' in f['name'] for f in groups[0]['stack'])"
