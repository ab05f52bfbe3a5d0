#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Options that a user sets in the environment: what each one does, seen from outside, and the one
# warning for a wrong one.
. "${TESTS_SRC:?run by make check}/lib.sh"

chunks="$TESTS_BIN/tests/preload/chunks"
file="$(cd "$scratch" && pwd -P)/file"
MANY=1000

# maps_of_file: how many maps MANY chunks were, with the environment as it is.
maps_of_file() {
	seen=$(preloaded "$chunks" "$file" $MANY 65536 ascending one shared 10 2>"$scratch/err") ||
		fail "chunks: $seen $(cat "$scratch/err")"
	library=0 of_file='' wrong=''
	eval "$seen"
	[ "$library" = 1 ] || fail "the library is not in the program"
	[ "$wrong" = 0 ] || fail "wrong bytes: $seen"
	printf '%s\n' "$of_file"
}

# herds and leaves: NAME=VALUE
herds() { check_maps 9 "$1"; }
leaves() { check_maps $MANY "$1"; }
check_maps() {
	found=$(export "${2?}" && maps_of_file)
	if [ "$1" = $MANY ]; then
		[ "$found" -ge $MANY ] || fail "$2: the chunks were herded into $found maps"
	else
		[ "$found" -le "$1" ] || fail "$2: the chunks are $found maps"
	fi
}

herds MAPHERD_MODE=protect
leaves MAPHERD_MODE=observe
leaves MAPHERD_COALESCE=off
leaves MAPHERD_OPTIONS=coalesce=off
leaves MAPHERD_OPTIONS=log_level=error:mode=observe
leaves MAPHERD_SKIP=chunks
leaves 'MAPHERD_SKIP=java,ch*'
herds 'MAPHERD_SKIP=java,ch?'
herds MAPHERD_ONLY=chunks
leaves 'MAPHERD_ONLY=java,python*'

# What is set by name is worth more than the list.
found=$(MAPHERD_OPTIONS=mode=observe MAPHERD_MODE=protect maps_of_file)
[ "$found" -le 9 ] || fail "MAPHERD_MODE does not override MAPHERD_OPTIONS: $found maps"

# warned NAME=VALUE NEAREST: one warning, which names NEAREST; the program does its work.
warned() {
	env "$1" LD_PRELOAD="$MAPHERD_LIB" /bin/echo works >"$scratch/out" 2>"$scratch/err" ||
		fail "$1: status $?"
	[ "$(cat "$scratch/out")" = works ] || fail "$1: the output is $(cat "$scratch/out")"
	# env itself is started without the library.
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "$1: not one warning: $(cat "$scratch/err")"
	grep -q "^${stamp}echo\[[0-9]*\]: warning: " "$scratch/err" ||
		fail "$1: not of the form: $(cat "$scratch/err")"
	grep -q -- "$2" "$scratch/err" || fail "$1: '$2' is not named: $(cat "$scratch/err")"
}
warned MAPHERD_MOED=observe "'mode'"
warned MAPHERD_MODE=observ "'observe'"
warned MAPHERD_COALESCE=of "'off'"
warned MAPHERD_CHILDRN=off "'children'"
warned MAPHERD_WARN=60,eighty 60,80,90
warned MAPHERD_LOG_FORMAT=jason "'json'"
warned MAPHERD_OPTIONS=mode=protect:colaesce=off "'coalesce'"
warned MAPHERD_OPTIONS=rubbish rubbish
warned MAPHERD_SPILL_MAX=2x 'help options'
silent=$(env MAPHERD_MODE=protect LD_PRELOAD="$MAPHERD_LIB" /bin/echo works 2>&1)
[ "$silent" = works ] || fail "a right option is answered: $silent"

# What people write is understood: the library does it, and says nothing.
for setting in MAPHERD_COALESCE=OFF MAPHERD_COALESCE=false MAPHERD_COALESCE=0 MAPHERD_OPTIONS=coalesce=no; do
	leaves $setting
	[ ! -s "$scratch/err" ] || fail "$setting: $(cat "$scratch/err")"
done
leaves MAPHERD_MODE=Observe

# A program start is warned once, however many programs a script starts, whose environment stays as it is.
# told TIMES NAME=VALUE...: 31 programs with that environment, and how many of them warn.
cat >"$scratch/thirty" <<'END'
for n in 1 2 3 4 5; do
	/bin/sh -c 'for n in 1 2 3 4 5; do /bin/true; done; env; :'
