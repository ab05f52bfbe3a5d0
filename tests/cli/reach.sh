#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Programs that the library cannot get into run all the same, after one line that says why.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
library=$("$MAPHERD" library)
machine=$(uname -m)

# without WHY STATUS PROGRAM...: it runs and ends so, after one line that says why.
without() {
	why=$1
	status=$2
	shift 2
	expect "$status" "$MAPHERD" run "$@"
	one_line err
	err_has "runs without the library: it $why"
}
# The dry run shows what it would get; whether LD_PRELOAD is there.
plans_preload() {
	"$MAPHERD" run -n "$@" 2>/dev/null | grep -q LD_PRELOAD=
}

printf 'int main(int argc, char **argv) { (void)argv; return argc + 6; }\n' >"$scratch/seven.c"
: "${CC:=cc}"
$CC "$scratch/seven.c" -o "$scratch/seven" || skip "no C compiler"
expect 7 "$MAPHERD" run "$scratch/seven"
silent err
plans_preload "$scratch/seven" || fail "a plain program is not preloaded"

# Static: not in it, but LD_PRELOAD is left for what it starts.
if $CC -static "$scratch/seven.c" -o "$scratch/static" 2>/dev/null; then
	without "is statically linked" 7 "$scratch/static"
	err_has "the programs that it starts will have it"
	plans_preload "$scratch/static" || fail "a static program's children lose the library"
	plans_preload --children=off "$scratch/static" && fail "children are off and get the library"
	cat >"$scratch/launcher.c" <<-'END'
		#include <unistd.h>
		int main(int argc, char **argv) { return argc < 2 || execv(argv[1], argv + 1); }
	END
	$CC -static "$scratch/launcher.c" -o "$scratch/launcher"
	expect 0 "$MAPHERD" run "$scratch/launcher" "$(command -v grep)" -q "$library" /proc/self/maps
else
	say "not shown here: static programs ($CC -static does not link)"
fi
if $CC -static-pie "$scratch/seven.c" -o "$scratch/static-pie" 2>/dev/null; then
	without "is statically linked" 7 "$scratch/static-pie"
fi

# Go: the note of its linker tells. Its calls are redirected on x86-64, but not beside musl.
cat >"$scratch/go.s" <<-'END'
	.section .note.go.buildid, "a", %note
	.balign 4
	.long 4, 8, 4
	.asciz "Go\0"
	.ascii "an ident"
	.section .note.GNU-stack, "", %progbits
END
printf 'int main(void) { return 0; }\n' >"$scratch/alone.c"
if [ "$machine" = x86_64 ]; then
	$CC "$scratch/seven.c" "$scratch/go.s" -o "$scratch/go"
	expect 7 "$MAPHERD" run "$scratch/go"
	silent err
	$CC -nostdlib -pie -Wl,--entry=main "$scratch/alone.c" "$scratch/go.s" -o "$scratch/go-alone"
	expect 0 "$MAPHERD" run -n "$scratch/go-alone"
	silent err
	plans_preload "$scratch/go-alone" || fail "a Go program without cgo is not preloaded"
fi
other=-Wl,--dynamic-linker=/lib/ld-musl-$machine.so.1
$CC "$scratch/seven.c" "$scratch/go.s" "$other" -o "$scratch/go"
plans_preload "$scratch/go" || fail "a Go program with C code is not preloaded"
expect 0 "$MAPHERD" run -n "$scratch/go"
err_has "runs with the library, but only what its C code maps is herded: it is a Go program"
$CC -nostdlib -pie -Wl,--entry=main "$scratch/alone.c" "$scratch/go.s" "$other" -o "$scratch/go-alone"
expect 0 "$MAPHERD" run -n "$scratch/go-alone"
err_has "runs without the library: it is a Go program that makes its system calls without libc"
# A static one that has libc, and so threads of libc.
if $CC -static "$scratch/seven.c" "$scratch/go.s" -o "$scratch/go-static" 2>/dev/null; then
	without "is statically linked" 7 "$scratch/go-static"
