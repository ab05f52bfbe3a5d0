#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Scripts: what counts is the interpreter, found as the kernel finds it.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
library=$("$MAPHERD" library)
: "${CC:=cc}"

script() { # script NAME FIRST-LINE: made of stdin
	{ printf '%s\n' "$2"; cat; } >"$scratch/$1"
	chmod +x "$scratch/$1"
}

script plain '#!/bin/sh' <<'END'
grep -q "$1" /proc/$$/maps && exit 7
END
expect 7 "$MAPHERD" run "$scratch/plain" "$library"
silent err
script env '#!/usr/bin/env sh' <"$scratch/plain"
expect 7 "$MAPHERD" run "$scratch/env" "$library"
silent err
script spaces '#! /bin/sh -e' <"$scratch/plain"
expect 7 "$MAPHERD" run "$scratch/spaces" "$library"
# Without a first line the shell runs it, as execvp(3) has it.
tail -n +2 "$scratch/plain" >"$scratch/bare"
chmod +x "$scratch/bare"
expect 7 "$MAPHERD" run "$scratch/bare" "$library"
silent err
# A script as the interpreter of a script.
script nested "#!$scratch/plain $library" </dev/null
expect 7 "$MAPHERD" run "$scratch/nested"
silent err

# By PATH, in its order.
mkdir "$scratch/bin"
cp "$scratch/plain" "$scratch/bin/by-path"
expect 7 env PATH="/nowhere::$scratch/bin:$PATH" "$MAPHERD" run by-path "$library"

script lost '#!/no/such/interpreter' </dev/null
expect 127 "$MAPHERD" run "$scratch/lost"
one_line err
err_has "interpreter"
script round "#!$scratch/round" </dev/null
expect 126 "$MAPHERD" run "$scratch/round"
script endless "#!" </dev/null
expect 0 "$MAPHERD" run "$scratch/endless"

printf 'int main(void) { return 9; }\n' >"$scratch/nine.c"
if $CC -static "$scratch/nine.c" -o "$scratch/bin/nine" 2>/dev/null; then
	script static "#!$scratch/bin/nine" </dev/null
	expect 9 "$MAPHERD" run "$scratch/static"
	one_line err
	err_has "its interpreter $scratch/bin/nine is statically linked"
	script env-static '#!/usr/bin/env nine' </dev/null
	expect 9 env PATH="$scratch/bin:$PATH" "$MAPHERD" run "$scratch/env-static"
	one_line err
	err_has "statically linked"
else
	say "not shown here: a static interpreter ($CC -static does not link)"
fi