done
END
told() {
	times=$1
	shift
	env "$@" LD_PRELOAD="$MAPHERD_LIB" /bin/sh "$scratch/thirty" >"$scratch/out" 2>"$scratch/err" || fail "$*: status $?"
	found=$(grep -c "warning: option mode: 'wrong' is not" "$scratch/err" || true)
	[ "$found" = "$times" ] || fail "$*: told $found times and not $times: $(cat "$scratch/err")"
	env "$@" sh "$scratch/thirty" | grep -v -e '^_=' -e '^LD_PRELOAD=' | sort >"$scratch/alone"
	grep -v -e '^_=' -e '^LD_PRELOAD=' "$scratch/out" | sort | cmp -s - "$scratch/alone" ||
		fail "$*: the programs see another environment than alone"
}
told 1 MAPHERD_MODE=wrong
told 1 MAPHERD_OPTIONS=mode=wrong:log_level=warning
# The shells do not herd, and have told nothing; env is told of in each of the five.
told 5 MAPHERD_MODE=wrong MAPHERD_ONLY=env
told 25 MAPHERD_MODE=wrong MAPHERD_ONLY=true
told 1 MAPHERD_MODE=wrong MAPHERD_ONLY=sh
# A script that sets the variable itself starts the programs that are warned.
printf 'MAPHERD_MODE=wrong /bin/true\nMAPHERD_MODE=wrong /bin/true\n' >"$scratch/sets"
preloaded /bin/sh "$scratch/sets" 2>"$scratch/err"
[ "$(grep -c "'wrong'" "$scratch/err")" = 2 ] || fail "a variable that the parent lacks: $(cat "$scratch/err")"

# More than eight.
wrongs=$(seq -s : -f 'wrong%g=1' 11)
MAPHERD_OPTIONS=$wrongs preloaded /bin/true 2>"$scratch/err"
[ "$(grep -c "unknown option 'wrong" "$scratch/err")" = 8 ] || fail "eleven wrong options: $(cat "$scratch/err")"
grep -q 'warning: and 3 more of that kind' "$scratch/err" || fail "the others are not counted: $(cat "$scratch/err")"

# The log's own options. A warning about a wrong option is the line.
pid=$(MAPHERD_LOG="$scratch/log.%e.%p" MAPHERD_X=1 LD_PRELOAD="$MAPHERD_LIB" \
	sh -c 'echo $$' 2>"$scratch/err")
[ ! -s "$scratch/err" ] || fail "stderr is written to though there is a log: $(cat "$scratch/err")"
grep -q "sh\[$pid\]: warning" "$scratch/log.sh.$pid" || fail "no log.sh.$pid: $(ls "$scratch")"

# A name that JSON has to quote, and one that is long.
odd="$scratch/a\"b\\c	é"
cp /bin/true "$odd"
MAPHERD_LOG_FORMAT=json MAPHERD_LOG="$scratch/json" MAPHERD_MODE='1"\2' LD_PRELOAD="$MAPHERD_LIB" "$odd"
MAPHERD_LOG_FORMAT=json MAPHERD_LOG="$scratch/json" MAPHERD_OPTIONS="mode=$(printf 'x%.0s' $(seq 900))" \
	LD_PRELOAD="$MAPHERD_LIB" /bin/true
[ "$(wc -l <"$scratch/json")" = 2 ] || fail "not two JSON lines: $(cat "$scratch/json")"
if command -v python3 >/dev/null; then
	python3 -m json.tool --json-lines "$scratch/json" >"$scratch/parsed" ||
		fail "no JSON: $(cat "$scratch/json")"
	grep -q '"level": "warning"' "$scratch/parsed" || fail "no level: $(cat "$scratch/parsed")"
	grep -q '"pid": [0-9]' "$scratch/parsed" || fail "no process id: $(cat "$scratch/parsed")"
else
	say "not shown, for want of python3: that JSON lines parse"
fi

# children=off: the program has the library, what it starts has not, and keeps the other one.
# shellcheck disable=SC2016 # the inner shell's
program='
	echo "program $(grep -c libmapherd.so "/proc/$$/maps")"
	echo "child $(sh -c "grep -c libmapherd.so /proc/self/maps; true")"
	echo "variable $(env | sed -n s/^LD_PRELOAD=//p)"'
for order in "$MAPHERD_LIB:libm.so.6" "libm.so.6:$MAPHERD_LIB" "libm.so.6 $MAPHERD_LIB"; do
	seen=$(MAPHERD_CHILDREN=off LD_PRELOAD="$order" sh -c "$program" | tr -d '\n')
	case $seen in
	"program "[1-9]*"child 0variable libm.so.6" | *" libm.so.6"[:\ ]) ;;
	*) fail "children=off: $seen" ;;
	esac
	seen=$(MAPHERD_CHILDREN=on LD_PRELOAD="$order" sh -c "$program" | tr -d '\n')
	case $seen in
	"program "[1-9]*"child "[1-9]*"variable $order") ;;
	*) fail "children=on: $seen" ;;
	esac
done
