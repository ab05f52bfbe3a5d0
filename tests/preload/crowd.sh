#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Near the reserve, while threads come and go as in a JVM, a mapping of a file does not cost a scan of the
# list of VMAs. The border stays where it is.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

limit=$(cat /proc/sys/vm/max_map_count)
[ "$limit" -ge 20000 ] && [ "$limit" -le 200000 ] || skip "vm.max_map_count is $limit, and 20,000 to 200,000 is needed"
full=$((limit - limit / 2))
MAPHERD_RESERVE=50% LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/crowd" "$scratch/file" \
	$((full - 700)) $((full + 2000)) >"$scratch/out" 2>"$scratch/err" || fail "status $?: $(cat "$scratch/err")"
read -r _ granted _ readings _ ms <"$scratch/out"
vmas=$(sed -n 's/^errno 12 vmas //p' "$scratch/out")
[ "$vmas" ] || fail "nothing was refused: $(cat "$scratch/out")"
[ "$granted" -ge 600 ] || fail "only $granted mappings were granted: it shows nothing"
[ "$readings" -le $((granted / 4)) ] || fail "$readings scans in $ms ms, for $granted mappings"
# Each of the four threads may have three VMAs more than when it began.
[ "$vmas" -ge $((full - 20)) ] && [ "$vmas" -le $((full + 40)) ] || fail "refused at $vmas VMAs, not at $full"
say "$granted mappings near the reserve took $readings scans, in $ms ms"

# What is really added while a scan runs is counted: the last VMAs stay free. The scan is that of the mark.
full=$((limit - limit * 2 / 100)) mark=$((limit / 100 * 90 + limit % 100 * 90 / 100))
for burst in 2900 2900 2900 3000; do
	MAPHERD_LOG=$scratch/log LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/carve" "$scratch/file" \
		$((mark - 1000)) "$mark" $burst 20000 >"$scratch/out" 2>"$scratch/err" || fail "carve: status $?: $(cat "$scratch/err")"
	vmas=$(sed -n 's/^errno 12 vmas //p' "$scratch/out")
	[ "$vmas" ] || fail "carve: nothing was refused: $(cat "$scratch/out")"
	most=$((full > mark + 2 * burst ? full : mark + 2 * burst))
	[ "$vmas" -le $((most + 40)) ] || fail "carve: refused at $vmas VMAs, not at $most"
done
say "pages carved out of a mapping while the list is read are counted"
