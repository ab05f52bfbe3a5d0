#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The completions of bash, zsh and fish offer what the command knows.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v bash >/dev/null || skip "no bash"

completions=$TESTS_SRC/../src/command/completion
PATH="$(dirname "$MAPHERD"):$PATH"

# offers WORD LINE...: bash would offer WORD behind the words of LINE, the last of which is begun.
offered() {
	bash -c '
		compopt() { :; }
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_mapherd
		printf "%s\n" "${COMPREPLY[@]}"' bash "$completions/mapherd" "$@"
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

# The same of shells that are given the line as it was typed.
zsh_offered() { zsh -f "$TESTS_SRC/cli/completion.zsh" "$completions" "$1"; }
# shellcheck disable=SC2016 # $argv is fish's
fish_offered() { fish --no-config -c 'source $argv[1]/mapherd.fish; complete -C $argv[2]' "$completions" "$1"; }
for shell in zsh fish; do
	command -v $shell >/dev/null || {
		say "not shown here: $shell (not installed)"
		continue
	}
	# typed LINE WORD...: each WORD is offered behind LINE.
	typed() {
		line=$1
		shift
		${shell}_offered "$line" | cut -f 1 >"$scratch/offered"
		for word in "$@"; do
			grep -qxF -- "$word" "$scratch/offered" || fail "$shell does not offer '$word' behind '$line': $(cat "$scratch/offered")"
		done
	}
	# shellcheck disable=SC2046 # a word each
	typed "mapherd " $("$MAPHERD" help | sed -n 's/^  mapherd \([a-z]*\) .*/\1/p')
	typed "mapherd st" stat
	! grep -qx run "$scratch/offered" || fail "$shell offers run for st"
	for verb in library ps top stat maps leaks diff report clean recover fill doctor; do
		# shellcheck disable=SC2046
		typed "mapherd $verb --" --help $("$MAPHERD" help $verb | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p')
	done
	typed "mapherd leaks --by s" stack suffix
	typed "mapherd maps $$" $$
	typed "mapherd help " run options status events
	typed "mapherd run --mode=observe -- grep --help mapherd-no" # a line of another command
	typed "mapherd run cksu" cksum
	typed "mapherd run --mode=observe cksu" cksum
	cd "$TESTS_SRC"
	case $shell in
	zsh)
		typed "mapherd run --lo" --log --log-format
		typed "mapherd run --log-format=" text json
		typed "mapherd recover la" layers.sh
		typed "mapherd clean prel" preload
		;;
	fish)
		typed "mapherd run --lo" --log= --log-format=
		typed "mapherd run --log-format=" --log-format=text --log-format=json
		typed "mapherd recover la" layers.sh
		typed "mapherd clean prel" preload/
		;;
	esac
done
