#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# MAPHERD_SHOW_LIMIT: what a program reads from /proc/sys/vm/max_map_count, by each of libc's functions that
# open files, in C, Java, Python and a shell's commands; and what it does not change.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

program="$TESTS_BIN/tests/preload/show"
chain="$TESTS_BIN/tests/preload/.libs/chain.so"
path=/proc/sys/vm/max_map_count
real=$(cat $path)
shown=262144
[ "$real" -lt "$shown" ] || shown=$((real + 1))
folder="$(cd "$scratch" && pwd -P)"

# ends STATUS COMMAND...
ends() {
	wanted=$1
	shift
	status=0
	"$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	[ "$status" = "$wanted" ] || fail "$*: status $status: $(cat "$scratch/out" "$scratch/err")"
}
has_library() { grep -q "^library $1\$" "$scratch/out" || fail "the library is in the program, or is not"; }
showing() { MAPHERD_SHOW_LIMIT=$shown preloaded "$@"; }

# Nothing changes without the option, nor where nothing is to be changed.
ends 0 "$program" "$real" "$real" "$folder"
has_library 0
ends 0 preloaded "$program" "$real" "$real" "$folder"
has_library 1
ends 0 env MAPHERD_MODE=observe MAPHERD_SHOW_LIMIT=$shown LD_PRELOAD="$MAPHERD_LIB" "$program" "$real" "$real" "$folder"
ends 0 env MAPHERD_SKIP=show MAPHERD_SHOW_LIMIT=$shown LD_PRELOAD="$MAPHERD_LIB" "$program" "$real" "$real" "$folder"
ends 0 env MAPHERD_SHOW_LIMIT="$real" LD_PRELOAD="$MAPHERD_LIB" "$program" "$real" "$real" "$folder"
[ ! -s "$scratch/err" ] || fail "the real limit is answered: $(cat "$scratch/err")"

# The test can fail: the program that expects another limit than it sees says so.
ends 1 preloaded "$program" "$shown" "$real" "$folder"
grep -q "^open: not '$shown'\|pread differs" "$scratch/err" || fail "it failed otherwise: $(cat "$scratch/err")"

ends 0 showing "$program" "$shown" "$real" "$folder"
has_library 1
grep -q '^done$' "$scratch/out" || fail "it did not come to its end"
[ ! -s "$scratch/err" ] || fail "something on stderr: $(cat "$scratch/err")"
ends 0 showing "$program" filter "$shown" "$real" "$folder"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && chmod 755 "$scratch" && mkdir -m 777 "$scratch/any" &&
	setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$program"; then
	ends 0 showing setpriv --reuid 65534 --regid 65534 --clear-groups "$program" "$shown" "$real" "$folder/any"
fi

# The log says so, once.
log="$scratch/log"
ends 0 env MAPHERD_LOG="$log" MAPHERD_LOG_LEVEL=info MAPHERD_SHOW_LIMIT=$shown LD_PRELOAD="$MAPHERD_LIB" "$program" "$shown" "$real" "$folder"
[ "$(grep -c "^${stamp}show.*: info: .* is shown $shown instead of $real " "$log")" = 1 ] || fail "the log: $(cat "$log")"

# wrong VALUE WORDS: one warning with these words, and the real limit is shown.
wrong() {
	ends 0 env MAPHERD_SHOW_LIMIT="$1" LD_PRELOAD="$MAPHERD_LIB" cat $path
	[ "$(cat "$scratch/out")" = "$real" ] || fail "$1: $(cat "$scratch/out") was shown"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "$1: not one line: $(cat "$scratch/err")"
	grep -q "^${stamp}cat.*: warning: option show_limit: .*$2" "$scratch/err" || fail "$1: $(cat "$scratch/err")"
}
form="is not of the form 1-2147483647; the default is none"
wrong many "'many' $form"
wrong +1 "'+1' $form"
wrong -1 "'-1' $form"
wrong 2147483648 "'2147483648' $form"
wrong 99999999999999999999 "$form"
wrong "262144 " "$form"
wrong $((real - 1)) "$((real - 1)) is less than vm.max_map_count = $real.* a larger number, or none"

# None, in the words of people.
for value in '' 0 off no; do
	ends 0 env MAPHERD_SHOW_LIMIT="$value" LD_PRELOAD="$MAPHERD_LIB" cat $path
	[ "$(cat "$scratch/out")" = "$real" ] || fail "'$value': $(cat "$scratch/out") was shown"
	[ ! -s "$scratch/err" ] || fail "'$value': $(cat "$scratch/err")"
done

# Other programs, and the other libraries of the chain.
ends 0 showing cat $path
[ "$(cat "$scratch/out")" = "$shown" ] || fail "cat: $(cat "$scratch/out")"
for order in "$MAPHERD_LIB $chain" "$chain $MAPHERD_LIB"; do
	for value in "$real" "$shown"; do
		ends 0 env CHAIN=1 MAPHERD_SHOW_LIMIT="$value" LD_PRELOAD="$order" "$program" "$value" "$real" "$folder"
		grep -q '^open [1-9]' "$scratch/err" || fail "$order: another library's open is not called: $(cat "$scratch/err")"
		grep -q '^fopen [1-9]' "$scratch/err" || fail "$order: another library's fopen is not called: $(cat "$scratch/err")"
	done
done
ends 0 showing env -u LD_PRELOAD cat $path
[ "$(cat "$scratch/out")" = "$real" ] || fail "a child without the library: $(cat "$scratch/out")"
if command -v bash >/dev/null; then
	# shellcheck disable=SC2016 # the inner shell's
	ends 0 showing bash -c 'read -r limit <"$1" && printf "%s\n" "$limit"' bash $path
	[ "$(cat "$scratch/out")" = "$shown" ] || fail "bash: $(cat "$scratch/out")"
else
	say "not run: bash is not installed"
fi
if command -v python3 >/dev/null; then
	ends 0 showing python3 -c "
import os
print(open('$path').read().strip(), open('$path', 'rb').read().decode().strip(), os.read(os.open('$path', os.O_RDONLY), 99).decode().strip())"
	[ "$(cat "$scratch/out")" = "$shown $shown $shown" ] || fail "python3: $(cat "$scratch/out")"
else
	say "not run: python3 is not installed"
fi

# Elasticsearch's check.
if [ "$real" -ge 262144 ]; then
	say "vm.max_map_count is $real: that a program refuses to start cannot be shown here"
	exit 0
fi
jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || say "not run: there is no JDK with a compiler"
cd "$scratch" # a JVM that crashes writes its report here
while read -r jdk; do
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/ShowLimit.java"
	for run in "env" "env LD_PRELOAD=$MAPHERD_LIB"; do
		# shellcheck disable=SC2086 # words
		ends 78 $run "$jdk/bin/java" -cp "$scratch" ShowLimit
		grep -qF "vm.max_map_count [$real] is too low, increase to at least [262144]" "$scratch/err" ||
			fail "$jdk: $run: $(cat "$scratch/err")"
	done
	ends 0 showing "$jdk/bin/java" -cp "$scratch" ShowLimit
	[ "$(cat "$scratch/out")" = "started with $shown, library=1" ] || fail "$jdk: $(cat "$scratch/out")"
	say "$jdk: refuses to start with $real, starts with $shown"
done <"$scratch/jdks"
