#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Options hold in a program that writes its title over its arguments and its environment: the record lies
# in the folder that was named, and MAPHERD_SIGBUS says what it said.
. "${TESTS_SRC:?run by make check}/lib.sh"

title="$TESTS_BIN/tests/preload/title"
mkfifo "$scratch/in" "$scratch/out"

# serve over|leave NAME=VALUE: runs it; $records is how many records it had in the folder, $status how it
# ended, $read what it read.
serve() {
	rm -rf "$scratch/records"
	mkdir "$scratch/records"
	env "$2" LD_PRELOAD="$MAPHERD_LIB" "$title" "$scratch/file" "$1" \
		<"$scratch/in" >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	exec 4>"$scratch/in" 5<"$scratch/out"
	read -r line <&5 || fail "$*: $(cat "$scratch/err")"
	[ "$line" = ready ] || fail "$*: $line"
	grep -q libmapherd.so "/proc/$pid/maps" || fail "$*: the library is not in the program"
	titled=$(tr '\0' '\n' <"/proc/$pid/cmdline" | head -n 1)
	case $1:$titled in
	"over:server: at work" | leave:*/title) ;;
	*) fail "$*: the title is $titled" ;;
	esac
	"$MAPHERD" stat "$pid" >"$scratch/stat" || fail "$*: stat: $?"
	grep -q "^options .*$2" "$scratch/stat" || fail "$*: stat does not tell the options: $(cat "$scratch/stat")"
	records=$(find "$scratch/records" -type f | wc -l)
	echo >&4
	exec 4>&-
	read=$(cat <&5)
	exec 5<&-
	status=0
	wait "$pid" || status=$?
}

for memory in leave over; do
	serve $memory MAPHERD_DIR="$scratch/records"
	[ "$records" = 1 ] || fail "$memory: $records records in MAPHERD_DIR"
	serve $memory MAPHERD_OPTIONS="mode=protect:dir=$scratch/records:sigbus=report"
	[ "$records" = 1 ] || fail "$memory: $records records in the folder of MAPHERD_OPTIONS"
	[ "$status:$read" = 135: ] || fail "$memory: sigbus=report gave status $status, '$read'"
	serve $memory MAPHERD_SIGBUS=report
	[ "$records" = 0 ] || fail "$memory: $records records in a folder that was not named"
	[ "$status:$read" = 135: ] || fail "$memory: MAPHERD_SIGBUS=report gave status $status, '$read'"
done

# The assertion can fail: another word, another end.
serve over MAPHERD_SIGBUS=convert
[ "$read" = "read 0" ] || fail "MAPHERD_SIGBUS=convert: '$read'"
