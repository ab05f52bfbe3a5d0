#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# leaks: four workers that each leak are summed and named, by their ids, by their parent and by their
# cgroup; they are told to record together; what belongs to them without the library is named too.
# shellcheck disable=SC2154 # held, scratch: lib.sh and cli.sh
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, which reads the JSON"
command -v "${CC%% *}" >/dev/null || skip "no C compiler"
mkdir "$scratch/records" "$scratch/work"
export MAPHERD_DIR="$scratch/records"
${CC} -g -O1 -fno-omit-frame-pointer -o "$scratch/leaky" "$TESTS_SRC/cli/leaky.c" 2>"$scratch/err" ||
	fail "the program does not build: $(cat "$scratch/err")"
mkfifo "$scratch/worked"

# A parent without the library, with four workers that have it. It says "ready" when they are.
cat >"$scratch/parent.sh" <<'END2'
leaks=$1
exec 4<&0
for n in 1 2 3 4; do
	mkdir -p "$scratch/work/$n"
	env LD_PRELOAD="$library" MAPHERD_LEAKS="$leaks" "$scratch/leaky" "$scratch/work/$n" <&4 >"$scratch/worked" &
	echo $! >>"$scratch/workers"
	read -r word <"$scratch/worked"
	[ "$word" = ready ] || exit 2
