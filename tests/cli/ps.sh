#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# ps: the kernel's numbers, the nearest to the limit first, and who could not be read.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, which reads the JSON"
. "$TESTS_SRC/cli/many.sh"

many 10 "$holder"
ten=$many
many 50 "$MAPHERD" run "$holder"
fifty=$many
many 90 "$holder"
ninety=$many
# A leak as it is found in the wild: many deleted files of one kind.
cat >"$scratch/leak.py" <<'END'
import mmap, os, sys
kept = []
for i in range(200):
    path = "%s/%d%s" % (sys.argv[1], i, sys.argv[2])
    with open(path, "w+b") as f:
        f.truncate(4096)
        kept.append(mmap.mmap(f.fileno(), 4096))
    if sys.argv[2]:
        os.unlink(path)
print("ready", flush=True)
sys.stdin.read()
END
hold python3 "$scratch/leak.py" "$scratch" ""
expect 0 "$MAPHERD" ps
grep -Eq " files under $(cd "$scratch" && pwd -P) \(200\)$" "$scratch/out" || fail "200 files without a suffix are not told"
release
hold python3 "$scratch/leak.py" "$scratch" .dvd
# With pyenv and its like the interpreter is a child of what was started.
leak=$(python3 - "$scratch" <<'END'
import glob, sys
for path in glob.glob("/proc/[0-9]*/maps"):
    try:
        if sum(sys.argv[1] in line and ".dvd (deleted)" in line for line in open(path)) == 200:
            print(path.split("/")[2])
            break
    except OSError:
        pass
END
)
[ "$leak" ] || fail "no process holds the files of the leak"

expect 0 "$MAPHERD" ps --json
python3 - "$scratch/out" "$limit" "$ten" "$fifty" "$ninety" "$leak" "$(cd "$scratch" && pwd -P)" <<'END' || fail "the list is not the truth"
import json, os, sys
told = json.load(open(sys.argv[1]))
limit, (ten, fifty, ninety, leak), folder = int(sys.argv[2]), map(int, sys.argv[3:7]), sys.argv[7]
rows = told["processes"]
at = {row["pid"]: row for row in rows}
def kernel(pid):
    return sum("[vsyscall]" not in line for line in open("/proc/%d/maps" % pid))
assert told["readable"] == len(rows) == len(at)
assert [r["maps"] for r in rows] == sorted((r["maps"] for r in rows), reverse=True), "order"
for pid, pressure, preloaded in ((ten, "calm", False), (fifty, "raised", True), (ninety, "high", False)):
    row = at[pid]
    assert row["maps"] == kernel(pid), (row, kernel(pid))
    assert row["limit"] == limit and row["percent"] == row["maps"] * 100 // limit, row
    assert row["pressure"] == pressure and row["preloaded"] is preloaded, row
    assert row["reached"] == ("no" if not preloaded else "sites" if os.uname().machine == "x86_64" else "symbols"), row
    assert row["name"] == "holder" and row["user"], row
    assert row["holder"]["name"] == "anonymous memory" and row["holder"]["maps"] > row["maps"] - 60, row
assert at[ten]["maps_a_minute"] is None
assert at[leak]["holder"] == {"name": "*.dvd (deleted) under " + folder, "maps": 200, "file_count": 200}, at[leak]
END

# The same as text; -n cuts it, and says so.
expect 0 "$MAPHERD" ps
out_has "Each process may have $(printf %s "$limit" | sed ':a;s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta') maps"
# Where another process of the machine has cold mappings, there is a column for them.
grep -Eq "^ *$ninety [^ ]+ +holder +[0-9]{2,3},[0-9]{3} +90 % +- high +no +(- +)?anonymous memory \([0-9,]+\)$" "$scratch/out" ||
	fail "no row of the process at 90 %: $(grep "$ninety" "$scratch/out")"
grep -Eq "^ *$leak .*\*\.dvd \(deleted\) under .* \(200\)$" "$scratch/out" || fail "the leak is not named"
all=$(grep -c '%' "$scratch/out")
expect 0 "$MAPHERD" ps -n 2
[ "$(grep -c '%' "$scratch/out")" = 2 ] || fail "-n 2 shows others than two of $all"
out_has "more have fewer"
expect 0 "$MAPHERD" ps -n 0 --json
[ "$(field processes)" = "[]" ] || fail "-n 0 shows some"

# Another one is told when it is there, and not when it has gone.
end KILL "$ninety"
expect 0 "$MAPHERD" ps --json
grep -q "\"pid\":$ninety," "$scratch/out" && fail "a process that has gone is listed"
grep -q "\"pid\":$fifty," "$scratch/out" || fail "a process that is there is not listed"

# A user without rights sees its own, and is told of the others.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$scratch"
	cp "$MAPHERD" "$scratch/mapherd"
	expect 0 setpriv --reuid=65534 --regid=65534 --clear-groups "$scratch/mapherd" ps
	grep -Eq "^[0-9,]+ process(es)? could not be read" "$scratch/out" || fail "what cannot be read is not told"
	grep -q "^ *$fifty " "$scratch/out" && fail "a process that may not be read is listed"
	grep -q " mapherd " "$scratch/out" || fail "its own process is not listed"
else
	say "not shown here: what may not be read (needs root and setpriv)"
fi
release

misuse "'1' is one word too many" ps 1
misuse "-n 'x' is not a number" ps -n x
misuse "-n '-1' is not a number" ps -n -1
misuse "-n needs a value" ps -n
misuse "unknown option '-x'; known are --json, -n, --help" ps -x
misuse "unknown option '--n'" ps --n 1
