#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Programs and libraries of unusual form: what the library looks up, and takes from libc, is right there too. Each is
# as it is alone.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
: "${CC:=cc}"
printf 'int main(void) { return 0; }\n' >"$scratch/least.c"
$CC "$scratch/least.c" -o "$scratch/least" || skip "no C compiler"

# as_alone NAME PRELOADED COMMAND...: COMMAND with the list in LD_PRELOAD says and returns what it does with the
# list without the library, and the library is in it. %L in the list is the library.
as_alone() {
	title=$1 list=$2
	shift 2
	alone=0 with=0
	LD_PRELOAD=$(echo "$list" | sed 's/%L//') "$@" >"$scratch/alone" 2>&1 || alone=$?
	LD_PRELOAD=$(echo "$list" | sed "s|%L|$MAPHERD_LIB|") "$@" >"$scratch/with" 2>&1 || with=$?
	[ "$with" = "$alone" ] || fail "$title: ends with $with, alone with $alone: $(cat "$scratch/with")"
	diff "$scratch/alone" "$scratch/with" >&2 || fail "$title: not as alone"
	LD_PRELOAD=$(echo "$list" | sed "s|%L|$MAPHERD_LIB|") MAPHERD_MODE=portect "$@" >"$scratch/with" 2>&1 || :
	grep -q "the nearest is 'protect'" "$scratch/with" || fail "$title: the library is not in the program, or has no options"
	say "$title: as alone"
}
build() {
	out=$1
	shift
	$CC -g "$@" -o "$scratch/$out" || fail "$out is not built"
}

# A program with a dl_iterate_phdr that tells of nothing, for its own unwinder.
cat >"$scratch/iterates.c" <<-'END'
	#define _GNU_SOURCE
	#include <link.h>
	#include <stdio.h>
	#include <sys/wait.h>
	#include <unistd.h>
	int dl_iterate_phdr(int (*f)(struct dl_phdr_info *, size_t, void *), void *d) { (void)f, (void)d; return 0; }
	int main(void)
	{
	    char text[32] = "";
	    int status;
	    if (fork() == 0) {
	        execl("/bin/echo", "echo", "executed", NULL);
	        perror("execl");
	        _exit(1);
	    }
	    wait(&status);
	    FILE *f = fopen("/proc/self/comm", "r");
	    if (!f || setuid(getuid()) != 0)
	        perror("fopen or setuid");
	    return f ? puts(fgets(text, sizeof text, f)) < 0 : 1;
	}
END
build iterates -rdynamic "$scratch/iterates.c"
nm -D "$scratch/iterates" | grep -q ' T dl_iterate_phdr' || fail "the program does not export its dl_iterate_phdr"
as_alone "its own dl_iterate_phdr" %L "$scratch/iterates"

# A library behind this one whose function is chosen at load time, or has no type.
printf '#include <unistd.h>\nint main(void) { return write(1, "hello\\n", 6) != 6; }\n' >"$scratch/writes.c"
build writes "$scratch/writes.c"
cat >"$scratch/chosen.c" <<-'END'
	#define _GNU_SOURCE
	#include <sys/syscall.h>
	#include <unistd.h>
	static ssize_t chosen(int fd, const void *text, size_t len)
	{
	    syscall(SYS_write, fd, "chosen: ", 8);
	    return syscall(SYS_write, fd, text, len);
	}
	static void *choose(void) { return (void *)chosen; }
	ssize_t write(int, const void *, size_t) __attribute__((ifunc("choose")));
END
if $CC -shared -fPIC "$scratch/chosen.c" -o "$scratch/chosen.so" 2>"$scratch/err"; then
	as_alone "a function that is chosen at load time" "%L:$scratch/chosen.so" "$scratch/writes"
	grep -q "^chosen: hello" "$scratch/alone" || fail "the chosen function does nothing alone"
else
	say "not shown here: functions that are chosen at load time: $(head -n 1 "$scratch/err")"
fi
sed 's/static ssize_t chosen/ssize_t inner/; /choose/d' "$scratch/chosen.c" >"$scratch/inner.c"
printf '.text\n.globl write\nwrite: %s inner\n.section .note.GNU-stack, "", %%progbits\n' \
	"$(case $(uname -m) in x86_64) echo jmp ;; *) echo b ;; esac)" >"$scratch/typeless.s"
