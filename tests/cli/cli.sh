# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the command share. Source it after lib.sh.
# shellcheck disable=SC2154 # scratch is made by lib.sh
: "${MAPHERD:?run by make check}"
unset MAPHERD_LIBRARY

# expect STATUS COMMAND...: runs it; what it wrote is in $scratch/out and $scratch/err.
expect() {
	expected=$1
	shift
	got=0
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
	[ "$got" = "$expected" ] || {
		sed 's/^/  /' "$scratch/out" "$scratch/err" >&2
		fail "'$*' ended with $got instead of $expected"
	}
}

# out_has/err_has TEXT: what the last command wrote there contains it; the -s forms: it wrote nothing.
has() { grep -qF -- "$2" "$scratch/$1" || { sed 's/^/  /' "$scratch/$1" >&2; fail "no '$2' in std$1"; }; }
out_has() { has out "$1"; }
err_has() { has err "$1"; }
silent() { [ ! -s "$scratch/$1" ] || { sed 's/^/  /' "$scratch/$1" >&2; fail "std$1 is not empty"; }; }
one_line() { [ "$(wc -l <"$scratch/$1")" = 1 ] || { sed 's/^/  /' "$scratch/$1" >&2; fail "std$1 is not one line"; }; }

# An error of usage: status 2, nothing on stdout, one line that says TEXT.
misuse() {
	text=$1
	shift
	expect 2 "$MAPHERD" "$@"
	silent out
	one_line err
	err_has "mapherd: "
	err_has "$text"
}

# field NAME...: that member of the JSON object in $scratch/out; needs python3.
field() {
	python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2:]:
    value = value[int(key) if isinstance(value, list) else key]
print(json.dumps(value) if isinstance(value, bool) else value)' "$scratch/out" "$@"
}

# hold COMMAND...: starts one that writes a line when it is ready and ends with its stdin; its
# process is $held.
mkfifo "$scratch/stdin" "$scratch/stdout"
hold() {
	"$@" <"$scratch/stdin" >"$scratch/stdout" &
	held=$!
	exec 3>"$scratch/stdin"
	read -r word <"$scratch/stdout" || fail "'$*' did not get ready"
	[ "$word" = ready ] || fail "'$*' said '$word'"
}
release() {
	exec 3>&-
	wait "$held" || fail "what was held ended with $?"
}

# await PATH: what was held makes that file sooner or later.
await() {
	tries=3000
	until [ -e "$1" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "there is no $1 after five minutes"
		sleep 0.1
	done
}

# The kernel's own count of a process's maps.
kernel_maps() { grep -vc '\[vsyscall\]$' "/proc/$1/maps"; }