done
echo ready
wait
END2
hold_workers() {
	rm -f "$scratch/workers" "$scratch/records"/*
	rm -rf "$scratch/work"/*
	hold env scratch="$scratch" library="$MAPHERD_LIB" sh "$scratch/parent.sh" "$1"
	workers=$(cat "$scratch/workers")
	# shellcheck disable=SC2086 # four words
	set -- $workers
	first=$1
	second=$2
}

cat >"$scratch/check.py" <<'END2'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
workers = [int(pid) for pid in sys.argv[2:]]
records = [l for l in lines if l["type"] == "record"]
groups = [l for l in lines if l["type"] == "group"]
assert sorted(r["pid"] for r in records) == sorted(workers), records
n = len(workers)
total = next(l for l in lines if l["type"] == "sum")
assert total["process_count"] == n and total["mappings"] == sum(g["mappings"] for g in groups), total
assert total["mappings"] == sum(r["mappings"] for r in records), (total, records)
for group, name, each in zip(groups, ("leak_file", "leak_memory", "leak_ends"), (300, 200, 100)):
    assert group["stack"][0]["name"] == name and group["mappings"] == n * each, group
    assert group["survivors"] == group["made"] == n * each, group
    assert sorted((p["pid"], p["mappings"]) for p in group["processes"]) == sorted((w, each) for w in workers), group
    # The kernel's own lists.
    if name == "leak_file":
        kernel = sum(open("/proc/%d/maps" % w).read().count("segment.dvd (deleted)") for w in workers)
        assert group["maps"] == kernel == n * each, (group["maps"], kernel)
        assert group["file_count"] == n and group["deleted_mappings"] == n * each, group
END2
check() { python3 "$scratch/check.py" "$scratch/out" "$@" || fail "the sum is not right: $(head -c 3000 "$scratch/out")"; }

hold_workers on
# shellcheck disable=SC2086
expect 0 "$MAPHERD" leaks --json $workers
silent err
grep -q "built without elfutils" "$scratch/out" && skip "built without elfutils"
# shellcheck disable=SC2086
check $workers
# One that is named twice counts once: by its id and by its record.
expect 0 "$MAPHERD" leaks --json "$first" "$scratch"/records/*leaky-"$first"-*.record "$second"
check "$first" "$second"
expect 0 "$MAPHERD" leaks --children "$held" --json
# shellcheck disable=SC2086
check $workers
err_has "the library is not in 1 of the 5 processes: $held (sh)"
expect 0 "$MAPHERD" leaks --children "$held" --top 1
out_has "4 processes together"
out_has "1,200 mappings"
out_has "in 4 of 4 processes: 300 of leaky["
for worker in $workers; do
	out_has "300 of leaky[$worker]"
done
expect 0 "$MAPHERD" leaks --folded --children "$held"
grep -qx '.*main;work;leak_file 1200' "$scratch/out" || fail "no folded stack of all four"
expect 0 "$MAPHERD" leaks --by deleted --children "$held"
out_has "1,200 mappings"

# A cgroup has processes, and cgroups in it; 0 stands for one of another PID namespace.
mkdir -p "$scratch/slice/service"
printf '%s\n' "$held" "$first" >"$scratch/slice/cgroup.procs"
{
	echo "$workers" | tail -n 3
	echo 0
} >"$scratch/slice/service/cgroup.procs"
expect 0 "$MAPHERD" leaks --json --cgroup "$scratch/slice"
# shellcheck disable=SC2086
check $workers
err_has "the library is not in 1 of the 5 processes: $held (sh)"
err_has "1 process of the cgroup cannot be seen"
expect 0 "$MAPHERD" leaks --json --cgroup "$scratch/slice/service"
# shellcheck disable=SC2046
check $(echo "$workers" | tail -n 3)

# What is missing is said, and the rest is shown.
expect 1 "$MAPHERD" leaks "$first" 2147483647
err_has "there is no process 2147483647"
out_has "leaky[$first]"
expect 1 "$MAPHERD" leaks --children 2147483647
err_has "--children '2147483647': there is no process of that id"
expect 1 "$MAPHERD" leaks --children x
err_has "--children 'x': there is no process of that id"
expect 1 "$MAPHERD" leaks --cgroup "$scratch/work"
err_has "--cgroup '$scratch/work': there is no cgroup of that path"
misuse "it takes no --children or --cgroup" leaks --list --children 1
release

# ---- one at work and one that is idle ----

cat >"$scratch/busy.py" <<'END2'
import mmap, os, sys, threading
def work():
    while True:
        mmap.mmap(-1, 4096).close()
threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
os._exit(0)
END2
hold env LD_PRELOAD="$MAPHERD_LIB" python3 "$scratch/busy.py"
# Its record begins with its 64th call.
tries=3000
until "$MAPHERD" leaks "$held" 2>&1 | grep -q "no mapping of .* is recorded"; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || fail "it has no record after five minutes"
	sleep 0.1
done
# On a busy machine it may make no call for a second: then it is told again.
tries=100
while :; do
	expect 0 "$MAPHERD" leaks --start "$held"
	grep -q "python3\[$held\]: its mappings are recorded from now on" "$scratch/out" && break
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || fail "it does not begin: $(cat "$scratch/out")"
	"$MAPHERD" leaks --stop "$held" >/dev/null
done
expect 0 "$MAPHERD" leaks "$held"
release

# ---- told together ----

hold_workers off
expect 1 "$MAPHERD" leaks --children "$held"
for worker in $workers; do
	err_has "'mapherd leaks --start $worker' begins"
done
# The workers wait for their standard input: none makes a call.
expect 0 "$MAPHERD" leaks --start --children "$held"
for worker in $workers; do
	out_has "leaky[$worker] is told to record its mappings; it does so with its next call that maps or unmaps"
done
out_has "so it may be idle"
# One line is for one of them: which one it is, the kernel chooses.
echo more >&3
tries=3000
until found=$(find "$scratch/work" -name late.1) && [ -n "$found" ]; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || fail "no worker has gone on after five minutes"
	sleep 0.1
done
worker=$(echo "$workers" | sed -n "$(basename "$(dirname "$found")")p")
expect 0 "$MAPHERD" leaks --start "$worker"
out_has "leaky[$worker]: its mappings are recorded already"
expect 0 "$MAPHERD" leaks --stop --children "$held"
# It may still close the file that it has made.
grep -qE "^leaky\[$worker\](: its mappings are no longer recorded| is told to stop recording)" "$scratch/out" ||
	fail "it is not told to stop: $(cat "$scratch/out")"
release
