#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The lengths of instructions (src/sites/decode.c) are those of objdump: in all of libc, and in the other
# libraries that this test's programs are linked with.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
[ "$(uname -m)" = x86_64 ] || skip "the decoder is for x86-64"
command -v objdump >/dev/null && command -v readelf >/dev/null || skip "no objdump"

# compare FILE: its .text.
compare() {
	# What .text has for an address, less its place in the file.
	distance=$(readelf -SW "$1" | sed -n 's/.* \.text  *PROGBITS  *\([0-9a-f]*\) \([0-9a-f]*\) .*/\1 \2/p')
	[ -n "$distance" ] || fail "$1 has no .text"
	distance=$(printf '%x' $((0x${distance% *} - 0x${distance#* })))
	objdump -d -w -j .text "$1" | awk -F'\t' '/^ *[0-9a-f]+:\t/ { sub(":", "", $1); print $1, split($2, b, " ") }' |
		"$TESTS_BIN/tests/unit/sites" decode "$1" "$distance" >"$scratch/out" 2>"$scratch/err" ||
		fail "$1: $(head -n 5 "$scratch/err") $(cat "$scratch/out")"
	say "$1: $(cat "$scratch/out")"
}
for library in $(ldd "$TESTS_BIN/mapherd" | tr ' \t' '\n\n' | grep '^/'); do
	compare "$(readlink -f "$library")"
done

# A length that is wrong is noticed.
printf '0 2\n' | "$TESTS_BIN/tests/unit/sites" decode /bin/true 0 >/dev/null 2>&1 && fail "nothing is noticed"
exit 0
