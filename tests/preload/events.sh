#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Every event of the log is provoked by a test. events.txt says by which, and this test by those that no other
# one has: a start without memory, and a record that has lost its name.
. "${TESTS_SRC:?run by make check}/lib.sh"

# ---- the list of them ----

# table EVENTS LIST: prints what is wrong with the list. A row is an event, a test, and words that the test asserts
# and that stand in the library's line for that event.
table() {
	python3 - "$TESTS_SRC" "$1" "$2" <<-'END'
		import pathlib, re, sys
		tests, src = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1]).parent / "src"
		events = re.findall(r"^EVENT\((\w+),", open(sys.argv[2]).read(), re.M)
		literal = r'"(?:[^"\\]|\\.)*"'
		joined = lambda text: "".join(part[1:-1] for part in re.findall(literal, text))
		lines, texts = {}, ""
		for path in src.rglob("*.c"):
		    code = path.read_text()
		    for event, strings in re.findall(r"\bEVENT_(\w+) *[,}];?((?:[^;\"]*" + literal + ")+)", code):
		        lines[event] = lines.get(event, "") + "\n" + joined(strings)
		    texts += "\n".join(joined(run) for run in re.findall(r"(?:" + literal + r"\s*|LIST\s*)+", code))
		seen = set()
		for row in open(sys.argv[3]):
		    if row.startswith("#"):
		        continue
		    event, test, words = row.rstrip("\n").split("\t")
		    seen.add(event)
		    if event not in events:
		        print(f"{event} is no event")
		    if not (tests / test).is_file() or words not in (tests / test).read_text():
		        print(f"{event}: {test} does not assert '{words}'")
		    said = lines.get(event, "")
		    if set(said.split()) == {"%s"}: # its words come from elsewhere
		        said = texts
		    if words not in said:
		        print(f"{event}: no line of it has '{words}'")
		for event in events:
		    if event not in seen:
		        print(f"{event} is provoked by no test")
	END
}
events=$TESTS_SRC/../src/tell/events.def list=$TESTS_SRC/preload/events.txt
if command -v python3 >/dev/null; then
	wrong=$(table "$events" "$list")
	[ -z "$wrong" ] || fail "$wrong"
	# It would be noticed.
	{ cat "$events" && echo 'EVENT(another, INFO, NOTHING, "", "")'; } >"$scratch/events"
	table "$scratch/events" "$list" | grep -qx "another is provoked by no test" || fail "an event without a test passes"
	sed 's/is being opened/is being closed/' "$list" >"$scratch/list"
	[ "$(table "$events" "$scratch/list" | wc -l)" = 2 ] || fail "words that nobody says pass"
else
	say "not shown here: the list of tests that provoke events: needs python3"
fi

# ---- those without a test of their own ----

# The least address space in which a program starts leaves none for the library: it runs all the same.
starts() {
	(
		# shellcheck disable=SC3045 # dash and bash have it
		ulimit -v "$1"
		LD_PRELOAD="$MAPHERD_LIB" /bin/true
	) 2>"$scratch/err"
}
starts 1000000 || fail "a program does not start: $(cat "$scratch/err")"
[ ! -s "$scratch/err" ] || fail "with enough memory: $(cat "$scratch/err")"
low=0 high=1000000
while [ $((high - low)) -gt 4 ]; do
	middle=$(((low + high) / 2))
	if starts $middle; then high=$middle; else low=$middle; fi
done
starts $high || fail "with $high KiB it starts no more"
grep -q "warning: the kernel gives no memory: the program runs as if mapherd were not there" "$scratch/err" ||
	fail "with $high KiB: nothing says that the library does nothing: $(cat "$scratch/err")"

# /dev/shm is full when a program does not become another one, and gets its record back.
if [ "$own_mounts" ]; then
	mount -o remount,size=2M /dev/shm
	status=0
	MAPHERD_LEAKS=on MAPHERD_LOG_LEVEL=debug LD_PRELOAD="$MAPHERD_LIB" \
		sh -c 'LD_PRELOAD= head -c 4M /dev/zero >/dev/shm/full; exec /nonexistent/program' 2>"$scratch/err" || status=$?
	[ "$status" = 127 ] || fail "a program that is not there: status $status: $(cat "$scratch/err")"
	grep -q "debug: the record has lost its name, which cannot be made again: .*(error 28)" "$scratch/err" ||
		fail "the record's name: $(cat "$scratch/err")"
else
	say "not shown here: a record that loses its name: /dev/shm is not the test's own"
fi
