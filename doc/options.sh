#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes doc/options.md from what `mapherd help options` says:
#
#   mapherd help options | sh doc/options.sh >doc/options.md
#
# `make options-page` does that. tests/cli/documents.sh compares the two.
cat <<'END'
# Options

<!-- Made by doc/options.sh from src/tell/options.def. Run `make options-page` after a change there. -->

An option is set in the environment of the program, in one of three ways:

    MAPHERD_PREALLOC=off                              # a variable for each option
    MAPHERD_OPTIONS=prealloc=off:log_level=info       # several options in one variable
    mapherd run --prealloc=off --log-level=info -- java -jar service.jar

A variable of its own wins over `MAPHERD_OPTIONS`. mapherd reads the options once, when the program
starts. An option that it does not know, and a value that is not allowed, is one warning in the log
that names the nearest right one; the option keeps its default. `mapherd run` refuses it instead.
`mapherd help options` prints this page. What to set in order to switch a part off is in
[operations](operations.md#how-to-turn-it-off).

In lists of rules such as `auto,/data/*=off` the first word is for all files. Each `GLOB=WORD` after
it is for the files whose path the GLOB matches.
END
awk '
	# The statements of a help text, which "; " parts, but not inside brackets.
	function split_help(text, part,    raw, count, i, parts, depth) {
		count = split(text, raw, "; ")
		for (i = 1; i <= count; i++) {
			if (depth > 0)
				part[parts] = part[parts] "; " raw[i]
			else
				part[++parts] = raw[i]
			depth += gsub(/\(/, "(", raw[i]) - gsub(/\)/, ")", raw[i])
		}
		return parts
	}
	# A sentence, unless it begins with a word of the option.
	function sentence(text) { return (text ~ /^auto / ? text : toupper(substr(text, 1, 1)) substr(text, 2)) "." }
	/^MAPHERD_/ {
		n++
		name[n] = $0
		sub(/=.*/, "", name[n])
		fallback[n] = substr($0, length(name[n]) + 2)
		line = 0
		next
	}
	n && ++line == 1 { form[n] = $0; sub(/^ +/, "", form[n]) }
	n && line == 2 { help[n] = $0; sub(/^ +/, "", help[n]) }
	END {
		print "\n| option | default |\n|---|---|"
		for (i = 1; i <= n; i++)
			printf "| [`%s`](#%s) | %s |\n", name[i], tolower(name[i]),
				fallback[i] == "" ? "(not set)" : "`" fallback[i] "`"
		for (i = 1; i <= n; i++) {
			printf "\n## %s\n\n", name[i]
			printf "`%s`, by default %s.\n\n", form[i], fallback[i] == "" ? "not set" : "`" fallback[i] "`"
			parts = split_help(help[i], part)
			for (k = 1; k <= parts; k++) {
				word = part[k]
				if (!sub(/: .*/, "", word) || word !~ /^[a-z0-9]+$/)
					word = ""
				if (k == 1 && word == "") {
					print sentence(part[k]) (parts > 1 ? "\n" : "")
				} else if (word != "") {
					printf "- `%s`: %s.\n", word, substr(part[k], length(word) + 3)
				} else {
					print "- " part[k] "."
				}
			}
		}
	}'
