#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Programs that know nothing of mapherd do the same with it and without: every byte of their
# output, their exit status, and the files they leave.
#
# That the library was in each process, and in those it started, is what the dynamic loader says
# (LD_DEBUG=files), into files of its own.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/workloads.sh
. "$TESTS_SRC/workloads.sh"

export HOME="$scratch/home" LC_ALL=C.UTF-8 TMPDIR="$scratch/tmp" GIT_CONFIG_NOSYSTEM=1
mkdir "$HOME" "$TMPDIR"
work="$scratch/work"
programs=0

# run_one HOW PROGRAM: HOW is alone or preloaded. Leaves HOW.out, HOW.err, HOW.status and HOW.kept.
run_one() {
	rm -rf "$work" "$scratch/$1".*
	mkdir -p "$work/kept" "$scratch/$1.loader"
	set +e
	(
		set -e
		cd "$work"
		export LD_DEBUG=files LD_DEBUG_OUTPUT="$scratch/$1.loader/of"
		[ "$1" = alone ] || export LD_PRELOAD="$MAPHERD_LIB"
		"$2"
	) >"$scratch/$1.out" 2>"$scratch/$1.err" </dev/null
	echo $? >"$scratch/$1.status"
	set -e
	mv "$work/kept" "$scratch/$1.kept"
}

# True if the library was initialised in every process that the loader started.
library_was_in() {
	[ -n "$(ls "$scratch/$1.loader")" ] || return 1
	! grep -rL 'calling init: .*/libmapherd\.so' "$scratch/$1.loader" | grep -q .
}

# same STATUS PROGRAM: the function PROGRAM ends with STATUS both times, and all else is equal.
same() {
	run_one alone "$2"
	[ "$(cat "$scratch/alone.status")" = "$1" ] ||
		fail "$2 without mapherd: status $(cat "$scratch/alone.status"): $(tail -5 "$scratch/alone.err")"
	if library_was_in alone; then
		fail "$2: the library is in it without being preloaded: the proof is worth nothing"
	fi
	run_one preloaded "$2"
	library_was_in preloaded || fail "$2: the library was not in each of its processes"
	for part in status out err kept; do
		diff -r "$scratch/alone.$part" "$scratch/preloaded.$part" >"$scratch/diff" ||
			fail "$2: another $part: $(head -20 "$scratch/diff")"
	done
	programs=$((programs + 1))
}

# same_if PROGRAM-ON-PATH FUNCTION
same_if() {
	if command -v "$1" >/dev/null; then
		same 0 "$2"
	else
		say "not run: $1 is not installed"
	fi
}

shell_status() {
	sh -c 'i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; echo $i; echo gone >&2; exit 3'
}

list_files() {
	ls -laR --full-time /usr/include
}

git_log() {
	# Small windows, so that git maps its pack in many pieces.
	git -C "$scratch/repository" -c core.packedGitWindowSize=4k log -p --stat
	git -C "$scratch/repository" -c core.packedGitWindowSize=4k fsck --full --strict
}

python_mmap() {
	# The one thing that differs by nature is how long it took.
	"$python" -m test.test_mmap -v 2>"$work/err" || { cat "$work/err" >&2; return 1; }
	sed 's/^\(Ran .* in \).*s$/\1a while/' "$work/err" >&2
}

# The last statement is wrong: the error is told, and the status is 1.
sqlite_mmap() {
	sqlite_workload kept/database
	sqlite3 kept/database 'DROP TABLE nothing'
}

sqlite_reads() {
	sqlite_mmap >/dev/null 2>&1 || true
	sqlite3 -readonly kept/database 'PRAGMA mmap_size = 268435456; SELECT id, k FROM t ORDER BY k'
}

lmdb() {
	mkdir database
	load_lmdb database
	mdb_dump database
	mdb_stat -e database
}

search_mapped() {
	rg --mmap --no-config -n --sort path 'struct [a-z]+_info' /usr/include
}

# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
compile_and_link() {
	for source in chunks trap look; do
		${CC:-gcc} -std=gnu17 -fPIC -g -O1 -c -o $source.o "$TESTS_SRC/preload/$source.c"
	done
	${CC:-gcc} -fuse-ld="$linker" -Wl,--build-id=none -o kept/chunks chunks.o look.o
	${CC:-gcc} -shared -fuse-ld="$linker" -Wl,--build-id=none -o kept/look.so look.o
	cp look.o kept
	kept/chunks "$work/file" 100 65536 random one private 50 >/dev/null
}

java_version() {
	"$jdk/bin/java" -version
}

java_compile_and_run() {
	"$jdk/bin/javac" -d kept "$TESTS_SRC/preload/MapForce.java"
	"$jdk/bin/java" -Xmx64m -cp kept MapForce kept/file
}

same 3 shell_status
same 0 list_files
if command -v git >/dev/null; then
	make_repository "$scratch/repository"
	git -C "$scratch/repository" repack -adfq
	same 0 git_log
else
	say "not run: git is not installed"
fi

python=""
for candidate in /usr/bin/python3 python3; do
	if "$candidate" -c 'import test.test_mmap' 2>/dev/null; then
		python=$candidate
		break
	fi
done
if [ "$python" ]; then
	same 0 python_mmap
else
	say "not run: no python3 with its own tests (Debian: libpython3-testsuite)"
fi

if command -v sqlite3 >/dev/null; then
	same 1 sqlite_mmap # its last statement is an error on purpose
	same 0 sqlite_reads
else
	say "not run: sqlite3 is not installed"
fi
same_if mdb_load lmdb
same_if rg search_mapped
for linker in bfd gold lld mold; do
	ld="ld.$linker"
	[ "$linker" != mold ] || ld=mold
	same_if "$ld" compile_and_link
done

jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || say "not run: no JDK with a compiler"
while read -r jdk; do
	same 0 java_version
	same 0 java_compile_and_run
done <"$scratch/jdks"
say "$programs programs, each the same with and without"