fi
if command -v go >/dev/null; then
	printf 'package main\nfunc main() {}\n' >"$scratch/main.go"
	GOCACHE=$scratch/go-cache GO111MODULE=off CGO_ENABLED=0 go build -buildmode=pie -ldflags=-s -o "$scratch/pie" "$scratch/main.go"
	[ "$machine" = x86_64 ] || without "is a Go program that makes" 0 "$scratch/pie"
	[ "$machine" != x86_64 ] || { expect 0 "$MAPHERD" run "$scratch/pie"; silent err; }
	GOCACHE=$scratch/go-cache GO111MODULE=off CGO_ENABLED=0 go build -o "$scratch/plain" "$scratch/main.go"
	[ "$machine" = x86_64 ] || without "is statically linked" 0 "$scratch/plain"
	[ "$machine" != x86_64 ] || { expect 0 "$MAPHERD" run "$scratch/plain"; silent err; }
	[ "$machine" != x86_64 ] || { expect 0 "$MAPHERD" run -n "$scratch/plain"; err_has "only where 'mapherd run' starts it"; }
	printf 'package main\n// int one(void) { return 1; }\nimport "C"\nfunc main() { C.one() }\n' >"$scratch/main.go"
	GOCACHE=$scratch/go-cache GO111MODULE=off CGO_ENABLED=1 go build -ldflags=-s -o "$scratch/cgo" "$scratch/main.go"
	expect 0 "$MAPHERD" run "$scratch/cgo"
	[ "$machine" != x86_64 ] || silent err
else
	say "not shown here: programs as Go builds them (no go)"
fi

# The loader run as a program preloads as any.
loader=$(readlink -f /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 2>/dev/null | head -n 1)
if [ -x "$loader" ]; then
	expect 0 "$MAPHERD" run "$loader" "$(command -v grep)" -q "$library" /proc/self/maps
	silent err
else
	say "not shown here: the loader as a program (it is elsewhere)"
fi

