#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Where log lines go: to what descriptor 2 was at start and to nothing else, to a log for each process, and
# what is said when there is no place for them.
. "${TESTS_SRC:?run by make check}/lib.sh"

messages="$TESTS_BIN/tests/preload/messages"
export MAPHERD_LOG_LEVEL=info
line='the program sandboxes itself'

# There is a line, and it comes with the time.
before=$(date -u +%Y-%m-%dT%H:%M:%SZ)
preloaded "$messages" stays >/dev/null 2>"$scratch/err" || fail "status $?"
after=$(date -u +%Y-%m-%dT%H:%M:%SZ)
grep -q "^${stamp}messages\[[0-9]*\]: info: $line" "$scratch/err" || fail "no line: $(cat "$scratch/err")"
said=$(cut -d ' ' -f 1 "$scratch/err")
printf '%s\n' "$before" "$said" "$after" | sort -c || fail "the time is $said, not of $before to $after"

# Not into the program's data.
for kind in file truncated pipe socket; do
	rm -f "$scratch/data"
	"$messages" $kind "$scratch/data" >/dev/null 2>&1 || fail "$kind alone: status $?"
	for start in file pipe none; do
		rm -f "$scratch/data"
		status=0
		case $start in
		file) preloaded "$messages" $kind "$scratch/data" >"$scratch/out" 2>"$scratch/err" || status=$? ;;
		pipe) preloaded "$messages" $kind "$scratch/data" 2>&1 >"$scratch/out" | cat >"$scratch/err" || status=$? ;;
		none) preloaded "$messages" $kind "$scratch/data" >"$scratch/out" 2>&- || status=$? ;;
		esac
		[ "$status:$(cat "$scratch/out")" = 0: ] ||
			fail "descriptor 2 was a $start and is a $kind: status $status, $(cat "$scratch/out")"
	done
done
status=0
rm -f "$scratch/data"
# Not by the function, for which the shell would keep the file open.
# shellcheck disable=SC2094 # the program removes it
env LD_PRELOAD="$MAPHERD_LIB" "$messages" inode "$scratch/data" >"$scratch/out" 2>"$scratch/data" || status=$?
[ "$status" = 0 ] || fail "a file with the inode of the old stderr: status $status, $(cat "$scratch/out")"
! grep -q 'other inode' "$scratch/out" || say "not shown here: a file with another's inode: the numbers are not given again"

# %p: each process.
export MAPHERD_LOG="$scratch/log.%e.%p"
preloaded "$messages" workers >"$scratch/workers" || fail "workers: status $?"
[ "$(wc -l <"$scratch/workers")" = 3 ] || fail "workers: $(cat "$scratch/workers")"
while read -r pid; do
	[ "$(grep -c "messages\[$pid\]: " "$scratch/log.messages.$pid")" = 1 ] ||
		fail "%p: process $pid has no log of its own: $(head "$scratch"/log.*)"
	[ "$(wc -l <"$scratch/log.messages.$pid")" = 1 ] || fail "$pid: $(cat "$scratch/log.messages.$pid")"
done <"$scratch/workers"
rm "$scratch"/log.*

# A name without a folder is one in the folder of the start.
(cd "$scratch" && MAPHERD_LOG=here.%p preloaded "$messages" elsewhere >/dev/null) || fail "elsewhere: status $?"
grep -q "$line" "$scratch"/here.[0-9]* || fail "no log in the folder of the start"

# A log that cannot be written: said once, for two lines.
for log in /nonexistent/folder/log /dev/full; do
	MAPHERD_WRONG=1 MAPHERD_LOG="$log" preloaded "$messages" stays >/dev/null 2>"$scratch/err" || fail "$log: status $?"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "$log: not said once: $(cat "$scratch/err")"
	grep -q "warning: the log $log cannot be written: .*; lines are lost" "$scratch/err" ||
		fail "$log: $(cat "$scratch/err")"
done
# Until it can be: that is told there, as the trouble was told here.
for format in text json; do
	rm -rf "$scratch/late"
	MAPHERD_LOG_FORMAT=$format MAPHERD_WRONG=1 MAPHERD_LOG="$scratch/late/log" \
		preloaded "$messages" makes "$scratch/late" 2>"$scratch/err" || fail "makes: status $?"
	grep -q "the log $scratch/late/log cannot be written: " "$scratch/err" || fail "makes: $(cat "$scratch/err")"
	[ "$(wc -l <"$scratch/late/log")" = 2 ] || fail "not two lines: $(cat "$scratch/late/log")"
	grep -q "$line" "$scratch/late/log" || fail "the line after the folder was made is missing"
done
grep -q '"level":"warning","event":"log_resumed","text":"the log can be written again; before the last line 1 are missing","missing":1}$' \
	"$scratch/late/log" || fail "nothing says that the log can be written again: $(cat "$scratch/late/log")"

# systemd's journal: a priority for each line, if descriptor 2 is the one that systemd has named.
# journal FIRST ENVIRONMENT...: what the lines begin with.
journal() {
	first=$1
	shift
	: >"$scratch/err"
	env -u MAPHERD_LOG "$@" LD_PRELOAD="$MAPHERD_LIB" "$messages" stays >"$scratch/out" 2>"$scratch/err" || fail "journal: status $?"
	[ "$(wc -l <"$scratch/err")" = 2 ] || fail "journal: not two lines: $(cat "$scratch/err")"
	[ "$(cut -c 1-"${#first}" "$scratch/err" | tr -d '\n')" = "$first$(echo "$first" | sed 's/4/6/')" ] ||
		fail "$*: the lines do not begin with $first: $(cat "$scratch/err")"
}
: >"$scratch/err"
stream=$(stat -L -c %d:%i "$scratch/err")
journal '<4>2' MAPHERD_WRONG=1 JOURNAL_STREAM="$stream"
journal '<4>{' MAPHERD_WRONG=1 JOURNAL_STREAM="$stream" MAPHERD_LOG_FORMAT=json
journal 2 MAPHERD_WRONG=1 JOURNAL_STREAM="${stream}0"
journal 2 MAPHERD_WRONG=1 JOURNAL_STREAM=
MAPHERD_WRONG=1 JOURNAL_STREAM="$stream" MAPHERD_LOG="$scratch/plain" preloaded "$messages" stays 2>"$scratch/err"
grep -q "^$stamp" "$scratch/plain" || fail "a log of its own has priorities: $(cat "$scratch/plain")"
! grep -q '^<' "$scratch/plain" || fail "a log of its own has priorities: $(cat "$scratch/plain")"

mkfifo "$scratch/in" "$scratch/out.fifo"
MAPHERD_WRONG=1 MAPHERD_LOG=/nonexistent/log LD_PRELOAD="$MAPHERD_LIB" "$messages" wait <"$scratch/in" >"$scratch/out.fifo" 2>/dev/null &
waits=$!
exec 4>"$scratch/in" 5<"$scratch/out.fifo"
read -r _ <&5
"$MAPHERD" stat "$waits" >"$scratch/stat" || fail "stat: status $?"
grep -q '^ *log lines that could not be written *2$' "$scratch/stat" || fail "stat: $(cat "$scratch/stat")"
exec 4>&- 5<&-
wait "$waits" || fail "waits: status $?"
