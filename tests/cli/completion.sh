#!/bin/sh
# The completion of bash offers what the command knows.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v bash >/dev/null || skip "no bash"

# offers WORD LINE...: bash would offer WORD behind the words of LINE, the last of which is begun.
offered() {
	PATH="$(dirname "$MAPHERD"):$PATH" bash -c '
		compopt() { :; }
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_mapherd
		printf "%s\n" "${COMPREPLY[@]}"' bash "$TESTS_SRC/../src/command/completion/mapherd" "$@"
}
offers() {
	word=$1
	shift
	offered "$@" | grep -qxF -- "$word" || fail "'$word' is not offered after '$*'"
}
for verb in run library ps top stat maps leaks diff report clean recover fill doctor help; do
	offers "$verb" mapherd ''
	offers "$verb" mapherd help ''
done
offers stat mapherd st
offered mapherd st | grep -qx run && fail "run is offered for st"
offers --mode= mapherd run --
offers --log-format= mapherd run --lo
offers observe mapherd run --mode = ob
offers json mapherd run --log-format =
offers --json mapherd stat --
offers "$$" mapherd maps ''
offers --top mapherd maps --t
offers --debug-dir mapherd report --
offers "$$" mapherd report ''
offers "$TESTS_SRC" mapherd report "$TESTS_SRC"
offers "$TESTS_SRC" mapherd report -o "$TESTS_SRC"
offers --force mapherd recover --
offers --folded mapherd leaks --
offers growth mapherd top --sort g
offers --filter mapherd top --f
offers suffix mapherd leaks --by s
offers "$$" mapherd diff ''
offers "$TESTS_SRC" mapherd diff "$TESTS_SRC"
offers --keep mapherd fill --
offers "$TESTS_SRC" mapherd recover "$TESTS_SRC"
