# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0

"""Holds SQLite's lock of a database, and stores to a map of the same file, behind its last page.

Each line on stdin is a step: store, sync (answers with errno, or 0), end.
"""
import mmap
import os
import sqlite3
import sys

path, pages = sys.argv[1], int(sys.argv[2])
db = sqlite3.connect(path, isolation_level=None)
db.execute("create table t (x)")
db.execute("insert into t values (42)")
end = os.stat(path).st_size
# Never closed before the end: that would drop SQLite's own locks.
file = open(path, "r+b", buffering=0)
os.ftruncate(file.fileno(), end + pages * 4096)
memory = mmap.mmap(file.fileno(), end + pages * 4096)
db.execute("begin exclusive")
print("ready", flush=True)
for step in sys.stdin:
    if step.strip() == "store":
        for page in range(pages):
            memory[end + page * 4096:end + page * 4096 + 8] = b"%08d" % page
        print(0, flush=True)
    elif step.strip() == "sync":
        try:
            memory.flush()
            print(0, flush=True)
        except OSError as error:
            print(error.errno, flush=True)
    else:
        db.execute("commit")
        right = all(memory[end + page * 4096:end + page * 4096 + 8] == b"%08d" % page for page in range(pages))
        print(db.execute("select x from t").fetchone()[0], right, flush=True)
