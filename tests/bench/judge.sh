# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A row of a bench's table. Sourced by bench.sh and record.sh, after tests/lib.sh.
# shellcheck shell=sh disable=SC2154
: "${scratch:?comes from tests/lib.sh}"

# judge WORD GOAL UNIT: the row of what lies in bare and preloaded. WORD: ratio, or added for the
# difference.
judge() {
	paste "$scratch/bare" "$scratch/preloaded" | awk -v row="$row" -v word="$1" -v goal="$2" -v unit="$3" '
	function sorted(a, n, i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
	}
	function middle(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
	{ bare[NR] = $1; with[NR] = $2; both[NR] = word == "ratio" ? $2 / $1 : $2 - $1 }
	END {
		n = NR
		sorted(bare, n); sorted(with, n); sorted(both, n)
		low = both[int((n + 3) / 4)]; high = both[n + 1 - int((n + 3) / 4)]
		form = word == "ratio" ? "%.2f" : "%+.0f"
		result = sprintf(form, middle(both, n))
		spread = sprintf(form " .. " form, low, high)
		if (goal == "-")
			verdict = ""
		else
			verdict = middle(both, n) <= goal ? "met" : "MISSED"
		aim = goal == "-" ? "" : "<= " goal
		printf "%-50s %11.1f %11.1f %-3s %7s  %-16s %-8s %s\n",
			row, middle(bare, n), middle(with, n), unit, result, spread, aim, verdict
	}'
}
