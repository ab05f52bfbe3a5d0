#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What is logged on the way to the map limit: one line each at 60, 80 and 90 percent, with the
# count, the limit and what holds most maps, and one line that explains the refusal. The numbers are
# held against those that the program reads itself.
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/limit"
max=$(cat /proc/sys/vm/max_map_count)
# Of two files notable parts; of a third one as much as a library has.
a=$((max * 14 / 100)) b=$((max * 8 / 100)) c=5
mkdir "$scratch/files"
folder=$(cd "$scratch/files" && pwd -P)
log="$scratch/log"

# to_the_limit [VARIABLE=VALUE...]: what the program printed is in out, the log in $log.
to_the_limit() {
	rm -f "$log"
	env "$@" MAPHERD_LOG="$log" LD_PRELOAD="$MAPHERD_LIB" \
		"$program" "$folder" "$log" 100 "$a" "$b" "$c" >"$scratch/out" 2>"$scratch/err" ||
		fail "$*: status $?: $(cat "$scratch/err")"
	[ ! -s "$scratch/err" ] || fail "$*: something on stderr: $(cat "$scratch/err")"
	grep -q '^library 1$' "$scratch/out" || fail "$*: the library is not in the program"
	grep -q ' errno 12$' "$scratch/out" || fail "$*: the program was not refused a map"
	touch "$log"
	# The changes of pressure on the way have tests of their own.
	grep -v -e ': pressure is ' -e 'MAPHERD_MODE=observe changes nothing' "$log" >"$scratch/rest" || true
	mv "$scratch/rest" "$log"
}

# lines N WHAT: the log has N lines with WHAT.
lines() {
	found=$(grep -c "$2" "$log" || true)
	[ "$found" = "$1" ] || fail "$found lines with '$2', not $1: $(cat "$log")"
}

# The numbers in line N of the log, from "warning: " or "error: " on.
numbers_of() {
	sed -n "$1s/.*\(warning\|error\): //p" "$log" | grep -o '[0-9][0-9]*'
}

# within A B DISTANCE
within() {
	[ $(($1 - $2)) -le "$3" ] && [ $(($2 - $1)) -le "$3" ]
}

# mark NUMBER PERCENT: line NUMBER of the log says what the program saw.
mark() {
	said=$(numbers_of "$1" | head -1)
	# The program looks every 64 calls whether the log has grown.
	seen=$(sed -n 's/^seen //p' "$scratch/out" | awk -v said="$said" '
		{ far = $1 < said ? said - $1 : $1 - said }
		NR == 1 || far < least { least = far; seen = $1 }
		END { print seen }')
	[ -n "$seen" ] || fail "line $1 of the log came late: $(cat "$scratch/out")"
	within "$said" "$seen" 70 || fail "line $1 says $said maps, the program saw $seen"
	[ "$said" -ge $((max * $2 / 100)) ] || fail "line $1 came at $said, before $2 % of $max"
	[ "$said" -le $((max * ($2 + 8) / 100)) ] || fail "line $1 came at $said, long after $2 %"
	line=$(sed -n "$1p" "$log")
	case $line in
	*" $max; "*" of $said are of anonymous memory, $a of $folder/a, $b of $folder/b") ;;
	*) fail "line $1 lacks the limit or what holds most maps: $line" ;;
	esac
	pages=$(printf '%s\n' "$line" | sed -n 's/.*; \([0-9]*\) of [0-9]* are of .*/\1/p')
	within "$pages" $((said - a - b)) 100 || fail "line $1 says $pages maps of anonymous memory of $said"
}

explained() {
	lines 1 'error: '
	line=$(grep 'error: ' "$log")
	refused=$(sed -n 's/^refused \([0-9]*\) .*/\1/p' "$scratch/out")
	said=$(printf '%s\n' "$line" | sed -n 's/.* has \([0-9]*\) maps.*/\1/p')
	within "${said:-0}" "$refused" 3 || fail "it had $refused maps when refused, but: $line"
	case $line in
	*"vm.max_map_count = $max"*"sysctl -w vm.max_map_count="*) ;;
	*) fail "no limit or no remedy: $line" ;;
	esac
}

for mode in protect observe; do
	to_the_limit MAPHERD_MODE=$mode
	lines 3 'warning: '
	mark 1 60
	mark 2 80
	mark 3 90
	explained
	lines 4 "^${stamp}limit\[$(sed -n 's/^pid //p' "$scratch/out")\]: "
done

to_the_limit MAPHERD_WARN=70
lines 1 'warning: '
mark 1 70
to_the_limit MAPHERD_LOG_LEVEL=error
lines 0 'warning: '
lines 1 'error: '
to_the_limit MAPHERD_LOG_LEVEL=off
[ ! -s "$log" ] || fail "logged though off: $(cat "$log")"

say "limit $max: refused at $refused maps"
