#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# stat: the numbers are the kernel's, and the library's own block is read out of the process.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
holder=$TESTS_BIN/tests/cli/holder
command -v python3 >/dev/null || skip "no python3, which reads the JSON"

truncate -s 4M "$scratch/file"
hold "$holder" "$scratch/file" apart 0:1:rs 2:1:rs 4:1:rs
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field maps)" = "$(kernel_maps "$held")" ] || fail "another count than the kernel's"
[ "$(field limit)" = "$(cat /proc/sys/vm/max_map_count)" ] || fail "another limit"
[ "$(field pid)" = "$held" ] || fail "another process"
[ "$(field name)" = holder ] || fail "another name"
[ "$(field pressure)" = calm ] || fail "the pressure of a few maps is not calm"
[ "$(field preloaded)" = false ] || fail "it is not preloaded and stat says so"
few=$(field maps)
expect 0 "$MAPHERD" stat "$held"
out_has "not in it"
release

# One map more is one more: the comparison above can fail.
hold "$holder" "$scratch/file" apart 0:1:rs 2:1:rs 4:1:rs 6:1:rs
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field maps)" = $((few + 2)) ] || fail "one map and the gap behind it are not two more"
release

# The version that the text of stat names.
field_of_text() { sed -n "s/.*, $1 //p" "$scratch/out"; }

# The pressure, on both sides of each of its borders.
limit=$(cat /proc/sys/vm/max_map_count)
pressure() { # pressure WORD COUNT: a process of about COUNT maps is under it
	hold "$holder" "$scratch/file" many "$(($2 - 40))"
	expect 0 "$MAPHERD" stat --json "$held"
	maps=$(field maps)
	[ "$maps" = "$(kernel_maps "$held")" ] || fail "another count than the kernel's"
	[ "$(field percent)" = $((maps * 100 / limit)) ] || fail "another share of the limit"
	[ "$(field pressure)" = "$1" ] || fail "$maps maps of $limit are $(field pressure), not $1"
	release
}
if [ "$limit" -le 300000 ] && [ "$limit" -ge 10000 ]; then
	pressure calm $((limit * 49 / 100))
	pressure raised $((limit * 51 / 100))
	pressure raised $((limit * 79 / 100))
	pressure high $((limit * 81 / 100))
	pressure high $((limit * 97 / 100))
	pressure full $((limit * 99 / 100))
else
	say "not shown here: the pressure words (vm.max_map_count is $limit)"
fi

# Preloaded. The parts, in descending order, become one map; its own maps are told.
hold "$MAPHERD" run "$holder" "$scratch/file" free 12:4:ws 8:4:ws 4:4:ws 0:4:ws
[ "$(grep -c "$scratch/file" "/proc/$held/maps")" -le 2 ] || fail "the library did not herd the parts"
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field maps)" = "$(kernel_maps "$held")" ] || fail "another count than the kernel's"
[ "$(field preloaded)" = true ] || fail "it is preloaded and stat does not say so"
[ "$(field library state)" = herding ] || fail "its state is not herding"
[ "$(field library path)" = "$("$MAPHERD" library)" ] || fail "another library"
[ "$(field library calls)" -ge 4 ] || fail "the library's calls are not counted"
herded=$(field library placed)
[ "$herded" -ge 3 ] || fail "of 4 parts, of which the first lies alone, $herded were herded"
[ "$(field library own_maps file_maps)" = "$(grep -c libmapherd.so "/proc/$held/maps")" ] ||
	fail "the maps of the library's file are miscounted"
own=$(($(field library own_maps file_maps) + $(field library own_maps memory_maps) + $(field library own_maps masters)))
[ "$own" -le 8 ] || fail "the library has $own maps of its own"
[ "$(field library own_maps memory_maps)" -ge 1 ] || fail "the library's memory is not counted"
expect 0 "$MAPHERD" stat "$held"
out_has "herding"
out_has "own maps"
# Nothing was wrong, zeros are left out, and the number of maps is told once, by the kernel.
out_has "trouble    none since the process began"
grep -q '^  .* 0$' "$scratch/out" && { cat "$scratch/out" >&2; fail "a number that is 0 is shown"; }
[ "$(grep -c "placed beside their neighbours" "$scratch/out")" = 1 ] || fail "what is not 0 is left out"
[ "$(grep -c ' maps of ' "$scratch/out")" = 1 ] || fail "the maps are not counted once"
out_has "maps       $(kernel_maps "$held") maps of "
grep -q 'it counts\|at most\|scan of /proc' "$scratch/out" && fail "another count than the kernel's is told"
[ "$(field_of_text version)" = "$("$MAPHERD" --version | sed 's/mapherd \([^ ]*\).*/\1/')" ] || fail "another version"
# Its numbers may be read only by those who may trace it; the rest by all who may read its maps.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$scratch"
	cp "$MAPHERD" "$scratch/mapherd"
	expect 1 setpriv --reuid=65534 --regid=65534 --clear-groups "$scratch/mapherd" stat "$held"
	err_has "may not be read"
