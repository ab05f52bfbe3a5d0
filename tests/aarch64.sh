#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What can be seen of an aarch64 build on another machine, under qemu's user mode: the command
# answers, the library gets into a program, chunks of a file hold the right bytes in few maps.
#
#   tests/aarch64.sh BUILDDIR
set -eu
build=$1
examples=$(cd "$(dirname "$0")/../examples" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-aarch64.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
	printf 'aarch64: FAILED: %s\n' "$*" >&2
	exit 1
}
arm() { qemu-aarch64 -L /usr/aarch64-linux-gnu "$@"; }

arm "$build/mapherd" --version | grep -q '^mapherd' || fail "mapherd --version"
arm "$build/mapherd" help options | grep -q ^MAPHERD_COALESCE=auto || fail "mapherd help options"
aarch64-linux-gnu-gcc -O2 -o "$work/chunks" "$examples/chunks.c"

# qemu places maps in ascending order, so they would merge anyway: what is asked here is whether the
# library's own way (fixed places, mremap) gives right bytes and few maps on this machine's calls.
arm -E LD_PRELOAD="$build/.libs/libmapherd.so" -E MAPHERD_MODE=portect "$work/chunks" \
	"$work/file" 2000 >"$work/out" 2>"$work/err" || fail "chunks: $(cat "$work/out" "$work/err")"
grep -q "the nearest is 'protect'" "$work/err" || fail "the library was not in it"
maps=$(sed -n 's/.*maps: //p' "$work/out")
[ "$maps" -lt 100 ] || fail "$(cat "$work/out")"
cat "$work/out"

# Call stacks: tables, signal frames and the return address's register are this machine's own.
src=$(cd "$(dirname "$0")/../src" && pwd)
unit=$(cd "$(dirname "$0")/unit" && pwd)
set --
for part in unwind/unwind unwind/cfi unwind/cfi_apply unwind/frame unwind/module unwind/jitmap \
	kernel/brief kernel/sys common/fmt common/given common/error; do
	set -- "$@" "$src/$part.c"
done
for frames in -fomit-frame-pointer -fno-omit-frame-pointer; do
	aarch64-linux-gnu-gcc -std=gnu17 -O2 "$frames" -mbranch-protection=standard -fno-strict-aliasing \
		-I"$src" -o "$work/walk" "$unit/walk.c" "$@"
	arm "$work/walk" || fail "call stacks, $frames"
done
