#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# maps: the kernel's count by file, and what order would save, against cases worked out by hand.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
holder=$TESTS_BIN/tests/cli/holder
command -v python3 >/dev/null || skip "no python3, which reads the JSON"

# in_order WANTED PART...: the parts are so many maps, and would be WANTED in order.
truncate -s 4M "$scratch/file"
in_order() {
	wanted=$1
	shift
	hold "$holder" "$scratch/file" apart "$@"
	expect 0 "$MAPHERD" maps --json "$held"
	[ "$(field maps)" = "$(kernel_maps "$held")" ] || fail "another count than the kernel's"
	python3 - "$scratch/out" "$scratch/file" "$#" "$wanted" <<-'END' || fail "in order, $* are not $wanted"
		import json, sys
		out, path, maps, in_order = sys.argv[1:]
		said = json.load(open(out))
		mine = [f for f in said["files"] if f["path"] == path]
		assert len(mine) == 1 and mine[0]["maps"] == int(maps), mine
		assert mine[0]["in_order"] == int(in_order), mine
		memory = sum(said[m] for m in ("anonymous", "shared_anonymous", "system_v", "huge_pages", "cold_maps"))
		assert said["maps"] == memory + sum(f["maps"] for f in said["files"]), "sum"
		assert said["in_order"] == memory + sum(f["in_order"] for f in said["files"]), "sum"
	END
	release
}
in_order 1 0:1:rs
in_order 1 0:1:rs 1:1:rs 2:1:rs
in_order 1 2:1:rs 1:1:rs 0:1:rs
in_order 2 0:1:rs 2:1:rs               # a gap
in_order 2 0:1:rs 0:1:rs               # twice the same
in_order 2 0:2:rs 1:2:rs               # overlapping
in_order 2 0:1:rs 1:1:rs 0:1:rs 1:1:rs # two layers
in_order 2 0:1:rs 1:1:ws               # another protection
in_order 2 0:1:rs 1:1:rp               # shared beside private
in_order 2 0:1:rs 1:1:ws 2:1:ws        # two of three
in_order 4 0:2:rs 2:1:rs 2:2:rs 4:1:rs 4:2:rs 4:3:rs # a tree: of two that continue one, one joins

# The text, for a file that lies in order and one whose parts do not; deleted files; --top.
for n in 1 2 3; do truncate -s 64K "$scratch/part$n.dvd"; done
cat >"$scratch/many.py" <<'END'
import mmap, os, sys
held = []
for n in "123":
    path = sys.argv[1] + "/part" + n + ".dvd"
    with open(path, "r+b") as f:
        for offset in (8, 4, 0):
            held.append(mmap.mmap(f.fileno(), 4096, offset=offset * 4096))
    os.unlink(path)
strange = sys.argv[1] + "/strange\033[31m\n\"\\\xff".encode("latin-1").decode("utf-8", "surrogateescape")
with open(strange, "w+b") as f:
    f.truncate(4096)
    held.append(mmap.mmap(f.fileno(), 4096))
print("ready", flush=True)
sys.stdin.read()
END
hold python3 "$scratch/many.py" "$scratch"
expect 0 "$MAPHERD" maps --top 1000 "$held"
out_has "$(kernel_maps "$held" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta') maps of"
grep -Eq "^9 of [0-9]+ are of \*\.dvd \(deleted\) under $(cd "$scratch" && pwd -P), in 3 files\$" "$scratch/out" ||
	fail "maps does not say that nine are of *.dvd: $(cat "$scratch/out")"
