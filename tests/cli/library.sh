#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The command finds its library: in a build tree, in an installed one, also a moved one.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"

expect 0 "$MAPHERD" library
one_line out
[ "$(cat "$scratch/out")" = "$(realpath "$MAPHERD_LIB")" ] || fail "it is not the built library"

expect 1 "$MAPHERD" library --loaded
out_has "not loaded"
expect 0 "$MAPHERD" run "$MAPHERD" library --loaded
out_has herding
expect 0 "$MAPHERD" run --mode=observe "$MAPHERD" library --loaded
out_has observing
expect 1 "$MAPHERD" run --skip='map*' "$MAPHERD" library --loaded
out_has passive
misuse "one word too many" library there

# The same for programs.
if command -v python3 >/dev/null; then
	expect 0 "$MAPHERD" library --json
	[ "$(field library path)" = "$(realpath "$MAPHERD_LIB")" ] || fail "another path in JSON"
	version=$(field version)
	commit=$(field commit)
	expect 0 "$MAPHERD" --version
	[ "$commit" = None ] && wanted="mapherd $version" || wanted="mapherd $version (commit $commit)"
	[ "$(cat "$scratch/out")" = "$wanted" ] || fail "the version is '$(cat "$scratch/out")' and not '$wanted'"
	expect 1 "$MAPHERD" library --loaded --json
	[ "$(cat "$scratch/out")" = '{"preloaded":false}' ] || fail "not loaded, in JSON: $(cat "$scratch/out")"
	expect 0 "$MAPHERD" run "$MAPHERD" library --loaded --json
	[ "$(field library state)" = herding ] || fail "loaded, in JSON: $(cat "$scratch/out")"
else
	say "not shown, for want of python3: the JSON"
fi
# In a clone that has git the commit is the one that is checked out.
commit=$(git -C "$TESTS_SRC" rev-parse --short=12 HEAD 2>/dev/null) || commit=''
if [ -n "$commit" ] && [ -e "$TESTS_SRC/../.git" ]; then
	expect 0 "$MAPHERD" --version
	out_has "(commit $commit"
fi

# MAPHERD_LIBRARY decides, also when it is wrong.
cp "$MAPHERD_LIB" "$scratch/other.so"
expect 0 env MAPHERD_LIBRARY="$scratch/other.so" "$MAPHERD" library
[ "$(cat "$scratch/out")" = "$scratch/other.so" ] || fail "MAPHERD_LIBRARY is not used"
expect 1 env MAPHERD_LIBRARY="$scratch/none.so" "$MAPHERD" library
silent out
one_line err
err_has "$scratch/none.so"

# Installed, then moved as a whole.
if command -v make >/dev/null && [ -f "$TESTS_BIN/Makefile" ]; then
	(unset MAKEFLAGS MFLAGS MAKELEVEL
	cd "$TESTS_BIN" && make -s install DESTDIR="$scratch/first") >"$scratch/log" 2>&1 ||
		{ cat "$scratch/log" >&2; fail "make install failed"; }
	mv "$scratch/first" "$scratch/second"
	installed=$(find "$scratch/second" -name mapherd -type f -path '*/bin/*')
	expect 0 "$installed" library
	[ "$(cat "$scratch/out")" = "$(find "$scratch/second" -name libmapherd.so)" ] ||
		fail "the moved command does not find the library that moved with it"
	expect 0 "$installed" run "$installed" library --loaded
	out_has herding

	# Without its library it says so; what it runs runs all the same.
	cp "$installed" "$scratch/lonely"
	if ! [ -e "$(sed -n 's/^pkglibdir = //p' "$TESTS_BIN/Makefile")" ]; then
		expect 1 "$scratch/lonely" library
		err_has "MAPHERD_LIBRARY"
		expect 7 "$scratch/lonely" run sh -c 'exit 7'
		one_line err
		err_has "runs without the library"
	else
		say "not shown here: a command without its library (one is installed)"
	fi
else
	say "not shown here: an installed command (no make)"
fi
