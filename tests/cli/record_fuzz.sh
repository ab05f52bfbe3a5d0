#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# record_fuzz.sh SOURCE SECONDS: the reader of records under libFuzzer, with AddressSanitizer and UBSan.
# Run by make check-long-reader. What makes it fail is left in the folder that it names.
set -eu
source_dir=$1
seconds=$2
clang=${CLANG:-clang}
command -v "$clang" >/dev/null || { echo "record_fuzz.sh: cannot run here: no clang"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-fuzz.XXXXXX")
mkdir "$work/corpus"
one() {
	name=$1
	shift
	"$TESTS_BIN/tests/cli/recordmake" "$work/corpus/$name" small=1 "$@"
}
one empty
one some module=/bin/true,0011223344556677 java=com/example/Store,sync,Store.java,12 file=/etc/passwd \
	stack=1+0x1000,1+0x2000,j1,0x7f0000001000 stack=1+0x3000 map=0x10000,4,stack=1,file=1 \
	map=0x20000,4,stack=2,age=100 map=0x22000,1,stack=1 point=0,1795500000,100 \
	event=1,2,pressure holder=10,/etc/passwd
one many module=/bin/true file=/etc/passwd many=40,10,1
cd "$source_dir"
# shellcheck disable=SC2086 # lists of words
"$clang" -g -O1 -std=gnu17 -DFUZZER -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined -I"$TESTS_BIN" -Isrc -Iinclude tests/cli/record_fuzz.c \
	$FUZZ_SOURCES "$MAPHERD_CORE" ${FUZZ_LIBS-} -o "$work/record_fuzz"
cd "$work"
if ! ./record_fuzz -max_len=200000 -timeout=120 -rss_limit_mb=4096 -max_total_time="$seconds" -print_final_stats=1 corpus >log 2>&1; then
	tail -n 40 log
	echo "record_fuzz.sh: FAILED; what did it is in $work"
	exit 1
fi
grep -E 'stat::number_of_executed_units|stat::peak_rss_mb' log
rm -rf "$work"