out_has "Different files never share a map"
out_has "part1.dvd (deleted)"
grep -q "$(printf '\033')" "$scratch/out" && fail "a file's name commands the terminal"
out_has 'strange?[31m\012'
expect 0 "$MAPHERD" maps --json --top 2 "$held"
python3 - "$scratch/out" <<'END' || fail "the JSON of deleted files is wrong"
import json, sys
said = json.load(open(sys.argv[1], encoding="utf-8"))
assert len(said["files"]) == 2 < said["file_count"]
assert said["deleted_maps"] >= 9, said["deleted_maps"]
kinds = {k["name"]: k for k in said["kinds"]}
held = [h for h in said["holders"] if h["name"].startswith("*.dvd (deleted) under /")]
assert len(held) == 1 and held[0]["maps"] == 9 and held[0]["file_count"] == 3, said["holders"]
assert kinds["*.dvd (deleted)"]["maps"] == 9 and kinds["*.dvd (deleted)"]["file_count"] == 3
END
expect 0 "$MAPHERD" maps --json --top 100000 "$held"
python3 - "$scratch/out" <<'END' || fail "a strange name is not right in JSON"
import json, sys
names = [f["path"] for f in json.load(open(sys.argv[1], encoding="utf-8"))["files"]]
assert any("strange\033[31m\\012\"\\\ufffd" in n for n in names), names
END
expect 0 "$MAPHERD" maps --top 0 "$held"
out_has "more file"
release

# A program as it is: nothing of it can be saved, its parts have their place.
hold "$holder" "$scratch/file" free
expect 0 "$MAPHERD" maps "$held"
out_has "mapherd would not make these maps notably fewer"
release

# Memory of each sort, as the kernel shows it, and what it is called.
cat >"$scratch/sorts.py" <<'END'
import ctypes, mmap, os, sys, threading
sorts, held = sys.argv[1:], []
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
for sort in sorts:
    if sort == "shared":
        held += [mmap.mmap(-1, 4096) for _ in range(400)]
    elif sort == "memfd":
        for i in range(400):
            fd = os.memfd_create("heap")
            os.ftruncate(fd, 4096)
            held.append(mmap.mmap(fd, 4096))
            os.close(fd)
    elif sort == "sysv":
        shm = libc.shmget(0, ctypes.c_size_t(4096), 0o600)
        assert shm >= 0
        for i in range(400):
            assert libc.shmat(shm, None, 0) != ctypes.c_void_p(-1).value
        libc.shmctl(shm, 0, None)
    elif sort == "threads":
        threading.stack_size(131072)
        for _ in range(400):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
    elif sort == "fibers":
        for _ in range(400):
            held.append(mmap.mmap(-1, 16 * 4096, mmap.MAP_PRIVATE))
            at = ctypes.addressof(ctypes.c_char.from_buffer(held[-1]))
            assert libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(4096), 0) == 0
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
END
of_sort() { # of_sort SORT LEAST WORDS: most maps are of it
	hold python3 "$scratch/sorts.py" "$1"
	expect 0 "$MAPHERD" maps --json "$held"
	[ "$(field holders 0 name)" = "$3" ] || fail "$1: most maps are of '$(field holders 0 name)'"
	[ "$(field holders 0 maps)" -ge "$2" ] || fail "$1: only $(field holders 0 maps) of them"
	expect 0 "$MAPHERD" maps "$held"
	grep -Eq "^([0-9],)?[0-9]{3} of ([0-9],)?[0-9]{3,4} are of $3(, in 400 files)?\$" "$scratch/out" ||
		fail "$1: maps does not say '$3': $(cat "$scratch/out")"
	expect 0 "$MAPHERD" ps --json
	python3 - "$scratch/out" "$held" "$3" <<-END || fail "ps names another holder of $1"
		import json, sys
		most = {p["pid"]: p["holder"]["name"] for p in json.load(open(sys.argv[1]))["processes"]}
		assert most[int(sys.argv[2])] == sys.argv[3], most[int(sys.argv[2])]
	END
	release
}
of_sort shared 400 "shared anonymous memory"
of_sort memfd 400 "memfd:heap"
of_sort sysv 400 "System V shared memory"
of_sort threads 800 "stacks of threads, with their guard pages"
of_sort fibers 800 "memory with guard pages, such as stacks of fibers"

misuse "no process is named" maps
misuse "--top 'x'" maps --top x 1
misuse "--top '-1'" maps --top=-1 1
misuse "--top needs a value" maps 1 --top
expect 1 "$MAPHERD" maps 2147483647
err_has "there is no process"
