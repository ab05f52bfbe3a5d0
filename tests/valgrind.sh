#!/bin/sh
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

# The test can fail: valgrind sees a wrong store.
printf 'int main(void) { char *p = __builtin_malloc(1); p[1] = 1; return 0; }\n' >"$scratch/bad.c"
${CC:-cc} -O0 -w -o "$scratch/bad" "$scratch/bad.c"
if watched "$scratch/bad" 2>/dev/null; then
	fail "valgrind does not notice a store behind an object"
fi
