#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What is installed on this system works: the command, the library in a program, and the headers if
# they are installed.
#
#   packaging/smoke.sh
set -eu
fail() { printf 'smoke.sh: FAILED: %s\n' "$*" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-smoke.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
examples=$(cd "$(dirname "$0")/../examples" && pwd)

library=$(mapherd library)
case $library in
/usr/lib*/mapherd/libmapherd.so | /usr/local/lib*/mapherd/libmapherd.so) ;;
*) fail "the library is $library" ;;
esac
[ "$(mapherd run mapherd library --loaded)" = herding ] || fail "the library is not in the command that it is to run"
[ "$(LD_PRELOAD=$library mapherd library --loaded)" = herding ] || fail "LD_PRELOAD alone does not bring it in"
[ "$(mapherd run --mode=observe mapherd library --loaded)" = observing ] || fail "an option of run does not arrive"
mapherd doctor "$work" >"$work/doctor" || { cat "$work/doctor"; fail "mapherd doctor finds a problem"; }

# chunks SAYS COMMAND...: 200 chunks of a file, mapped one by one, and how many maps they are.
chunks() {
	rm -f "$work/file"
	"$@" "$work/file" 200 | sed -n 's/.*maps: \([0-9]*\)$/\1/p'
}
if command -v gcc >/dev/null; then
	gcc -o "$work/chunks" "$examples/chunks.c"
	alone=$(chunks "$work/chunks")
	herded=$(chunks mapherd run "$work/chunks")
	[ "$alone" -ge 200 ] || fail "200 chunks are $alone maps alone: this shows nothing"
	[ "$herded" -lt 100 ] || fail "200 chunks are $herded maps with mapherd"
	printf 'C: 200 chunks are %s maps alone, %s with mapherd\n' "$alone" "$herded"
fi
if command -v javac >/dev/null; then
	javac -d "$work" "$examples/Chunks.java"
	alone=$(chunks java -cp "$work" Chunks)
	herded=$(chunks mapherd run -- java -cp "$work" Chunks)
	[ $((alone - herded)) -gt 100 ] || fail "Java: 200 chunks are $alone maps alone, $herded with mapherd"
	printf 'Java: 200 chunks are %s maps alone, %s with mapherd\n' "$alone" "$herded"
fi
if command -v gcc >/dev/null && pkg-config --exists mapherd 2>/dev/null; then
	[ "$(readlink -f "$(pkg-config --variable=preload mapherd)")" = "$library" ] || fail "mapherd.pc names another library"
	cat >"$work/asks.c" <<'END'
#include <stdio.h>
#include <mapherd/mapherd.h>
#include <mapherd/record.h>
#include <mapherd/spill.h>
int main(void)
{
    puts(mapherd_status && mapherd_status()->state == MAPHERD_HERDING ? "herding" : "alone");
    return 0;
}
END
	# shellcheck disable=SC2046 # flags
	gcc $(pkg-config --cflags mapherd) -o "$work/asks" "$work/asks.c"
	[ "$("$work/asks")" = alone ] || fail "a program that asks does not run alone"
	[ "$(mapherd run "$work/asks")" = herding ] || fail "a program that asks is not herded"
	printf 'C: a program with the headers asks the library\n'
fi
