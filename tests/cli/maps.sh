#!/bin/sh
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
		assert said["maps"] == said["anonymous"] + sum(f["maps"] for f in said["files"]), "sum"
		assert said["in_order"] == said["anonymous"] + sum(f["in_order"] for f in said["files"]), "sum"
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
out_has "are *.dvd (deleted), in 3 files"
out_has "Different files never share a map"
out_has "part1.dvd (deleted)"
grep -q "$(printf '\033')" "$scratch/out" && fail "a file's name commands the terminal"
out_has 'strange?[31m\012'
expect 0 "$MAPHERD" maps --json --top 2 "$held"
python3 - "$scratch/out" <<'END' || fail "the JSON of deleted files is wrong"
import json, sys
said = json.load(open(sys.argv[1], encoding="utf-8"))
assert len(said["files"]) == 2 < said["file_count"]
assert said["deleted"] >= 9, said["deleted"]
kinds = {k["name"]: k for k in said["kinds"]}
assert kinds["*.dvd (deleted)"]["maps"] == 9 and kinds["*.dvd (deleted)"]["files"] == 3
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
out_has "Order could save no map"
release

misuse "no process is named" maps
misuse "--top 'x'" maps --top x 1
misuse "--top '-1'" maps --top=-1 1
misuse "--top needs a value" maps 1 --top
expect 1 "$MAPHERD" maps 2147483647
err_has "there is no process"