build typeless.so -shared -fPIC -Wl,-Bsymbolic "$scratch/inner.c" "$scratch/typeless.s"
as_alone "a function without a type" "%L:$scratch/typeless.so" "$scratch/writes"
grep -q "^chosen: hello" "$scratch/alone" || fail "the function without a type does nothing alone"

# A library whose addresses in the file are above those in memory.
printf 'int high(void) { return 42; }\n' >"$scratch/high.c"
if [ "$(uname -m)" = x86_64 ]; then
	build libhigh.so -shared -fPIC -Wl,-Ttext-segment=0x7ffffff00000000 "$scratch/high.c"
	printf 'int high(void);\nint main(void) { return high(); }\n' >"$scratch/uses.c"
	build uses "$scratch/uses.c" "$scratch/libhigh.so" -Wl,-rpath,"$scratch"
	as_alone "a library that is moved down" %L "$scratch/uses"
fi

# A program with variables of its own that libc has too, by names that are not reserved for it.
printf '#include <stdio.h>\nstruct { int a; double b; } environ = { 5, 2.0 };\nint main(void) { return printf("%%d\\n", environ.a) < 0; }\n' \
	>"$scratch/own.c"
build own -rdynamic "$scratch/own.c"
as_alone "a variable environ" %L "$scratch/own"
printf 'int program_invocation_short_name = 5;\nint main(void) { return program_invocation_short_name; }\n' >"$scratch/name.c"
build name -rdynamic "$scratch/name.c"
as_alone "a variable program_invocation_short_name" %L "$scratch/name"

# The library is opened and closed by the program: it stays.
cat >"$scratch/closes.c" <<-'END'
	#include <dlfcn.h>
	#include <stdio.h>
	#include <sys/wait.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
	    int status = 1;
	    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	    if (!library || dlclose(library) != 0)
	        return puts(dlerror());
	    if (fork() == 0)
	        _exit(0);
	    wait(&status);
	    return status;
	}
END
build closes "$scratch/closes.c" -ldl
"$scratch/closes" "$MAPHERD_LIB" >"$scratch/out" 2>&1 || fail "a fork after dlclose: $? $(cat "$scratch/out")"

# quick_exit in a constructor that runs before the library's.
cat >"$scratch/quick.c" <<-'END'
	#include <stdlib.h>
	#include <unistd.h>
	static void handler(void) { if (write(1, "handler\n", 8) != 8) _exit(1); }
	__attribute__((constructor)) static void start(void) { at_quick_exit(handler); quick_exit(3); }
END
build quick.so -shared -fPIC "$scratch/quick.c"
alone=0 with=0
LD_PRELOAD=$scratch/quick.so "$scratch/least" >"$scratch/alone" || alone=$?
LD_PRELOAD=$MAPHERD_LIB:$scratch/quick.so "$scratch/least" >"$scratch/with" || with=$?
[ "$alone:$with" = 3:3 ] && diff "$scratch/alone" "$scratch/with" >&2 || fail "quick_exit in a constructor: $alone, $with"
say "what is closed stays; quick_exit in a constructor: as alone"

# Programs whose segments lie apart: nothing between them is read.
echo 'int x = 1; int main(void) { return x - 1; }' >"$scratch/apart.c"
apart=
for way in "clang -fuse-ld=lld -Wl,-z,max-page-size=65536" "clang -fuse-ld=lld -Wl,-z,max-page-size=2097152" "$CC -Wl,-z,max-page-size=65536" \
	"$CC -Wl,-z,norelro" "$CC -fuse-ld=mold" "$CC -fuse-ld=gold -Wl,-z,max-page-size=65536"; do
	# shellcheck disable=SC2086 # words
	$way "$scratch/apart.c" -o "$scratch/apart" 2>/dev/null || continue
	LD_PRELOAD=$MAPHERD_LIB "$scratch/apart" || fail "$way: status $?"
	apart="$apart $(echo "$way" | sed 's/.*fuse-ld=\([a-z]*\).*/\1/;s/.*-Wl,-z,/ld:/')"
done
say "segments apart:$apart"
