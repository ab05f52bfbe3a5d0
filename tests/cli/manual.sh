#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The manual's tables of options, of numbers and of events are the library's, and the manual is clean.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
doc=$TESTS_SRC/../doc

# One line a row: an option's NAME=default, form and help; a number's name, kind, metric and what it counts;
# an event's name, level, values, and what has happened.
from_command() { awk '/^[A-Za-z_]+(=.*)?$/ { name = $0; getline; form = $0; getline; $0 = name " " form " " $0; $1 = $1; print }'; }
# from_manual TABLE PAGE
from_manual() {
	sed -n "/^\.\\\\\" $1:/,/^\.\\\\\" end of $1/p" "$2" | awk '
		/^\.TP/ { if (line) print line; line = ""; next }
		/^\.B / { line = $2; next }
		/^\.br/ || /^\.\\"/ { next }
		{ line = line " " $0 }
		END { print line }'
}
# same TABLE WORD: the manual's table is the command's, and the comparison sees a WORD that differs.
same() {
	"$MAPHERD" help "$1" | from_command >"$scratch/command"
	from_manual "$1" "$doc/mapherd.1" >"$scratch/manual"
	[ "$(wc -l <"$scratch/command")" -ge 5 ] || fail "no $1 were read"
	diff -u "$scratch/command" "$scratch/manual" >&2 || fail "doc/mapherd.1 and 'mapherd help $1' differ"
	sed "s/$2/$2d/" "$doc/mapherd.1" >"$scratch/wrong.1"
	from_manual "$1" "$scratch/wrong.1" | cmp -s - "$scratch/command" && fail "a wrong manual passes"
	return 0
}
same options observe
same status ranges
same events spilled

for verb in run library ps top stat maps leaks diff report clean recover fill doctor help; do
	grep -q "^\.SS $verb\$" "$doc/mapherd.1" || fail "the manual does not explain $verb"
done

checked=
for page in "$doc/mapherd.1" "$doc/libmapherd.3" "$doc/mapherd.7"; do
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
