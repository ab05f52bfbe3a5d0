# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# fish completion for mapherd(1). What can be completed is asked of the command itself.

# The words before the cursor's, without the command.
function __mapherd_before
    set -l words (commandline -opc)
    printf '%s\n' $words[2..-1]
end

function __mapherd_verbs
    mapherd help 2>/dev/null | sed -n 's/^  mapherd \([a-z]*\)  *\(.*\)/\1\t\2/p'
end

# The flags of a verb: the lines of its help that begin with one.
function __mapherd_flags --argument-names verb
    mapherd help $verb 2>/dev/null | awk '
        /^  -/ {
            text = $0
            sub(/^  /, "", text)
            heads = text
            sub(/  .*/, "", heads)
            sub(/^.*[^ ]  +/, "", text)
            count = split(heads, head, ", ")
            for (i = 1; i <= count; i++) {
                split(head[i], word, " ")
                if (word[1] !~ /=/) print word[1] "\t" text
            }
        }
        END { print "--help\texplain the verb" }'
end

function __mapherd_options
    mapherd help options 2>/dev/null | sed -n 's/^MAPHERD_\([A-Z_]*\)=.*/--\1=/p' | tr A-Z_ a-z-
end

# The words of a choice: the line behind its name, if it is of the form a|b.
function __mapherd_words --argument-names option
    set -l name (string replace -- -- '' $option | tr a-z- A-Z_)
    mapherd help options 2>/dev/null |
        sed -n "/^MAPHERD_$name=/{n;s/\[,GLOB.*//;/^ *[a-z|]*\$/s/[ |]\{1,\}/\n/gp;}" | string match -r '.+'
end

# Options of the library, then the program with its own arguments.
function __mapherd_run
    set -l behind (__mapherd_before)[2..-1]
    set -l word (commandline -ct)
    while set -q behind[1]; and string match -q -- '-*' $behind[1]; and test $behind[1] != --
        set -e behind[1]
    end
    if set -q behind[1]; or not string match -q -- '-*' $word
        set -q behind[1]; and test $behind[1] = --; and set -e behind[1]
        complete -C "$behind $word"
    else if string match -q -- '--*=*' $word
        set -l option (string split -m 1 = -- $word)[1]
        for choice in (__mapherd_words $option)
            echo $option=$choice
        end
    else
        __mapherd_options
        __mapherd_flags run
    end
end

function __mapherd_operands --argument-names verb
    switch $verb
        case stat maps
            __fish_complete_pids
        case leaks diff report
            __fish_complete_pids
            __fish_complete_path (commandline -ct)
        case clean doctor
            __fish_complete_directories (commandline -ct)
        case recover fill graft
            __fish_complete_path (commandline -ct)
        case help
            __mapherd_verbs
            printf '%s\n' options status events
    end
end

function __mapherd_rest
    set -l before (__mapherd_before)
    switch "$before[1] $before[-1]"
        case 'run *'
            __mapherd_run
        case '* --by'
            printf '%s\n' stack file suffix deleted age
        case '* -p'
            __fish_complete_pids
        case '* --older' '* --top' '* --min-growth' '* -d' # a number
        case '* -o' '* --debug-dir'
            __fish_complete_path (commandline -ct)
        case '*'
            string match -q -- '-*' (commandline -ct); and __mapherd_flags $before[1]
            __mapherd_operands $before[1]
    end
end

complete -c mapherd -f
complete -c mapherd -n 'not string length -q -- (__mapherd_before)' -a '(__mapherd_verbs)'
complete -c mapherd -n 'string length -q -- (__mapherd_before)' -a '(__mapherd_rest)'
