#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# diff: what has grown between two records, or a copy and the process itself.
# shellcheck disable=SC2154 # held, scratch: lib.sh and cli.sh
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
make_record() { "$TESTS_BIN/tests/cli/recordmake" "$@" || fail "recordmake $*"; }
old=$scratch/old.record
new=$scratch/new.record

misuse "two moments are compared" diff
misuse "two moments are compared" diff 1
misuse "--by 'x'" diff --by x a b
misuse "ask for one" diff --json --folded a b
expect 1 "$MAPHERD" diff "$scratch/nowhere" "$scratch/nowhere"
err_has "No such file"

# Of three stacks one grows by 3, one by 1, one shrinks; their numbers in the record are others.
java="java=com/example/Store,grow,Store.java,12 java=com/example/Log,roll,Log.java,7 java=a/B,shrink,B.java,1"
# shellcheck disable=SC2086 # a list of words
make_record "$old" $java file=/data/a.dvd stack=j1 stack=j2 stack=j3 \
	map=0x10000,1,stack=1,file=1 map=0x20000,1,stack=3 map=0x30000,1,stack=3
# shellcheck disable=SC2086
make_record "$new" $java file=/data/a.dvd stack=j3 stack=j2 stack=j1 \
	map=0x10000,1,stack=3,file=1 map=0x20000,1,stack=3,file=1 map=0x30000,2,stack=3,file=1 \
	map=0x40000,1,stack=3,file=1 map=0x50000,1,stack=2 map=0x60000,1,stack=1
expect 0 "$MAPHERD" diff "$old" "$new"
silent err
sed -n 's/^ *\([0-9]*\)\.  \(.*\)/\1 \2/p; s/^  *\(.*(.*java:.*\)/\1/p' "$scratch/out" >"$scratch/got"
cat >"$scratch/wanted" <<'END2'
1 +3 mappings (1, then 4), +16.0 KiB
com.example.Store.grow(Store.java:12)
2 +1 mappings (0, then 1), +4.0 KiB
com.example.Log.roll(Log.java:7)
END2
diff "$scratch/wanted" "$scratch/got" >&2 || fail "another difference"
out_has "and 1 other group grew less, or shrank"
expect 0 "$MAPHERD" diff --min-growth 2 --folded "$old" "$new"
[ "$(cat "$scratch/out")" = "com.example.Store.grow 3" ] || fail "folded: $(cat "$scratch/out")"
expect 0 "$MAPHERD" diff --json "$old" "$new"
grep -q '"growth":3,"before":1,"after":4,' "$scratch/out" || fail "no growth in the JSON"
[ "$(wc -l <"$scratch/out")" = 4 ] || fail "the JSON has not four lines"
expect 0 "$MAPHERD" diff --by file "$old" "$new"
out_has "/data/a.dvd"
out_has "(1, then 4)"
expect 0 "$MAPHERD" diff --top 1 "$old" "$new"
out_has "and 2 other groups"
expect 0 "$MAPHERD" diff "$old" "$old"
out_has "Nothing has grown"

# A copy, and the process that goes on.
command -v "${CC%% *}" >/dev/null || { say "not shown here: a copy against its process: no C compiler"; exit 0; }
${CC} -g -O1 -fno-omit-frame-pointer -o "$scratch/leaky" "$TESTS_SRC/cli/leaky.c" 2>/dev/null || fail "leaky does not build"
mkdir "$scratch/work" "$scratch/records"
hold env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS=on MAPHERD_DIR="$scratch/records" "$scratch/leaky" "$scratch/work"
cp "$scratch"/records/*leaky*.record "$scratch/copy"
for _ in 1 2 3 4 5; do echo more >&3; done
await "$scratch/work/late.5"
expect 0 "$MAPHERD" diff "$scratch/copy" "$held"
if grep -q "built without elfutils" "$scratch/out"; then
	say "not shown here: a copy against its process: built without elfutils"
	exit 0
fi
out_has "1.  +5 mappings (0, then 5), +20.0 KiB"
out_has "leak_late  leaky.c:"
grep -q "leak_file" "$scratch/out" && fail "what has not grown is shown"
expect 0 "$MAPHERD" diff "$held" "$scratch/copy"
out_has "The second is the older one"
# The copy is of its moment, and joined with nothing.
expect 0 "$MAPHERD" leaks "$scratch/copy"
out_has "running; last seen with at most"
out_has "600 are there"
release
