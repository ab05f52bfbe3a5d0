#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Frames are named as the programmer wrote them, from whatever file has the names, and never by a file
# that is another.
# shellcheck disable=SC2154 # scratch: lib.sh
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v "${CC%% *}" >/dev/null || skip "no C compiler"
for tool in nm readelf objcopy strip; do
	command -v $tool >/dev/null || skip "no binutils"
done
printf 'int main(void) { return 0; }\n' >"$scratch/probe.c"
"$MAPHERD" leaks --json "$scratch/probe.c" >/dev/null 2>&1 && fail "a C file is a record"
record=$scratch/mapherd-made.record
program=$scratch/named
cat >"$program.c" <<'END2'
#include <stdlib.h>
extern volatile int sink;
volatile int sink;
static inline __attribute__((always_inline)) void inner(void) { sink++; } /* the inner line */
__attribute__((noinline)) void outer(void)
{
	inner(); /* the call line */
}
__attribute__((noinline)) void cpp(void) __asm__("_ZN3app5Store4syncEi");
void cpp(void) { sink = 1; }
__attribute__((noinline)) void rust_old(void) __asm__("_ZN7mycrate5store4sync17h0123456789abcdefE");
void rust_old(void) { sink = 2; }
__attribute__((noinline)) void rust_new(void) __asm__("_RNvNtC7mycrate5store5flush");
void rust_new(void) { sink = 3; }
int main(void)
{
	outer();
	cpp();
	rust_old();
	rust_new();
	return 0;
}
END2
build() { ${CC} "$@" -o "$program" "$program.c" 2>"$scratch/err" || { cat "$scratch/err" >&2; fail "the program does not build"; }; }
id_of() { readelf -n "$1" | sed -n 's/.*Build ID: *//p'; }
address() { nm "$program" | sed -n "s/^0*\([0-9a-f]*\) [tT] $1\$/\1/p"; }
# look FLAG...: the stack of a record whose frames lie at the functions' beginnings.
look() {
	"$TESTS_BIN/tests/cli/recordmake" "$record" "module=$program,$id" "stack=$frames" map=0x10000,1,stack=1 ||
		fail "recordmake"
	expect 0 "$MAPHERD" leaks "$@" "$record"
}
take() {
	id=$(id_of "$program")
	[ "$id" ] || skip "the compiler writes no build id"
	frames=1+0x$(address outer),1+0x$(address _ZN3app5Store4syncEi),1+0x$(address _ZN7mycrate5store4sync17h0123456789abcdefE),1+0x$(address _RNvNtC7mycrate5store5flush),1+0x$(address main)
}
line_of() { grep -n "$1" "$program.c" | cut -d: -f1; }
all_named() {
	for function in outer app::Store::sync mycrate::store::sync mycrate::store::flush main; do
		grep -qE "^ *$function(\(|  | |\$)" "$scratch/out" || { cat "$scratch/out" >&2; fail "$1: no $function"; }
	done
}
with_lines() {
	all_named "$1"
	out_has "named.c:$(line_of 'sink = 3')  (named)"
}

build -g -O1 -Wl,--build-id
take
look
grep -q "built without elfutils" "$scratch/out" && skip "built without elfutils"
with_lines "debug information"
# Inlined functions, with the line of the call.
out_has "inner  named.c:$(line_of 'the inner line')  (named)"
out_has "outer  named.c:$(line_of 'the call line')  (named)"

# Symbols alone.
cp "$program" "$scratch/whole"
strip -g "$program"
look
all_named "symbols alone"
grep -q "named\.c" "$scratch/out" && fail "lines come from nowhere"

# Stripped, with debug files apart: by build id, by debug link, and where the program itself is gone.
mkdir "$scratch/apart"
objcopy --only-keep-debug "$scratch/whole" "$scratch/apart/kept.debug"
cp "$scratch/whole" "$program"
strip "$program"
look
grep -q "outer" "$scratch/out" && fail "a stripped program has names"
out_has "named+0x"
rest=${id#??}
mkdir -p "$scratch/debug/.build-id/${id%"$rest"}"
cp "$scratch/apart/kept.debug" "$scratch/debug/.build-id/${id%"$rest"}/$rest.debug"
look --debug-dir "$scratch/debug"
with_lines "build id"
mv "$program" "$scratch/stripped"
look
out_has "note: $program cannot be read (No such file or directory)"
look --debug-dir "$scratch/debug"
with_lines "the debug file alone"
rm -r "$scratch/debug"
mkdir "$scratch/.debug"
cp "$scratch/apart/kept.debug" "$scratch/.debug/named.debug"
cp "$scratch/stripped" "$program"
(cd "$scratch/.debug" && objcopy --add-gnu-debuglink=named.debug "$program")
look
with_lines "debug link"
rm -r "$scratch/.debug"

# Another program at the same place.
build -g -O1 -Wl,--build-id -DOTHER -fno-inline
[ "$(id_of "$program")" != "$id" ] || build -g -O0 -Wl,--build-id
look
out_has "note: $program was replaced since"
grep -q "outer" "$scratch/out" && fail "another program's functions are named"
# What is no program: a pipe, a folder, nonsense, a relative path.
rm "$program"
mkfifo "$program"
look
out_has "note: $program cannot be read"
rm "$program"
mkdir "$program"
look
out_has "note: $program cannot be read"
rmdir "$program"
head -c 5000 /dev/urandom >"$program"
look
out_has "note: $program cannot be read"
program=named
look
out_has "named+0x"

# A JIT's code, by the map that it wrote; neither by another user's nor by one that is older.
pid=$(sh -c 'echo $$')
map=/tmp/perf-$pid.map
[ ! -e "$map" ] || skip "there is a $map"
later "rm -f '$map'"
jit() {
	"$TESTS_BIN/tests/cli/recordmake" "$record" "pid=$pid" stack=0x7f0000001010,0x7f0000002010 map=0x10000,1,stack=1
	expect 0 "$MAPHERD" leaks "$record"
}
cat >"$map" <<'END2'
7f0000001000 20 LazyCompile:*sync /app/store.js:12
not a line
7f0000002000 8 too short
END2
jit
out_has "LazyCompile:*sync /app/store.js:12"
out_has "0x7f0000002010"
grep -q "too short" "$scratch/out" && fail "code behind a function is named by it"
touch -d '3 days ago' "$map"
jit
grep -q LazyCompile "$scratch/out" && fail "a JIT's map of an older process is taken"
touch "$map"
chmod o+w "$map"
jit
grep -q LazyCompile "$scratch/out" && fail "a JIT's map that everybody can write to is taken"
chmod o-w "$map"
if [ "$(id -u)" = 0 ]; then
	touch "$map"
	chown 65534 "$map"
	jit
	grep -q LazyCompile "$scratch/out" && fail "a JIT's map of another user is taken"
else
	say "not shown here: a JIT's map of another user (needs root)"
fi
:
