#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# leaks: runs of an interpreter's own frames are one line that says how many they are, what the script has
# called stays, and a hint says how the script's functions get names. With real interpreters:
# preload/leaks.sh.
# shellcheck disable=SC2154 # scratch: lib.sh
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v "${CC%% *}" >/dev/null || skip "no C compiler"
command -v objcopy >/dev/null || skip "no binutils"
export MAPHERD_DIR="$scratch/records"

# made NAME EVALUATE CALL: that interpreter, and the record of a script that is three deep.
made() {
	${CC} -O1 -fno-omit-frame-pointer -DEVALUATE="$2" -DCALL="$3" -o "$scratch/$1" \
		"$TESTS_SRC/cli/interpreters.c" 2>"$scratch/err" || fail "it does not build: $(cat "$scratch/err")"
	objcopy --strip-symbol=without_a_name "$scratch/$1"
	rm -rf "$scratch/records"
	mkdir "$scratch/records"
	LD_PRELOAD=$MAPHERD_LIB MAPHERD_LEAKS=on "$scratch/$1" 3 || fail "$1 ends with $?"
	record=$(ls "$scratch"/records/*.record)
	expect 0 "$MAPHERD" leaks "$record"
	grep -q "built without elfutils" "$scratch/out" && skip "built without elfutils"
	:
}
# stack_is LINE...: so the first stack of the last answer begins.
stack_is() {
	printf '          %s\n' "$@" >"$scratch/right"
	sed -n '/^          /p' "$scratch/out" | head -n $# >"$scratch/stack"
	cmp -s "$scratch/stack" "$scratch/right" || fail "the stack is $(cat "$scratch/out")"
}

# The call below the innermost evaluation is the interpreter's too: CALL, three times EVALUATE, and two
# times CALL and what has no name between them; and main.
made python3.11 _PyEval_EvalFrameDefault _PyObject_MakeTpCall
stack_is "built_in  (python3.11)" "(9 frames of the CPython interpreter)"
out_has "hint: the functions of a Python script are named from CPython 3.12 on"
out_has "this is 3.11"
expect 0 "$MAPHERD" leaks --json "$record"
out_has '"name":"(9 frames of the CPython interpreter)"'
out_has '"folded":9'
out_has '"type":"hint"'
expect 0 "$MAPHERD" leaks --folded "$record"
grep -q '(9 frames of the CPython interpreter);built_in 100$' "$scratch/out" || fail "$(cat "$scratch/out")"
err_has "from CPython 3.12 on"
expect 0 "$MAPHERD" leaks --all-frames "$record"
[ "$(grep -c '_PyEval_EvalFrameDefault  (python3.11)' "$scratch/out")" = 3 ] || fail "--all-frames: $(cat "$scratch/out")"
grep -q 'frames of' "$scratch/out" && fail "--all-frames leaves frames out"
expect 0 "$MAPHERD" leaks --by suffix "$record"
grep -q hint "$scratch/out" && fail "a hint about stacks where none are shown"

made python3.13 _PyEval_EvalFrameDefault PyObject_Vectorcall
out_has "hint: the functions of a Python script are named if it is started with -X perf or PYTHONPERFSUPPORT=1"

made ruby rb_vm_exec rb_funcallv
stack_is "built_in  (ruby)" "(9 frames of the Ruby interpreter)"
out_has "--yjit-perf"

made perl Perl_runops_standard Perl_call_sv
stack_is "built_in  (perl)" "(9 frames of the Perl interpreter)"
out_has "Perl writes no map file"

# A program of another name, with the same functions, is no interpreter.
made other _PyEval_EvalFrameDefault _PyObject_MakeTpCall
grep -q 'frames of the' "$scratch/out" && fail "it is taken for CPython"
out_has "_PyEval_EvalFrameDefault  (other)"

# Functions that the map file names stand alone: the frames between them are left out.
pid=$(sh -c 'echo $$')
map=/tmp/perf-$pid.map
[ ! -e "$map" ] || skip "there is a $map"
later "rm -f '$map'"
made python3.13 _PyEval_EvalFrameDefault PyObject_Vectorcall
address() { nm "$scratch/python3.13" | awk -v name="$1" '$3 == name { print "0x" $1 }'; }
evaluate=$(printf '0x%x' $(($(address _PyEval_EvalFrameDefault) + 1)))
built_in=$(printf '0x%x' $(($(address built_in) + 1)))
printf '7f0000001000 20 py::inner:/srv/a.py\n7f0000002000 20 py::outer:/srv/a.py\n' >"$map"
id=$(readelf -n "$scratch/python3.13" | sed -n 's/.*Build ID: *//p')
[ "$id" ] || skip "the compiler writes no build id"
"$TESTS_BIN/tests/cli/recordmake" "$scratch/scripted" "pid=$pid" leaks_ms=1 "module=$scratch/python3.13,$id" \
	stack="1+$built_in,1+$evaluate,0x7f0000001010,1+$evaluate,1+$built_in,0x7f0000002010,1+$evaluate" \
	map=0x10000,1,stack=1
expect 0 "$MAPHERD" leaks "$scratch/scripted"
stack_is "built_in  (python3.13)" "py::inner:/srv/a.py" "py::outer:/srv/a.py"
grep -q -e 'frames of' -e hint "$scratch/out" && fail "frames between the script's: $(cat "$scratch/out")"
expect 0 "$MAPHERD" leaks --all-frames "$scratch/scripted"
[ "$(grep -c _PyEval_EvalFrameDefault "$scratch/out")" = 3 ] || fail "--all-frames: $(cat "$scratch/out")"
