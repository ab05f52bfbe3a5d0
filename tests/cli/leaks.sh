#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# leaks: who has mapped what is still there, by the source of a program that knows; records switched on
# and off, listed and cleaned.
# shellcheck disable=SC2154 # held, scratch: lib.sh and cli.sh
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, which reads the JSON"
command -v "${CC%% *}" >/dev/null || skip "no C compiler"
source=$TESTS_SRC/cli/leaky.c
work=$scratch/work
mkdir "$work" "$scratch/records"
export MAPHERD_DIR="$scratch/records"

# hold_leaky PROGRAM VALUE: runs it under the library with MAPHERD_LEAKS=VALUE.
hold_leaky() { hold env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS="$2" "$1" "$work"; }
# late N: the Nth mapping of leak_late is made.
late() {
	echo more >&3
	await "$work/late.$1"
}
line_of() { grep -n "$1" "$source" | tail -n 1 | cut -d: -f1; }

misuse "no process is named" leaks
misuse "--by 'x' is none of" leaks --by x 1
misuse "--top 'x'" leaks --top x 1
misuse "--older '1y'" leaks --older 1y 1
misuse "--min-growth '-1'" leaks --min-growth=-1 1
misuse "ask for one" leaks --json --folded 1
misuse "--folded has stacks" leaks --folded --by file 1
misuse "one at a time" leaks --start --stop 1
expect 1 "$MAPHERD" leaks 2147483647
err_has "there is no process"
expect 1 "$MAPHERD" leaks 99999999999999999999
err_has "No such file"
expect 1 "$MAPHERD" leaks --start /dev/null
err_has "no regular file"
hold sh -c 'echo ready; read -r line || :'
expect 1 "$MAPHERD" leaks "$held"
err_has "the library is not in process $held"
release
hold env LD_PRELOAD="$MAPHERD_LIB" sh -c 'echo ready; read -r line || :'
expect 1 "$MAPHERD" leaks "$held"
err_has "keeps no record yet"
expect 1 "$MAPHERD" leaks --start "$held"
err_has "keeps no record yet"
release
hold env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_DIR=off sh -c 'echo ready; read -r line || :'
expect 1 "$MAPHERD" leaks "$held"
err_has "MAPHERD_DIR=off"
release
hold env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS=on MAPHERD_DIR="$scratch/none" sh -c 'echo ready; read -r line || :'
expect 1 "$MAPHERD" leaks "$held"
err_has "could not be made"
release

# ---- three leak, the others do not ----

${CC} -g -O1 -fno-omit-frame-pointer -o "$scratch/leaky" "$source" 2>"$scratch/err" || {
	cat "$scratch/err" >&2
	fail "the program does not build"
}
hold_leaky "$scratch/leaky" on
expect 0 "$MAPHERD" leaks --json "$held"
silent err
grep -q "built without elfutils" "$scratch/out" && skip "built without elfutils"
cat >"$scratch/check.py" <<'END2'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
head, groups = lines[0], [l for l in lines if l["type"] == "group"]
source = open(sys.argv[2]).read().split("\n")
pid = sys.argv[3]
def site(g): return g["stack"][0]["name"]
assert [site(g) for g in groups[:3]] == ["leak_file", "leak_memory", "leak_ends"], [site(g) for g in groups]
assert [g["mappings"] for g in groups[:3]] == [300, 200, 100], [g["mappings"] for g in groups]
assert [g["pieces"] for g in groups[:3]] == [300, 200, 200]
assert [g["bytes"] for g in groups[:3]] == [300 * 4096, 200 * 4 * 4096, 100 * 2 * 4096]
assert not [site(g) for g in groups if site(g).startswith("quiet")], "false leaks"
for g in groups[:3]:
    frame = g["stack"][0]
    assert frame["source"].endswith("leaky.c") and "good(mmap" in source[frame["line"] - 1], frame
    assert [f["name"] for f in g["stack"][1:3]] == ["work", "main"], g["stack"]
    assert g["deleted_mappings"] == (g["mappings"] if site(g) == "leak_file" else 0), g["deleted_mappings"]
assert groups[0]["files"][0]["path"].endswith("segment.dvd (deleted)")
# The kernel's own list.
maps = [l for l in open("/proc/%s/maps" % pid) if "[vsyscall]" not in l]
assert head["maps"] == len(maps), (head["maps"], len(maps))
assert groups[0]["maps"] == sum("segment.dvd (deleted)" in l for l in maps), groups[0]["maps"]
assert head["mappings"] == sum(g["mappings"] for g in groups)
END2
python3 "$scratch/check.py" "$scratch/out" "$source" "$held" || fail "the JSON is not right"
expect 0 "$MAPHERD" leaks --top 2 "$held"
out_has "$(kernel_maps "$held" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta') maps of"
out_has "300 of deleted files"
out_has "leak_file  leaky.c:$(line_of 'SHARED, file, (off_t)i')  (leaky)"
out_has "other group"
expect 0 "$MAPHERD" leaks --folded "$held"
grep -qx '.*main;work;leak_file 300' "$scratch/out" || fail "no folded stack of leak_file"
grep -qvE '^.+ [0-9]+$' "$scratch/out" && fail "a folded line is none"
expect 0 "$MAPHERD" leaks --by suffix "$held"
out_has "*.dvd (deleted)"
expect 0 "$MAPHERD" leaks --by file "$held"
out_has "segment.dvd (deleted)"
expect 0 "$MAPHERD" leaks --by deleted "$held"
out_has "deleted files"
expect 0 "$MAPHERD" leaks --by age "$held"
out_has "600 mappings"
expect 0 "$MAPHERD" leaks --older 7d "$held"
out_has "0 are there"
expect 0 "$MAPHERD" leaks --min-growth 200 --json "$held"
[ "$(grep -c '"type":"group"' "$scratch/out")" = 2 ] || fail "--min-growth 200 leaves not two"

