#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# corpus.sh: makes the seeds of the fuzzers anew that are made by programs: those of record, spill and cfi.
#
# TESTS_SRC and TESTS_BIN are as for a test, and recordmake and spillmake are built (make check-programs). The
# other seeds were written by hand, and what begins with crash- was found. It is for developers: no test
# runs it.
set -eu
here=$TESTS_SRC/fuzz
corpus=$here/corpus
work=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-corpus.XXXXXX")
trap 'rm -rf "$work"' EXIT
cc=${CC:-cc}
$cc -std=gnu17 -O1 -o "$work/pack" "$here/pack.c"

# ---- record ----

# record NAME WORD...
record() {
	seed=$corpus/record/$1
	shift
	rm -f "$work/record"
	"$TESTS_BIN/tests/cli/recordmake" "$work/record" small=1 "$@"
	"$work/pack" <"$work/record" >"$seed"
}
mkdir -p "$corpus/record"
record empty
record some module=/bin/true,0011223344556677 java=com/example/Store,sync,Store.java,12 file=/etc/passwd \
	stack=1+0x1000,1+0x2000,j1,0x7f0000001000 stack=1+0x3000 map=0x10000,4,stack=1,file=1 \
	map=0x20000,4,stack=2,age=100 map=0x22000,1,stack=1 point=0,1795500000,100 \
	event=1,2,pressure holder=10,/etc/passwd
record many module=/bin/true file=/etc/passwd many=40,10,1
record overlaps map=0x10000,8,order=1 map=0x11000,4,order=2 map=0x12000,2,order=3 map=0x20001,4
record wraps map=0x10000,4,order=0xffffffff map=0x12000,3,order=2
record use module=/bin/true stack=1+0x1000 use=1,7,3,900 map=0x10000,1,stack=1
record cut map=0x10000,4 cut=20000

# ---- spill ----

# spill NAME FLAGS WORD...: FLAGS as spill.c has them.
spill() {
	seed=$corpus/spill/$1
	printf '%b' "\\0$(printf '%03o' "$2")" >"$seed"
	shift 2
	"$TESTS_BIN/tests/cli/spillmake" "$work/spill" "$@"
	"$work/pack" <"$work/spill" >>"$seed"
}
mkdir -p "$corpus/spill"
one="file=@/file dev=1 ino=1"
# shellcheck disable=SC2086 # lists of words
{
	spill none 0
	spill pages 0 $one 0=00 2=b0 4=d0
	spill dry 1 $one 0=a0 15=d0
	spill changed 0 $one 3=cq
	spill forced 2 $one 3=cq 4=d0
	spill keep-json 12 $one 0=a0
	spill two-slots 0 $one 0=a0 $one file_start=16384 0=e0 1=f0
	spill past-end 2 $one file_start=32768 7=a0 8=b0
	spill twice 2 $one 0=a0 $one 0=b0
	spill another 0 file=@/file dev=2 ino=2 0=a0
	spill newline 0 $one "path=@/fi\\012le" 0=a0
	spill gone 2 $one "path=@/gone (deleted)" 0=a0
	spill unfinished 0 magic='' version=0 byte_order=0 page_size=0 pid=0 program=''
	spill cut 0 $one 0=a0 1=b0 cut=1060000
	spill large-pages 0 page_size=8192 $one 0=a0
}

# ---- cfi ----

# cfi NAME PC FLAG...: .eh_frame_hdr and .eh_frame of a small program, which lie side by side. PC: a function.
cfi() {
	name=$1
	function=$2
	shift 2
	$cc -Os -shared -nostdlib -fPIC -fasynchronous-unwind-tables -Wl,-z,noseparate-code "$@" -o "$work/m.so" -x c - <<-'END'
		void *other(void *);
		__attribute__((noinline)) int leaf(int a) { return a * 3; }
		int calls(int a) { char b[64]; other(b); return leaf(a) + b[3]; }
		int room(int a) { char *b = __builtin_alloca((unsigned long)a); other(b); return leaf(b[1]); }
		int many(int a, int b, int c, int d) {
			for (int i = 0; i < a; i++) { other(&a); b += c * d; other(&b); c ^= b; other(&c); d += a; other(&d); }
			return a + b + c + d;
		}
		void clean(void *p) { other(p); }
		int cleans(int a) { __attribute__((cleanup(clean))) int b = a; other(&a); return a; }
		__asm__(".text\n.globl expr\n.type expr, @function\nexpr:\n.cfi_startproc\nnop\n"
			".cfi_escape 0x0f,0x05,0x77,0x08,0x23,0x08,0x06\nnop\n.cfi_escape 0x10,0x06,0x02,0x77,0x10\nnop\n"
			".cfi_remember_state\n.cfi_def_cfa 7, 24\nnop\n.cfi_restore_state\n.cfi_undefined 3\nnop\n.cfi_endproc\n");
	END
	header=$(readelf -SW "$work/m.so" | sed -n 's/.* \.eh_frame_hdr *PROGBITS *\([0-9a-f]*\) \([0-9a-f]*\).*/\1 \2/p')
	frame=$(readelf -SW "$work/m.so" | sed -n 's/.* \.eh_frame *PROGBITS *\([0-9a-f]*\) \([0-9a-f]*\) \([0-9a-f]*\).*/\2 \3/p')
	pc=$(nm "$work/m.so" | sed -n "s/^\([0-9a-f]*\) [Tt] $function\$/\1/p")
	begin=$((0x${header#* }))
	end=$((0x${frame% *} + 0x${frame#* }))
	{
		python3 -c "import struct,sys; sys.stdout.buffer.write(struct.pack('<qH', $((0x$pc + 3 - 0x${header% *})), 0) + bytes(range(100, 116)))"
		tail -c +$((begin + 1)) "$work/m.so" | head -c $((end - begin))
	} >"$corpus/cfi/$name"
}
mkdir -p "$corpus/cfi"
cfi leaf leaf
cfi calls calls
cfi room room
cfi many many
cfi cleans cleans -fexceptions
cfi expression expr
