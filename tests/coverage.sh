#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# coverage.sh FOLDER TEST...: builds mapherd in a folder with counters of gcov, runs tests there, and prints how
# many lines, functions and branches of each room they have run. Run by make coverage; doc/coverage.md has what
# is not covered, and why.
#
# Tests that fail are named, and counted all the same: a few forbid the calls by which libgcov writes its
# files. TESTS_SRC and CC are as for a test. In the folder, lines.txt has the lines that were not run.
set -eu
command -v gcovr >/dev/null || { echo "coverage.sh: cannot run here: no gcovr"; exit 77; }
tree=$(cd "$TESTS_SRC/.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
jobs=${JOBS:-$(nproc)}
cd "$folder"
unset MAKEFLAGS MFLAGS MAKELEVEL

# Threads count at once. The counters of a header's functions are in each object that has them.
flags="-g -O1 --coverage -fprofile-update=atomic"
[ -f Makefile ] || "$tree/configure" --enable-werror CC="${CC:-cc}" CFLAGS="$flags" >configure.log
# shellcheck disable=SC2086 # it may be several words
${CC:-cc} -std=gnu17 -fPIC -O1 -I"$tree/src" -c -o coverage.o "$TESTS_SRC/coverage.c"
library="libmapherd_la_LIBADD=libmapherd-core.la -lgcc $folder/coverage.o -Wl,--wrap=sys_exit_group"
with_libc="ALONE=" # for libgcov
find . -name '*.gcda' -delete
rm -f libmapherd.la # make does not know of coverage.o
make -s -j"$jobs" "$library" "$with_libc" all >make.log 2>&1 || { tail -n 30 make.log; exit 1; }
make -s -j"$jobs" "$library" "$with_libc" check TESTS= >>make.log 2>&1 || { tail -n 30 make.log; exit 1; }
find . -name '*.gcda' -delete

# What libgcov says, it would say on the standard error of the programs.
GCOV_ERROR_FILE=/dev/null make -k -j"$jobs" "$library" "$with_libc" check TESTS="$*" >check.log 2>&1 || true
grep -E '^(FAIL|ERROR): ' check.log || true
grep -E '^# (TOTAL|PASS|SKIP|FAIL):' check.log | tr '\n' ' '
echo

gcovr --root "$tree" --object-directory . --filter "$tree/src/" --exclude-unreachable-branches --exclude-throw-branches \
	--gcov-ignore-parse-errors --txt lines.txt --csv figures.csv . >gcovr.log 2>&1 || { tail -n 20 gcovr.log; exit 1; }
awk -F, '
	NR > 1 && $1 !~ /\.h$/ {
		room = $1
		sub("^src/", "", room)
		sub("/[^/]*$", "", room)
		if (!(room in lines)) order[++rooms] = room
		lines[room] += $2; run[room] += $3; branches[room] += $5; taken[room] += $6; functions[room] += $8; called[room] += $9
	}
	function share(a, b) { return b ? sprintf("%5.1f %%", 100 * a / b) : "" }
	function row(name, l, r, f, c, b, t) {
		printf "%-16s %6d %9s %6d %9s %6d %9s\n", name, l, share(r, l), f, share(c, f), b, share(t, b)
	}
	END {
		printf "%-16s %6s %9s %6s %9s %6s %9s\n", "room", "lines", "run", "funct.", "called", "branch", "taken"
		for (i = 1; i <= rooms; i++) {
			room = order[i]
			row(room, lines[room], run[room], functions[room], called[room], branches[room], taken[room])
			l += lines[room]; r += run[room]; f += functions[room]; c += called[room]; b += branches[room]; t += taken[room]
		}
		row("all", l, r, f, c, b, t)
	}' figures.csv