# ---- listed, killed, cleaned ----

expect 0 "$MAPHERD" leaks --list
out_has "leaky[$held]: running"
expect 0 "$MAPHERD" leaks --list --json "$scratch/records"
out_has "\"pid\":$held"
record=$(ls "$scratch"/records/*leaky*.record)

# Those that run come first, then the newest; and how many there are, of what size.
mkdir "$scratch/list"
for ended in 3000000000000 1000000000000 2000000000000; do
	"$TESTS_BIN/tests/cli/recordmake" "$scratch/list/gone-$ended" program="gone-$ended" state=2 ended_ms=$ended \
		since_ms=$((4000000000000 - ended)) map=0x10000,1
done
cp "$record" "$scratch/list/copy"
expect 0 "$MAPHERD" leaks --list "$scratch/list" "$scratch/records"
sed -n 's/^  \([a-z0-9-]*\).*/\1/p' "$scratch/out" >"$scratch/order"
printf '%s\n' leaky leaky gone-3000000000000 gone-2000000000000 gone-1000000000000 >"$scratch/right"
cmp -s "$scratch/order" "$scratch/right" || fail "the order of --list is $(cat "$scratch/order")"
size=$(stat -c %s "$scratch"/list/gone-* | awk '{ n += $1 } END { printf "%.1f MiB", n / 1048576 }')
out_has "of processes that run: 2 records"
out_has "of processes that are gone: 3 records, $size"
out_has "together: 5 records"
expect 0 "$MAPHERD" leaks --list --json "$scratch/list" "$scratch/records"
[ "$(sed -n 's/.*"program":"\([^"]*\)".*/\1/p' "$scratch/out")" = "$(cat "$scratch/right")" ] ||
	fail "the order of --list --json is not that of the text"
expect 0 "$MAPHERD" leaks --list "$scratch/work"
out_has "There are no records."
expect 0 "$MAPHERD" clean --older 0 "$scratch/records"
[ -e "$record" ] || fail "clean removes the record of a process that runs"
kill -9 "$held"
wait "$held" || true
exec 3>&-
expect 1 "$MAPHERD" leaks "$held"
err_has "the record that one of this id has left is $record"
expect 1 "$MAPHERD" report "$held"
err_has "the record that one of this id has left is $record"
expect 0 "$MAPHERD" leaks --json "$record"
python3 - "$scratch/out" <<'END2' || fail "the record of a killed process is not right"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert lines[0]["state"] == "was killed" and lines[0]["unrecorded"] is None
groups = [l for l in lines if l["type"] == "group"]
assert [(g["stack"][0]["name"], g["mappings"], g["deleted_mappings"]) for g in groups[:3]] == [
    ("leak_file", 300, 300), ("leak_memory", 200, 0), ("leak_ends", 100, 0)], groups[:3]
END2
expect 0 "$MAPHERD" leaks --list
out_has "leaky[$held]: was killed"

# A program that was replaced names nothing.
mv "$scratch/leaky" "$scratch/kept"
${CC} -O2 -o "$scratch/leaky" "$source" 2>/dev/null
expect 0 "$MAPHERD" leaks "$record"
out_has "note: $scratch/leaky was replaced since: its functions are not named"
grep -q 'leak_file' "$scratch/out" && fail "functions are named by a file that was replaced"
out_has "leaky+0x"
mv "$scratch/kept" "$scratch/leaky"

expect 1 "$MAPHERD" leaks --start "$record"
err_has "its process is not there to be told: was killed"
expect 0 "$MAPHERD" clean "$scratch/records"
[ -e "$record" ] || fail "clean removes a record that is new"
expect 0 "$MAPHERD" clean -n --older 0 "$scratch/records"
out_has "would remove $record: its process was killed"
[ -e "$record" ] || fail "clean -n removes"
expect 0 "$MAPHERD" clean --older 0 "$scratch/records"
out_has "removed $record"
[ ! -e "$record" ] || fail "clean leaves the record of a process that is gone"
misuse "--older 'x'" clean --older x "$scratch"

# ---- switched on and off ----

rm -f "$work"/late.*
export MAPHERD_LOG="$scratch/late.log" MAPHERD_LOG_LEVEL=info
hold_leaky "$scratch/leaky" off
unset MAPHERD_LOG MAPHERD_LOG_LEVEL
expect 1 "$MAPHERD" leaks "$held"
err_has "mapherd leaks --start $held"
late 1
expect 0 "$MAPHERD" leaks --start "$held"
out_has "is told to record its mappings"
out_has "so it may be idle"
late 2
late 3
expect 0 "$MAPHERD" leaks --json "$held"
grep -q '"name":"leak_late.*"mappings":[12],' "$scratch/out" || fail "what came after --start is not recorded"
grep -q leak_file "$scratch/out" && fail "what came before --start is recorded"
expect 0 "$MAPHERD" leaks --start "$held"
out_has "recorded already"
cp "$scratch"/records/*leaky-"$held"-*.record "$scratch/copy"
expect 1 "$MAPHERD" leaks --stop "$scratch/copy"
err_has "it is a copy"
expect 0 "$MAPHERD" leaks --stop "$scratch"/records/*leaky-"$held"-*.record
late 4
grep -q ': info: mappings are recorded with their call stacks from now on$' "$scratch/late.log" ||
	fail "the start is not in the log: $(cat "$scratch/late.log")"
grep -q ': info: mappings are no longer recorded$' "$scratch/late.log" ||
	fail "the end is not in the log: $(cat "$scratch/late.log")"
expect 0 "$MAPHERD" leaks --stop "$held"
out_has "not recorded as it is"
release
