#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The command says what it can do, and names the nearest where it was asked for something else.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"

expect 0 "$MAPHERD" --version
one_line out
grep -Eq '^mapherd [0-9]+\.[0-9]+\.[0-9]+( \(commit [0-9a-f]{12,40}(-dirty)?\))?$' "$scratch/out" || fail "--version is not 'mapherd N.N.N'"

expect 0 "$MAPHERD" help
cp "$scratch/out" "$scratch/help"
expect 0 "$MAPHERD" --help
cmp -s "$scratch/out" "$scratch/help" || fail "--help and help differ"
for verb in run library ps top stat maps leaks diff report clean recover fill doctor help; do
	grep -q "mapherd $verb " "$scratch/help" || fail "help does not list $verb"
	expect 0 "$MAPHERD" help "$verb"
	cp "$scratch/out" "$scratch/verb"
	expect 0 "$MAPHERD" "$verb" --help
	cmp -s "$scratch/out" "$scratch/verb" || fail "'help $verb' and '$verb --help' differ"
	out_has "mapherd $verb "
	misuse "help $verb" "$verb" --no-such-flag
done

expect 0 "$MAPHERD" help options
silent err
grep -c '^MAPHERD_' "$scratch/out" | grep -qx "$(grep -cE '^(CHOICE|TEXT)\(' "$TESTS_SRC/../src/tell/options.def")" ||
	fail "help options does not list every option of the table"

misuse "see 'mapherd help'"
misuse "the nearest is 'stat'" sttat 1
misuse "the nearest is 'run'" rnu true
misuse "the nearest is 'doctor'" docotr
misuse "the nearest is 'maps'" help mpas
misuse "unknown verb 'version'; see" version
misuse "unknown verb 'something'; besides the verbs, 'options', 'status' and 'events'" help something
misuse "one too many" help run stat

# An answer that cannot be written is an error; and /dev/null takes it.
if [ -c /dev/full ]; then
	got=0
	"$MAPHERD" help >/dev/full 2>"$scratch/err" || got=$?
	[ "$got" = 1 ] || fail "help on a full device ended with $got"
	err_has "could not be written"
fi
"$MAPHERD" help >/dev/null || fail "help into /dev/null fails"
