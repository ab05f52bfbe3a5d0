# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0

"""driven.py FIRST THEN [FILE]: makes FIRST maps of anonymous memory, says "ready", and makes THEN more when
it gets a line; then it stays until its standard input ends. With FILE it first stores to a mapping of
that and calls msync, too.
"""

import ctypes
import mmap
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def drive(n):
    """Every second page is read-only: each is a map of its own."""
    at = libc.mmap(None, 4096 * n, 3, 0x4022, -1, 0)
    for i in range(0, n, 2):
        assert libc.mprotect(at + 4096 * i, 4096, 1) == 0


drive(int(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for path in sys.argv[3:]:
    with open(path, "r+b") as file:
        with mmap.mmap(file.fileno(), 4096) as stored:
            stored[0] = 1
            stored.flush()
drive(int(sys.argv[2]))
sys.stdin.read()
