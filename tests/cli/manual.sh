#!/bin/sh
# The manual's table of options is the library's, and the manual is clean.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
doc=$TESTS_SRC/../doc

# One line an option: NAME=default|form|help.
from_command() { awk '/^MAPHERD_/ { name = $0; getline; form = $1; getline; $1 = $1; print name " " form " " $0 }'; }
from_manual() {
	sed -n '/^\.\\" options:/,/^\.\\" end of options/p' "$1" | awk '
		/^\.TP/ { if (line) print line; line = ""; next }
		/^\.B / { line = $2; next }
		/^\.br/ || /^\.\\"/ { next }
		{ line = line " " $0 }
		END { print line }'
}
"$MAPHERD" help options | from_command >"$scratch/command"
from_manual "$doc/mapherd.1" >"$scratch/manual"
[ "$(wc -l <"$scratch/command")" -ge 5 ] || fail "no options were read"
diff -u "$scratch/command" "$scratch/manual" >&2 || fail "doc/mapherd.1 and 'mapherd help options' differ"

# The comparison sees a word that differs.
sed 's/observe/observed/' "$doc/mapherd.1" >"$scratch/wrong.1"
from_manual "$scratch/wrong.1" | cmp -s - "$scratch/command" && fail "a wrong manual passes"

for verb in run library ps top stat maps leaks diff report clean recover fill doctor help; do
	grep -q "^\.SS $verb\$" "$doc/mapherd.1" || fail "the manual does not explain $verb"
done

checked=
for page in "$doc/mapherd.1" "$doc/libmapherd.3"; do
	if command -v mandoc >/dev/null; then
		mandoc -T lint "$page" >"$scratch/lint" || true
		[ ! -s "$scratch/lint" ] || { cat "$scratch/lint" >&2; fail "mandoc is not content with $page"; }
		checked=yes
	fi
	if command -v groff >/dev/null && groff -z -man -Tutf8 /dev/null 2>/dev/null; then
		groff -ww -b -z -man -Tutf8 "$page" 2>"$scratch/lint" || true
		[ ! -s "$scratch/lint" ] || { cat "$scratch/lint" >&2; fail "groff is not content with $page"; }
		checked=yes
	fi
done
[ "$checked" ] || say "the pages were not linted: neither mandoc nor groff is here"