else
	say "not shown here: what may not be read (needs root and setpriv)"
fi
release

# The options that the process was started with, and what MAPHERD_MODE=limit leaves of the library.
hold env MAPHERD_MODE=limit MAPHERD_OPTIONS=coalesce=join LD_PRELOAD="$MAPHERD_LIB" "$holder" "$scratch/file" free 0:1:ws
expect 0 "$MAPHERD" stat "$held"
out_has "library    herding, for the limit only"
grep -q "^options  .* MAPHERD_MODE=limit" "$scratch/out" || fail "no MAPHERD_MODE among the options"
grep -q "^options  .* MAPHERD_OPTIONS=coalesce=join" "$scratch/out" || fail "no MAPHERD_OPTIONS among them"
expect 0 "$MAPHERD" stat --json "$held"
python3 - "$scratch/out" <<'END' || fail "stat --json has other options"
import json, sys
options = json.load(open(sys.argv[1]))["library"]["options"]
assert "MAPHERD_MODE=limit" in options and "MAPHERD_OPTIONS=coalesce=join" in options, options
assert all(o.startswith("MAPHERD_") for o in options), options
END
release

# The library's file is gone or another since: the block is found all the same.
cp "$MAPHERD_LIB" "$scratch/libmapherd.so"
hold env LD_PRELOAD="$scratch/libmapherd.so" "$holder" "$scratch/file" free 0:1:ws
rm "$scratch/libmapherd.so"
: >"$scratch/libmapherd.so"
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field library state)" = herding ] || fail "a deleted library's numbers are not read"
release

# The count is the kernel's. Where the library's own is far from it, because maps were made by functions
# that were found by handle, that is said.
cat >"$scratch/unseen.py" <<'END'
import ctypes, sys
libc = ctypes.CDLL("libc.so.6", use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
n = int(sys.argv[1])
at = libc.mmap(None, 4096 * n, 3, 0x4022, -1, 0)
for i in range(0, n, 2):
    assert libc.mprotect(at + 4096 * i, 4096, 1) == 0
print("ready", flush=True)
sys.stdin.read()
END
mkdir "$scratch/metrics" # where there are metrics, the library scans the list at start
hold "$MAPHERD" run --sites=off --metrics="$scratch/metrics" python3 "$scratch/unseen.py" $((limit / 20))
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field maps)" = "$(kernel_maps "$held")" ] || fail "another count than the kernel's"
counted=$(field library bound)
[ "$counted" -lt $((limit / 50)) ] || fail "the library has seen the maps: the test is empty"
[ "$(field library pressure)" = calm ] || fail "the library's pressure is no word"
expect 0 "$MAPHERD" stat "$held"
out_has "it counts  $counted maps, pressure calm, until it scans the list of maps again"
release

# Observing, and left out.
hold "$MAPHERD" run --mode=observe "$holder" "$scratch/file" free 0:1:ws
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field library state)" = observing ] || fail "observe is not told"
release
hold "$MAPHERD" run --skip=holder "$holder" "$scratch/file" free 0:1:ws
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field library state)" = passive ] || fail "passive is not told"
expect 0 "$MAPHERD" stat "$held"
out_has "MAPHERD_SKIP"
release

# A file of that name that is something else.
head -c 8192 /dev/urandom >"$scratch/libmapherd.so"
hold "$holder" "$scratch/libmapherd.so" free 0:1:rs
expect 0 "$MAPHERD" stat "$held"
out_has "is not a mapherd library"
release
{ head -c 4096 "$MAPHERD_LIB"; head -c 65536 /dev/zero | tr '\0' '\377'; } >"$scratch/libmapherd.so"
hold "$holder" "$scratch/libmapherd.so" free 0:16:rs
expect 0 "$MAPHERD" stat "$held"
out_has "its numbers are not known"
release

misuse "no process is named" stat
misuse "one process at a time" stat 1 2
misuse "'x1' is not a process id" stat x1
misuse "'0' is not a process id" stat 0
misuse "'-1'" stat -1
misuse "'99999999999' is not a process id" stat 99999999999
misuse "--json takes no value" stat --json=yes 1
expect 1 "$MAPHERD" stat 2147483647
silent out
err_has "there is no process 2147483647"
# A process that has ended and was not waited for has no maps.
python3 -c '
import os, subprocess, sys
child = os.fork()
if child == 0:
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
sys.exit(subprocess.call([sys.argv[1], "stat", str(child)]))' "$MAPHERD" 2>"$scratch/err" && fail "a zombie has numbers"
err_has "has no maps"
