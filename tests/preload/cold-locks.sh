#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A lock on a file holds while its mapping becomes cold and warm: another process looks. SQLite's, and Java's.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
kernel_since 6.11 || skip "$(uname -r): what lies at an address can be asked for since Linux 6.11"
export MAPHERD_COLD=on MAPHERD_COLD_WARM=2

# SQLite with a mapped database. The other processes are without the library.
LD_PRELOAD="$MAPHERD_LIB" python3 - "$scratch" <<'PYTHON' || fail "SQLite: $(cat "$scratch/err" 2>/dev/null)"
import mmap, os, sqlite3, subprocess, sys, time

folder = sys.argv[1]
database = folder + "/database"
assert "libmapherd.so" in open("/proc/self/maps").read()
OTHER = """
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")
    print("free")
except sqlite3.OperationalError as e:
    print(e)
"""

def other():
    alone = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    return subprocess.run([sys.executable, "-c", OTHER, database], env=alone, capture_output=True, text=True,
                          check=True).stdout.strip()

def is_mapped():
    return any(line.rstrip().endswith(database) for line in open("/proc/self/maps"))

def chill():
    for n in range(10000):
        if not is_mapped():
            return
        time.sleep(0.001) # the library tries at most every 64 ms once it has tried in vain
        if n < 200:
            with open(f"{folder}/other.{len(maps)}", "w+b") as f:
                f.truncate(8192)
                maps.append(mmap.mmap(f.fileno(), 8192))
        for m in maps:
            m[0] = n % 100
    raise SystemExit("the database's mapping is not cold")

maps = []
# A mapping that mremap has made larger is never cold, so the database has its size before it is mapped.
c = sqlite3.connect(database, isolation_level=None)
c.execute("CREATE TABLE t (n INTEGER, text TEXT)")
c.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 1000) for n in range(500)])
c.close()
c = sqlite3.connect(database, isolation_level=None)
assert c.execute("PRAGMA mmap_size = 268435456").fetchone(), "no mmap in this SQLite"
assert c.execute("SELECT sum(n) FROM t").fetchone() == (124750,)
assert is_mapped(), "SQLite has not mapped the database"
assert other() == "free", other()
c.execute("BEGIN IMMEDIATE")
assert other() == "database is locked", other()
for _ in range(5):
    chill()
    assert other() == "database is locked", "cold: " + other()
    assert c.execute("SELECT sum(n), sum(length(text)) FROM t").fetchone() == (124750, 500000)
    c.execute("UPDATE t SET text = text WHERE n = 7")
    assert other() == "database is locked", "warm: " + other()
chill()
c.execute("COMMIT")
assert other() == "free", other()
assert c.execute("PRAGMA integrity_check").fetchone() == ("ok",)
PYTHON
say "SQLite: the lock holds while the mapping of the database is cold"

# held FILE: another process cannot have the lock.
held() { ! python3 -c 'import fcntl, sys; fcntl.lockf(open(sys.argv[1], "r+b"), fcntl.LOCK_EX | fcntl.LOCK_NB)' "$1" 2>/dev/null; }
jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || say "not run: no JDK with a compiler"
while read -r jdk; do
	rm -rf "$scratch/java" "$scratch/to" "$scratch/from"
	mkdir "$scratch/java"
	mkfifo "$scratch/to" "$scratch/from"
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/ColdLock.java"
	LD_PRELOAD="$MAPHERD_LIB" "$jdk/bin/java" -cp "$scratch" ColdLock "$scratch/java" \
		<"$scratch/to" >"$scratch/from" 2>"$scratch/err" &
	process=$!
	exec 3>"$scratch/to" 4<"$scratch/from"
	for wanted in cold warm "cold again" released; do
		read -r state <&4 || fail "$jdk: it ends before it is $wanted: $(head -3 "$scratch/err")"
		[ "$state" = "$wanted" ] || fail "$jdk: $state, and not $wanted"
		if [ "$wanted" = released ]; then
			! held "$scratch/java/locked" || fail "$jdk: the lock is held after its release"
		else
			held "$scratch/java/locked" || fail "$jdk: the lock does not hold: $wanted"
		fi
		echo >&3
	done
	exec 3>&- 4<&-
	wait "$process" || fail "$jdk: $(head -3 "$scratch/err")"
	say "$jdk: a FileLock holds while the mapping of its file is cold"
done <"$scratch/jdks"
