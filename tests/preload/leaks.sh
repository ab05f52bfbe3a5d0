#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Who leaks: real programs that map and forget, and what `mapherd leaks` says of them. That every
# page is accounted for is record.sh's; here are the names.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/preload/leaks-told.sh
. "$TESTS_SRC/preload/leaks-told.sh"

say "three stacks that leak among twenty that do not"
recorded "$TESTS_BIN/tests/preload/leaker" >/dev/null
told --json
expect "groups[0]['name'].startswith('leak_alpha_500  leaker.c:') and groups[0]['mappings'] == 500"
expect "groups[0]['pieces'] == 1000 and groups[0]['bytes'] == 500 * 2 * 4096"
expect "groups[1]['name'].startswith('leak_beta_300  leaker.c:') and groups[1]['mappings'] == 300"
expect "groups[1]['bytes'] == 300 * 3 * 4096"
expect "groups[2]['name'].startswith('leak_gamma_200  leaker.c:') and groups[2]['mappings'] == 200"
# What "replaced" holds at the end, and libc's and the loader's few.
expect "sum(g['mappings'] for g in groups[3:]) <= 5"

say "the same while it runs, begun by the command, and after kill -9"
mkfifo "$scratch/fifo"
no_records
# shellcheck disable=SC2086
env $recording "$TESTS_BIN/tests/preload/leaker" wait >"$scratch/fifo" &
process=$!
read -r _ <"$scratch/fifo"
"$MAPHERD" leaks --json $process >"$scratch/told" || fail "no answer of a process that runs"
expect "groups[0]['mappings'] == 500 and groups[1]['mappings'] == 300 and groups[2]['mappings'] == 200"
# Each of gamma is three of the kernel's maps, unless neighbours share one.
expect "groups[2]['maps'] >= 400"
kill -9 $process
wait $process 2>/dev/null || :
told --json
expect "head['state'] == 'was killed' and groups[2]['mappings'] == 200"

say "a stripped C++ program, its debug file apart"
if ! command -v g++ >/dev/null; then
	say "not run: g++"
else
	cat >"$scratch/leak.cc" <<-'END'
		#include <sys/mman.h>
		#include <vector>
		#include <unistd.h>
		namespace shop {
		template <typename T> struct Cart {
		    std::vector<T> held;
		    __attribute__((noinline)) void add() {
		        held.push_back(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		    }
		};
		}
		int main() { shop::Cart<void *> c; for (int i = 0; i < 100; i++) c.add(); _exit(0); }
	END
	g++ -g -O1 -o "$scratch/shop" "$scratch/leak.cc"
	objcopy --only-keep-debug "$scratch/shop" "$scratch/shop.debug"
	strip "$scratch/shop"
	(cd "$scratch" && objcopy --add-gnu-debuglink=shop.debug shop)
	recorded "$scratch/shop"
	told --json
	expect "groups[0]['mappings'] == 100 and 'shop::Cart<void*>::add  leak.cc:8' in groups[0]['name']"
	rm "$scratch/shop.debug"
	told --json
	expect "groups[0]['mappings'] == 100 and groups[0]['name'].startswith('shop+0x')"
fi

python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null) || python=""
if [ -z "$python" ]; then
	say "not run: python3"
else
	say "Python"
	recorded "$python" -c '
import mmap, os
held = [mmap.mmap(-1, 4096) for n in range(300)]
os._exit(0)'
	told --json --all-frames
	expect "groups[0]['mappings'] == 300 and any('PyEval' in f['name'] for f in groups[0]['stack'])"
	told --json
	expect "groups[0]['mappings'] == 300 and any('frames of the CPython' in f['name'] for f in groups[0]['stack'])"
	expect "not any('PyEval' in f['name'] for f in groups[0]['stack'])"
fi
say "Python with a map file: each function of the script"
traced=""
for python in python3 python3.14 python3.13 python3.12; do
	# It has written a map file if it can.
	if "$python" -X perf -c 'import os; os.unlink("/tmp/perf-%d.map" % os.getpid())' 2>/dev/null; then
		traced=$("$python" -c 'import sys; print(sys.executable)')
		break
	fi
done
if [ -z "$traced" ]; then
	say "not run: CPython from 3.12 on, with trampolines for perf"
else
	cat >"$scratch/leak.py" <<-'END'
		import mmap, os
		def inner(): return mmap.mmap(-1, 4096)
		class Outer:
		    def __getitem__(self, n): return inner()
		held = [Outer()[n] for n in range(300)]
		print(os.getpid(), flush=True)
		os._exit(0)
	END
	recorded "$traced" -X perf "$scratch/leak.py" >"$scratch/traced"
	later "rm -f '/tmp/perf-$(cat "$scratch/traced").map'"
	told --json
	expect "groups[0]['mappings'] == 300"
	expect "[f['name'].split(':')[2] for f in groups[0]['stack'] if f['name'].startswith('py::')] == ['inner', 'Outer.__getitem__', '<module>']"
fi
if command -v perl >/dev/null; then
	say "Perl"
	recorded perl -e 'use POSIX (); my @held; for (1 .. 100) { open my $f, "<:mmap", "/etc/passwd" or die; my $l = <$f>; push @held, $f } POSIX::_exit(0)'
	told --json
	expect "groups[0]['mappings'] == 100 and any('frames of the Perl' in f['name'] for f in groups[0]['stack'])"
else
	say "not run: perl"
fi
if command -v ruby >/dev/null; then
	say "Ruby"
	recorded ruby -e 'f = (1..3000).map { x = Fiber.new { Fiber.yield }; x.resume; x }; exit!(0)'
	told --json
	expect "any('frames of the Ruby' in f['name'] for g in groups for f in g['stack'])"
else
	say "not run: ruby"
fi
if command -v rg >/dev/null; then
	say "Rust: ripgrep, while nobody reads what it finds"
	yes 'something to find' | head -n 200000 >"$scratch/large"
	mkfifo "$scratch/found"
	no_records
	# shellcheck disable=SC2086
	env $recording rg --mmap -j1 something "$scratch/large" >"$scratch/found" &
	process=$!
	exec 8<"$scratch/found"
	read -r _ <&8
	"$MAPHERD" leaks --json $process >"$scratch/told" || fail "no answer of rg"
	kill -9 $process
	exec 8<&-
	wait $process 2>/dev/null || :
	expect "any(m['path'].endswith('/large') for m in groups[0]['files']) and groups[0]['stack'][0].get('module', '').endswith('/rg')"
else
	say "not run: rg"
fi
