#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
# A native method is recorded with its Java frames from its first mapping on. Who maps where a JVM may not
# be asked for these goes on as alone, and is recorded without them: a thread that the JVM does not know,
# an allocator inside its lock, a signal's handler.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/preload/leaks-told.sh
. "$TESTS_SRC/preload/leaks-told.sh"
[ -n "$(jdks)" ] || skip "no JDK with a compiler"
compiler=${CC:-cc}
command -v "${compiler%% *}" >/dev/null || skip "no C compiler"
allocator="$TESTS_BIN/tests/preload/.libs/contexts_malloc.so"

for home in $(jdks); do
	release=$(basename "$home")
	"$home/bin/javac" -d "$scratch" "$TESTS_SRC/preload/LeakNative.java" || fail "javac"
	${CC:-cc} -shared -fPIC -O1 -g -fno-omit-frame-pointer -I "$home/include" -I "$home/include/linux" \
		-o "$scratch/libleaks.so" "$TESTS_SRC/preload/leaks_jni.c" -lpthread || fail "cc"
	no_records
	timeout 1000 env LD_PRELOAD="$allocator $MAPHERD_LIB" MAPHERD_LEAKS=on MAPHERD_DIR="$scratch/records" \
		"$home/bin/java" -XX:-CreateCoredumpOnCrash -XX:ErrorFile="$scratch/crash" -Djava.library.path="$scratch" \
		-cp "$scratch" LeakNative >"$scratch/out" 2>"$scratch/err" ||
		fail "$release ends with $?: $(head -c 2000 "$scratch/out" "$scratch/err")"
	grep -q done "$scratch/out" || fail "$release does nothing"
	told --json --top 1000
	expect "any(g['mappings'] == 1 and any(f['name'] == 'LeakNative.map' for f in g['stack']) for g in groups)"
	expect "any(g['mappings'] == 10 and any(f['name'] == 'LeakNative.mapLater' for f in g['stack']) for g in groups)"
	expect "any(g['mappings'] >= 10 and any(f['name'] == 'Java_LeakNative_allocate' for f in g['stack']) for g in groups)"
	expect "any(any(f['name'] == 'on_signal' for f in g['stack']) for g in groups)"
	expect "not any(f['name'] in ('LeakNative.allocate', 'LeakNative.interrupt') for g in groups for f in g['stack'])"
	say "$release: it goes on"
done
