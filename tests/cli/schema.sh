#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# doc/schema: what each verb prints with --json, and the metrics, of processes of several kinds, is what is
# promised there, and nothing that is promised is never seen. So a name, a type or a unit that changes fails
# here. schema.py has what is compared.
# shellcheck disable=SC2154 # held, scratch: lib.sh and cli.sh
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
python=''
for candidate in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! "$candidate" -c 'from jsonschema import Draft202012Validator' 2>/dev/null || python=$candidate
done
[ -n "$python" ] || skip "no python3 with jsonschema"
command -v "${CC%% *}" >/dev/null || skip "no C compiler"
schema=$TESTS_SRC/../doc/schema/mapherd.schema.json
holder=$TESTS_BIN/tests/cli/holder
check() { "$python" "$TESTS_SRC/cli/schema.py" "$@"; }
seen=$scratch/seen
: >"$seen"
"$MAPHERD" help status >"$scratch/status"

check form "$schema" "$scratch/status" || fail "doc/schema contradicts itself"

# valid VERB: so is what the last command printed.
valid() { check valid "$schema" "$1" "$seen" <"$scratch/out" || fail "$1 --json is not as doc/schema says: $(head -c 2000 "$scratch/out")"; }
# shows STATUS VERB ARG...
shows() {
	wanted=$1
	verb=$2
	shift 2
	expect "$wanted" "$MAPHERD" "$verb" --json "$@"
	valid "$verb"
}
# top has no end of its own.
top_once() {
	"$MAPHERD" top --json -d 1 -p "$1" 2>"$scratch/err" | head -n 1 >"$scratch/out"
	valid top
}

# A process without the library.
truncate -s 4M "$scratch/file"
hold "$holder" "$scratch/file" apart 0:1:rs 2:1:rs 4:1:rs
for verb in stat maps report; do
	shows 0 $verb "$held"
done
shows 0 ps
top_once "$held"
release

# That each of these comparisons can fail: a name, a type, a member that is gone, and one that is new.
for change in 's/"percent":/"share":/' 's/"maps":\([0-9]*\)/"maps":"\1"/' 's/"pid":[0-9]*,//' 's/"pid":/"new":1,"pid":/'; do
	hold "$holder" "$scratch/file" apart 0:1:rs
	"$MAPHERD" stat --json "$held" | sed "$change" >"$scratch/out"
	release
	check valid "$schema" stat "$scratch/unseen" <"$scratch/out" >/dev/null 2>&1 && fail "$change is not seen"
done

# One with it, that has placed chunks and synced them, and its metrics.
mkdir "$scratch/metrics" "$scratch/records"
hold "$MAPHERD" run --metrics="$scratch/metrics" --dir="$scratch/records" "$holder" "$scratch/file" free 12:4:ws 8:4:ws 4:4:ws 0:4:ws
for verb in stat maps report; do
	shows 0 $verb "$held"
done
shows 0 ps
top_once "$held"
file=$scratch/metrics/mapherd-$held.prom
promise=$TESTS_SRC/../doc/schema/metrics.json
check metrics "$promise" "$file" "$scratch/status" || fail "the metrics are not as doc/schema says"
for change in 's/mapherd_refused_total/mapherd_refusals_total/' 's/^# TYPE mapherd_regions gauge/# TYPE mapherd_regions counter/' \
	's/pid="/process="/' '/mapherd_spill_waiting_bytes/d' 's/^\(# HELP mapherd_calls_total\).*/\1/'; do
	sed "$change" "$file" >"$scratch/changed.prom"
	check metrics "$promise" "$scratch/changed.prom" "$scratch/status" 2>/dev/null && fail "the metrics: $change is not seen"
done
kill -9 "$held"
wait "$held" 2>/dev/null || true
exec 3>&-
shows 0 clean -n "$scratch/metrics" "$scratch/records"
shows 0 clean --older 0 "$scratch/metrics" "$scratch/records"

# One with cold mappings.
if kernel_since 6.11; then
	mkdir "$scratch/cold"
	hold "$MAPHERD" run --cold=on --cold-warm=100 "$holder" "$scratch/cold" files 300
	for verb in stat maps report; do
		shows 0 $verb "$held"
	done
	shows 0 ps
	release
else
	say "not shown here: cold mappings ($(uname -r), and what lies at an address can be asked for since Linux 6.11)"
fi

# What is loaded is no library of mapherd.
head -c 8192 /dev/urandom >"$scratch/libmapherd.so"
hold "$holder" "$scratch/libmapherd.so" free 0:1:rs
shows 0 stat "$held"
release

# Recorded mappings, in each grouping; of the record and its copy; of a process that was killed; and what
# cannot be named, because the program's file is another one.
export MAPHERD_DIR="$scratch/records"
mkdir "$scratch/work"
# shellcheck disable=SC2086 # may be several words
$CC -g -O1 -o "$scratch/leaky" "$TESTS_SRC/cli/leaky.c"
hold env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS=on "$scratch/leaky" "$scratch/work"
for by in stack file suffix deleted age; do
	shows 0 leaks --by $by "$held"
done
expect 0 "$MAPHERD" leaks --list --json
valid leaks-list
shows 0 report "$held"
record=$(find "$scratch/records" -name '*leaky*')
cp "$record" "$scratch/old.record"
echo more >&3
await "$scratch/work/late.1"
shows 0 diff "$scratch/old.record" "$held"
shows 0 leaks "$scratch/old.record" "$held" # several together
mv "$scratch/leaky" "$scratch/leaky.old"
cp /bin/true "$scratch/leaky"
shows 0 leaks "$held"
kill -9 "$held"
wait "$held" 2>/dev/null || true
exec 3>&-
shows 0 leaks "$record"
shows 0 report "$record"
expect 0 "$MAPHERD" leaks --list --json
valid leaks-list

# An interpreter, whose frames are folded, with a hint how to get the script's own.
hold env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS=on python3 -c '
import mmap, sys
kept = [mmap.mmap(-1, 4096) for _ in range(100)]
print("ready", flush=True)
sys.stdin.read()'
shows 0 leaks "$held"
release

# Files.
"$TESTS_BIN/tests/cli/spillmake" "$scratch/mapherd-spill.made.1.x" pid=999999999 file="$scratch/file" 0=00 2=b0 3=cq 4=d0
shows 1 recover -n "$scratch/mapherd-spill.made.1.x" # page 3 was changed since
shows 1 recover "$scratch/mapherd-spill.made.1.x"
rm "$scratch/mapherd-spill.made.1.x"
: >"$scratch/mapherd-spill.made.1.x"
shows 0 recover "$scratch/mapherd-spill.made.1.x"
truncate -s 1M "$scratch/holes"
shows 0 fill -n "$scratch/holes"
shows 0 fill "$scratch/holes"

# The command and the machine.
shows 0 library
shows 1 library --loaded
expect 0 "$MAPHERD" run "$MAPHERD" library --loaded --json
valid library
export MAPHERD_SHOW_LIMIT=262144
"$MAPHERD" doctor --json "$scratch" >"$scratch/out" || true # what it finds is the machine's
valid doctor

check seen "$schema" "$seen" </dev/null || fail "doc/schema promises more than there is"
