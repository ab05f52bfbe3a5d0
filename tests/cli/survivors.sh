#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# leaks: what survives comes first, not what has most mappings; and the numbers of mappings that were made
# and unmapped are those that the program has made and unmapped.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, which reads the JSON"
export MAPHERD_DIR="$scratch/records"
make_record() { "$TESTS_BIN/tests/cli/recordmake" "$@" || fail "recordmake $*"; }

# ---- records whose ages are given ----

# Stack 1 leaks 5 that are hours old, and others of it go after a second; 2 has 8, each of which is there
# for a second, and one that is older; of 3 fewer than one in ten was unmapped, so all count.
set --
for n in 1 2 3 4 5; do
	set -- "$@" "map=0x1000$n""000,1,stack=1,age=$((n * 3600))"
done
for n in 1 2 3 4 5 6 7 8; do
	set -- "$@" "map=0x2000$n""000,1,stack=2,age=1"
done
set -- "$@" map=0x30010000,1,stack=2,age=60 map=0x30020000,1,stack=3,age=1 map=0x30030000,1,stack=3,age=1
make_record "$scratch/made" module=/bin/none leaks_ms=1 state=2 stack=1+0x11 stack=1+0x22 stack=1+0x33 \
	use=1,100,95,95000 use=2,8000,7991,7991000 use=3,20,1,3600000 "$@"
expect 0 "$MAPHERD" leaks --json "$scratch/made"
python3 - "$scratch/out" <<'PYTHON' || fail "the order is not that of the survivors: $(cat "$scratch/out")"
import json, sys
groups = [g for g in map(json.loads, open(sys.argv[1])) if g["type"] == "group"]
told = [(g["name"][-4:], g["survivors"], g["mappings"], g["made"], g["unmapped"], g["lived_ms"]) for g in groups]
assert told == [("0x11", 5, 5, 100, 95, 1000), ("0x33", 2, 2, 20, 1, 3600000), ("0x22", 1, 9, 8000, 7991, 1000)], told
PYTHON
expect 0 "$MAPHERD" leaks "$scratch/made"
out_has "all survive; 100 made, 95 unmapped after 1 s on average"
out_has "all survive; 20 made, 1 unmapped after 1 h on average"
out_has "1 survives; 8,000 made, 7,991 unmapped after 1 s on average"
expect 0 "$MAPHERD" leaks --by file --json "$scratch/made"
grep -q '"survivors":8,' "$scratch/out" || fail "--by file has other survivors: $(cat "$scratch/out")"

# An earlier library does not tell: the order is that of the numbers.
make_record "$scratch/earlier" module=/bin/none leaks_ms=1 state=2 stack=1+0x11 stack=1+0x22 stack=1+0x33 \
	stack_use=0 "$@"
expect 0 "$MAPHERD" leaks --json "$scratch/earlier"
python3 - "$scratch/out" <<'PYTHON' || fail "an earlier record is not shown by its numbers: $(cat "$scratch/out")"
import json, sys
groups = [g for g in map(json.loads, open(sys.argv[1])) if g["type"] == "group"]
told = [(g["name"][-4:], g["survivors"], g["mappings"], g["made"]) for g in groups]
assert told == [("0x22", None, 9, None), ("0x11", None, 5, None), ("0x33", None, 2, None)], told
PYTHON
expect 0 "$MAPHERD" leaks "$scratch/earlier"
grep -q surviv "$scratch/out" && fail "survivors of a record that does not tell of them"

# ---- a program ----

mkdir "$MAPHERD_DIR"
# Where the machine stops the program behind its last round, what it uses is old too: once more then.
tries=20
while :; do
	rm -f "$MAPHERD_DIR"/*
	LD_PRELOAD=$MAPHERD_LIB MAPHERD_LEAKS=on "$TESTS_BIN/tests/cli/survivors" >"$scratch/made" || fail "it ends with $?"
	expect 0 "$MAPHERD" leaks --json "$MAPHERD_DIR"/*.record
	got=0
	python3 - "$scratch/out" "$(cat "$scratch/made")" <<'PYTHON' || got=$?
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
head, groups = lines[0], [g for g in lines if g["type"] == "group"]
made, forgotten = map(int, sys.argv[2].split())
used = next(g for g in groups if "use_for_a_while" in g["name"])
left = next(g for g in groups if "forget" in g["name"])
assert (used["made"], used["unmapped"], used["mappings"]) == (made, made - 2000, 2000), used
assert (left["made"], left["unmapped"], left["mappings"]) == (forgotten, 0, forgotten), left
if head["time_ms"] - used["oldest_ms"] > 4 * used["lived_ms"]:
    sys.exit(9)
assert used["survivors"] == 0 and groups[0] is left and left["survivors"] > forgotten / 2, (used, left)
PYTHON
	[ "$got" = 9 ] || break
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || fail "the machine stops each of 20 programs at its end"
done
[ "$got" = 0 ] || fail "what is forgotten is not first: $(head -c 3000 "$scratch/out")"
