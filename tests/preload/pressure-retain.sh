#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# At the limit: munmap in the middle of a map, and what else would split one. The kernel refuses
# that; here it is honoured, and what is kept for it is given back.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/retain"
file="$(cd "$scratch" && pwd -P)/file"
export MAPHERD_LOG="$scratch/log"

"$program" "$file" alone >"$scratch/out" || fail "alone: status $?: $(cat "$scratch/out")"
munmap='' madvise=''
eval "$(cat "$scratch/out")"
[ "$munmap $madvise" = "12 11" ] ||
	fail "alone at the limit munmap should be ENOMEM and madvise EAGAIN: $munmap $madvise"

# Where the kernel has no markers for every kind of mapping, it is refused as alone.
rm -f "$file"
"$TESTS_BIN/tests/preload/no_markers" env LD_PRELOAD="$MAPHERD_LIB" "$program" "$file" alone \
	>"$scratch/out" || fail "without markers: status $?: $(cat "$scratch/out")"
munmap='' madvise=''
eval "$(cat "$scratch/out")"
[ "$munmap" = 12 ] || fail "without markers munmap at the limit should be ENOMEM: $munmap"
kernel_since 6.16 || skip "$(uname -r) shows no guard markers: shown that munmap is refused then"

for options in MAPHERD_COALESCE=auto MAPHERD_COALESCE=fill MAPHERD_RESERVE=0; do
	rm -f "$file"
	env "$options" LD_PRELOAD="$MAPHERD_LIB" "$program" "$file" >"$scratch/out" 2>&1 ||
		fail "$options: status $?: $(cat "$scratch/out")"
	grep -q '^library=1$' "$scratch/out" || fail "$options: the library is not in the program"
	grep -q '^failures=0 ' "$scratch/out" || fail "$options: $(cat "$scratch/out")"
done
say "munmap, mmap, madvise and mprotect at the limit: as promised"
