# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What zsh offers in a terminal, a line each.
#
#   zsh -f completion.zsh FOLDER LINE
#
# FOLDER has the functions of the completion; LINE is what was typed before the key was pressed.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; stty -echo; fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D"
# compadd -O fills an array with what matches, and offers nothing. A call that has -A, -D or -O itself only asks.
zpty -w shell '
compadd() {
	[[ "${@[1,(i)(-|--)]} " == *-(A|D|O)\ * ]] || {
		local -a matches
		builtin compadd -O matches "$@"
		print -lr -- match:$^matches
	}
	builtin compadd "$@"
}
offer() { _main_complete; compstate[insert]=; compstate[list]=; print -r -- "all""-told"; }
zle -C offer complete-word offer
bindkey "^X" offer; unsetopt beep; print -r -- "set""-up"'
zpty -r -m shell answer '*set-up*'
zpty -w -n shell "$2"$'\x18'
zpty -r -m shell answer '*all-told*'
print -r -- "$answer" | tr -d '\r' | sed -n 's/^.*match://p'
zpty -d shell