# A program of musl is one as any other.
$CC "$scratch/seven.c" -o "$scratch/musl-like" -Wl,--dynamic-linker="/lib/ld-musl-$machine.so.1"
plans_preload "$scratch/musl-like" || fail "a program of musl is not preloaded"
if command -v musl-gcc >/dev/null && musl-gcc "$scratch/seven.c" -o "$scratch/musl" 2>/dev/null; then
	expect 7 "$MAPHERD" run "$scratch/musl"
	silent err
	cat >"$scratch/names.c" <<-'END'
		#include <mapherd/mapherd.h>
		int main(void) { return mapherd_status && mapherd_status()->state == MAPHERD_HERDING ? 5 : 6; }
	END
	musl-gcc -I"$TESTS_SRC/../include" "$scratch/names.c" -o "$scratch/names"
	expect 6 "$scratch/names"
	expect 5 "$MAPHERD" run "$scratch/names"
	musl_loader=$(readelf -l "$scratch/names" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
	expect 5 "$MAPHERD" run "$musl_loader" "$scratch/names"
	silent err
else
	say "not shown here: a real musl program (no musl-gcc)"
fi

# Another machine: a copy that says it is one.
other='\076\000' its_name=x86-64
[ "$machine" = x86_64 ] && other='\267\000' its_name=aarch64
cp "$scratch/seven" "$scratch/foreign"
# shellcheck disable=SC2059 # escapes
printf "$other" | dd of="$scratch/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
expect 0 "$MAPHERD" run -n "$scratch/foreign"
err_has "is a 64-bit program for $its_name"
plans_preload "$scratch/foreign" && fail "a foreign program would get LD_PRELOAD"

# Another word size: 94 bytes of a 32-bit x86 program that ends with 7.
{
	printf '\177ELF\001\001\001\000\000\000\000\000\000\000\000\000'
	printf '\002\000\003\000\001\000\000\000\124\200\004\010\064\000\000\000'
	printf '\000\000\000\000\000\000\000\000\064\000\040\000\001\000\000\000\000\000\000\000'
	printf '\001\000\000\000\000\000\000\000\000\200\004\010\000\200\004\010'
	printf '\136\000\000\000\136\000\000\000\005\000\000\000\000\020\000\000'
	printf '\273\007\000\000\000\061\300\100\315\200'
} >"$scratch/small"
chmod +x "$scratch/small"
expect 0 "$MAPHERD" run -n "$scratch/small"
err_has "is a 32-bit program for x86"
plans_preload "$scratch/small" && fail "a 32-bit program would get LD_PRELOAD"
alone=0
"$scratch/small" 2>/dev/null || alone=$?
if [ "$alone" = 7 ]; then
	without "is a 32-bit program" 7 "$scratch/small"
else
	say "not shown here: a 32-bit program that runs (this kernel starts none)"
fi

# Files that are not what they seem: cut off, or headers that point outside.
head -c 40 "$scratch/seven" >"$scratch/cut"
{ head -c 32 "$scratch/seven"; printf '\377\377\377\377\377\377\377\377'; tail -c +41 "$scratch/seven"; } >"$scratch/wild"
chmod +x "$scratch/cut" "$scratch/wild"
expect 0 "$MAPHERD" run -n "$scratch/cut"
expect 0 "$MAPHERD" run -n "$scratch/wild"

# setuid, setgid, capabilities: only where somebody else starts it.
[ "$(id -u)" = 0 ] || { say "not shown here: setuid programs (needs root)"; exit 0; }
command -v setpriv >/dev/null || { say "not shown here: setuid programs (no setpriv)"; exit 0; }
chmod 755 "$scratch"
cp "$MAPHERD" "$scratch/mapherd"
cp "$MAPHERD_LIB" "$scratch/libmapherd.so"
export MAPHERD_LIBRARY="$scratch/libmapherd.so"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
cp "$(command -v grep)" "$scratch/grep"
cp "$(command -v id)" "$scratch/id"
asks="$scratch/mapherd run $scratch/grep -q libmapherd.so /proc/self/maps"
# shellcheck disable=SC2086 # a command line
expect 0 nobody $asks
chmod 4755 "$scratch/grep" "$scratch/id"
[ "$(nobody "$scratch/id" -u)" = 0 ] || { say "not shown here: setuid programs ($scratch is nosuid)"; exit 0; }
# shellcheck disable=SC2086
expect 1 nobody $asks # the system did ignore it
err_has "it is setuid"
one_line err
expect 0 nobody "$scratch/mapherd" run "$scratch/id" -u
[ "$(cat "$scratch/out")" = 0 ] || fail "the setuid program did not run as its owner"
# shellcheck disable=SC2086
expect 0 $asks # its owner starts it: nothing is ignored
silent err
chmod 2755 "$scratch/grep"
# shellcheck disable=SC2086
expect 1 nobody $asks
err_has "it is setgid"
chmod 755 "$scratch/grep"
# shellcheck disable=SC2086
expect 0 nobody setpriv --no-new-privs $asks
chmod 4755 "$scratch/grep"
# shellcheck disable=SC2086
expect 0 nobody setpriv --no-new-privs $asks # the bit is void then
silent err
chmod 755 "$scratch/grep"
if command -v python3 >/dev/null && python3 -c '
import os, sys, struct
# VFS_CAP_REVISION_2 with the effective bit, CAP_NET_BIND_SERVICE
os.setxattr(sys.argv[1], "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
' "$scratch/grep" 2>/dev/null; then
	# shellcheck disable=SC2086
	expect 1 nobody $asks
	err_has "file capabilities"
	# shellcheck disable=SC2086
	expect 0 $asks
	silent err
else
	say "not shown here: file capabilities (no python3, or the filesystem has none)"
fi
