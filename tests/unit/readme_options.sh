#!/bin/sh
# The README's table of options is the option table: every row, default and value, and no other.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tree=$(cd "$TESTS_SRC/.." && pwd)

# `mapherd help options` as rows of the README: three lines an option.
"$MAPHERD" help options | sed -n '/^MAPHERD_/,$p' | awk '
	/^MAPHERD_/ { split($0, half, "="); name = half[1]; value = substr($0, length(name) + 2); next }
	/^ / { sub(/^ +/, ""); if (!form) { form = $0; next }
		gsub(/\|/, "\\|", form)
		printf "| `%s` | %s | %s | %s |\n", name, form, value == "" ? "(none)" : value, $0
		form = "" }' >"$scratch/want"
[ "$(wc -l <"$scratch/want")" -gt 5 ] || fail "mapherd help options is not read: $(cat "$scratch/want")"

rows() { grep '^| `MAPHERD_' "$1" || true; }
rows "$tree/README.md" >"$scratch/have"
diff "$scratch/want" "$scratch/have" >"$scratch/diff" || fail "the README's table differs:
$(cat "$scratch/diff")"

# The test can fail.
sed 's/60,80,90/60,80,95/' "$tree/README.md" >"$scratch/README.md"
rows "$scratch/README.md" >"$scratch/have"
if diff "$scratch/want" "$scratch/have" >/dev/null; then
	fail "another default in the table is not noticed"
fi
