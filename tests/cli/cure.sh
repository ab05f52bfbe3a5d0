#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# maps foretells what mapherd makes of a program's maps: the number is compared with what the same program
# has when it is preloaded, for programs of each kind. What it does not cure, it does not promise to.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, whose programs are looked at"
limit=$(cat /proc/sys/vm/max_map_count)

cat >"$scratch/program.py" <<'END'
import ctypes, mmap, os, sys, threading
folder, kind, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
held = []

def parts(name, chunks, flags=mmap.MAP_SHARED):
    with open("%s/%s" % (folder, name), "w+b") as f:
        f.truncate(max(offset + pages for offset, pages in chunks) * PAGE)
        for offset, pages in chunks:
            held.append(mmap.mmap(f.fileno(), pages * PAGE, flags, offset=offset * PAGE))

def guarded():
    for _ in range(n):
        held.append(mmap.mmap(-1, 16 * PAGE, mmap.MAP_PRIVATE))
        at = ctypes.addressof(ctypes.c_char.from_buffer(held[-1]))
        assert libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(PAGE), 0) == 0

def threads():
    threading.stack_size(32 * PAGE)
    for _ in range(n):
        threading.Thread(target=threading.Event().wait, daemon=True).start()

def files():  # mmap of Python keeps a descriptor for each
    for i in range(n // 50):
        with open("%s/%d.whole" % (folder, i), "w+b") as f:
            f.truncate(PAGE)
            for _ in range(50):
                at = libc.mmap(None, ctypes.c_size_t(PAGE), mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED,
                               f.fileno(), ctypes.c_long(0))
                assert at != ctypes.c_void_p(-1).value, os.strerror(ctypes.get_errno())

if kind == "ascending":  # a file, in chunks
    parts("a", [(i, 1) for i in range(n)])
elif kind == "private":
    parts("a", [(i, 1) for i in range(n)], mmap.MAP_PRIVATE)
elif kind == "many":     # files, in twenty chunks each
    for i in range(n // 20):
        parts("%d" % i, [(c, 1) for c in range(20)])
elif kind == "opens":    # through an open each
    with open(folder + "/a", "w+b") as f:
        f.truncate(n * PAGE)
    for i in range(n):
        with open(folder + "/a", "r+b") as f:
            held.append(mmap.mmap(f.fileno(), PAGE, offset=i * PAGE))
elif kind == "memfd":    # as the heap of a JVM is: nothing is promised
    fd = os.memfd_create("java_heap")
    os.ftruncate(fd, n * PAGE)
    held = [mmap.mmap(fd, PAGE, offset=i * PAGE) for i in range(n)]
elif kind == "pairs":    # too few chunks of each file: they stay where they are
    for i in range(n // 2):
        parts("%d" % i, [(c, 1) for c in range(2)])
elif kind == "gaps":     # every second page
    parts("a", [(2 * i, 1) for i in range(n)])
elif kind == "mixed":    # two pages, a gap, two pages
    parts("a", [(3 * (i // 2) + i % 2, 1) for i in range(n)])
elif kind == "wide":     # gaps that are too wide to be filled
    parts("a", [(5000 * i, 1) for i in range(n)])
elif kind == "shared":
    held = [mmap.mmap(-1, PAGE) for _ in range(n)]
else:
    {"guarded": guarded, "threads": threads, "files": files}[kind]()
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
END

# program KIND N COMMAND...: runs under COMMAND, in an empty folder, and is held.
program() {
	what=$1 n=$2
	shift 2
	rm -rf "$scratch/files"
	mkdir "$scratch/files"
	hold "$@" python3 "$scratch/program.py" "$scratch/files" "$what" "$n"
}
preloaded_program() { program "$1" "$2" "$MAPHERD" run --coalesce=fill --guards=on; }

# foretells KIND N MECHANISM LEAST WORDS: alone it is told that the mechanism makes at least so many maps fewer, and
# how many are left; preloaded there are as many, but for the library's own and some that Python maps.
foretells() {
	program "$1" "$2" env
	expect 0 "$MAPHERD" maps --json "$held"
	left=$(field cure left) by=$(field cure "$3") alone=$(kernel_maps "$held")
	[ "$alone" -ge "$2" ] || fail "$1: alone there are only $alone maps: it shows nothing"
	[ "$by" -ge "$4" ] || fail "$1: $3 makes $by maps fewer, not $4: $(cat "$scratch/out")"
	expect 0 "$MAPHERD" maps "$held"
	out_has "$5"
	[ "$5" = "$no_cure" ] || out_has "They are less than half of the limit, so nothing need be done"
	release
	preloaded_program "$1" "$2"
	grep -q libmapherd.so "/proc/$held/maps" || fail "$1: the library is not in the program"
	real=$(kernel_maps "$held")
	release
	# Stacks of threads may be one VMA with what happens to lie beside them.
	fewer=3
	[ "$1" != threads ] || fewer=$(($2 / 10))
	[ "$real" -ge $((left - fewer)) ] && [ "$real" -le $((left + 20)) ] ||
		fail "$1: of $alone maps $left are foretold to be left, and $real are"
	told="$told; $1: $alone, $left foretold, $real"
}
told=

cures="mapherd would cure this: about "
no_cure="mapherd would not make these maps notably fewer"
foretells ascending 2000 placing 1990 "$cures"
foretells private 2000 placing 1990 "$cures"
foretells many 2000 placing 1700 "$cures"
foretells opens 2000 placing 1990 "$cures"
foretells pairs 2000 placing 0 "mapherd would keep this below the limit"
foretells wide 2000 filling 0 "$no_cure"
foretells shared 2000 placing 0 "$no_cure"
if [ "$(uname -m)" = x86_64 ] && kernel_since 6.13; then
	foretells threads 400 guarding 350 "mapherd would help: about "
else
	foretells threads 400 guarding 0 "$no_cure"
fi
if kernel_since 6.16; then
	foretells gaps 2000 filling 1990 "$cures"
	foretells mixed 2000 filling 990 "$cures"
else
	foretells gaps 2000 filling 0 "$no_cure"
	say "not shown here: what filling makes of gaps (Linux 6.16)"
fi
if kernel_since 6.13; then
	foretells guarded 2000 guarding 3900 "$cures"
else
	foretells guarded 2000 guarding 0 "$no_cure"
	say "not shown here: what guards save (Linux 6.13)"
fi

# What is only believed is not promised.
program memfd 2000 env
expect 0 "$MAPHERD" maps --json "$held"
[ "$(field cure left)" = "$(kernel_maps "$held")" ] || fail "memfd: $(field cure left) are foretold"
release
printf '%s\n' '#include <stdio.h>' 'int main(void) { puts("ready"); fflush(stdout); return getchar() == 0; }' >"$scratch/static.c"
if ${CC:-cc} -static -o "$scratch/static" "$scratch/static.c" 2>/dev/null; then
	hold "$scratch/static"
	expect 0 "$MAPHERD" maps "$held"
	out_has "mapherd cannot be preloaded into this program: it is linked statically."
	expect 0 "$MAPHERD" maps --json "$held"
	[ "$(field cure reachable)" = false ] || fail "a static program can be reached"
	release
else
	say "not shown here: a program that is linked statically (no compiler for it)"
fi

# Of what the library has herded already, nothing is promised once more.
for what in ascending gaps guarded; do
	preloaded_program $what 2000
	expect 0 "$MAPHERD" maps "$held"
	out_has "mapherd is in this process, and can make these maps no fewer"
	release
done

# Many files: the count stays at the border that is told, although the program maps more.
if kernel_since 6.11 && [ "$limit" -le 100000 ]; then
	n=$((limit / 500 * 9 * 50))
	program files "$n" env
	expect 0 "$MAPHERD" maps --json "$held"
	[ "$(field cure cooling)" -ge "$n" ] || fail "files: $(field cure cooling) may be cold, not $n"
	border=$(field cure border)
	expect 0 "$MAPHERD" maps "$held"
	out_has "mapherd would keep this below the limit"
	out_has " are of *.whole under $scratch/files, in "
	release
	program files "$n" "$MAPHERD" run --cold=auto
	real=$(kernel_maps "$held")
	release
	[ "$real" -le $((border + limit / 50)) ] || fail "files: $real maps, and $border were foretold"
	told="$told; files: $n, $border foretold, $real"
else
	say "not shown here: what cold mappings keep below the limit"
fi
say "${told#; }"
