#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# top: what it shows in a terminal is the truth, at any size, and it leaves the terminal as it was.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, which reads the JSON"
. "$TESTS_SRC/cli/many.sh"

misuse "-d '0' is not a number from 1 on" top -d 0
misuse "-p 'x' is not a number from 1 on" top -p x
misuse "'7' is one word too many" top 7
misuse "--sort 'x' is no column: maps, growth, cold, pid, user or program" top --sort x
misuse "--filter is longer than 63 bytes" top --filter "$(printf %064d 0)"
expect 1 "$MAPHERD" top -p 2147483647
err_has "there is no process 2147483647"

many 90 "$MAPHERD" run "$holder"
ninety=$many
many 50 "$holder"
fifty=$many
many 10 "$holder"
ten=$many

# JSON: an object a line, each round anew.
"$MAPHERD" top --json -d 1 | head -n 2 >"$scratch/lines"
python3 - "$scratch/lines" "$ninety" "$fifty" "$ten" <<'END' || fail "the JSON is not the truth"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 2
for told in lines:
    at = {row["pid"]: row for row in told["processes"]}
    for pid in map(int, sys.argv[2:]):
        assert at[pid]["maps"] == sum("[vsyscall]" not in l for l in open("/proc/%d/maps" % pid))
END
"$MAPHERD" top --json -d 1 -p "$ten" | head -n 1 >"$scratch/out"
[ "$(field processes 0 maps)" = "$(kernel_maps "$ten")" ] || fail "-p --json is not the truth"

# told FLAG...: the ids that are listed, in their order.
told() {
	"$MAPHERD" top --json -d 1 "$@" | head -n 1 >"$scratch/out"
	python3 -c 'import json, sys; print(*(p["pid"] for p in json.load(open(sys.argv[1]))["processes"]))' "$scratch/out"
}
only_ours() { grep -x -e "$ninety" -e "$fifty" -e "$ten" | tr '\n' ' '; }
ours() { told "$@" | tr ' ' '\n' | only_ours; }
lowest=$(printf '%s\n' "$ninety" "$fifty" "$ten" | sort -n | tr '\n' ' ')
[ "$(ours)" = "$ninety $fifty $ten " ] || fail "not sorted by maps: $(ours)"
[ "$(ours --sort pid)" = "$lowest" ] || fail "not sorted by id: $(ours --sort pid)"
[ "$(told --filter "$fifty")" = "$fifty" ] || fail "an id lets others through: $(told --filter "$fifty")"
[ "$(ours --filter HOLDE)" = "$ninety $fifty $ten " ] || fail "a part of the program's name does not filter"
[ -z "$(told --filter no-such-program)" ] || fail "what no process has lets some through"

expect 1 "$MAPHERD" top
silent out
if grep -q "not built in" "$scratch/err"; then
	say "not shown here: the screen (built without ncurses)"
	exit 0
fi
err_has "top needs a terminal"

command -v tmux >/dev/null || { say "not shown here: the screen (no tmux)"; exit 0; }
# A server of its own for each session: one that ends may still take the next.
mux() { tmux -f /dev/null -S "$scratch/tmux.$sessions" "$@"; }
sessions=0
cat >"$scratch/session" <<'END'
trap : INT
export LANG=C.UTF-8
unset LC_ALL
stty -a | grep -v rows >"$1/stty.before"
shift_dir=$1
shift
"$@" || echo $? >"$shift_dir/status"
[ -e "$shift_dir/status" ] || echo 0 >"$shift_dir/status"
stty -a | grep -v rows >"$shift_dir/stty.end"
mv "$shift_dir/stty.end" "$shift_dir/stty.after"
exec sleep 1000
END
session() { # session COMMAND...: in a terminal of 80 by 24
	rm -f "$scratch/status"
	sessions=$((sessions + 1))
	later "tmux -S '$scratch/tmux.$sessions' kill-server 2>/dev/null || true"
	mux new-session -d -x 80 -y 24 sh "$scratch/session" "$scratch" "$@"
}
screen() { mux capture-pane -p; }
shows() { screen | grep -Eq -- "$1"; }
wait_for() { until_true 60 shows "$1" || { screen >&2; fail "the screen does not show '$1'"; }; }
ended() { [ -e "$scratch/stty.after" ]; }
cleared() { ! shows "maps"; }
close_session() { # close_session STATUS; a vt100 has no screen to come back to
	until_true 60 ended || fail "top does not end"
	[ "$(cat "$scratch/status")" = "$1" ] || fail "top ended with $(cat "$scratch/status"), not $1"
	cmp "$scratch/stty.before" "$scratch/stty.after" || fail "the terminal is not what it was"
	[ "${2:-}" = vt100 ] || until_true 60 cleared || { screen >&2; fail "the screen of top is still there"; }
	mux kill-server
	rm -f "$scratch/stty.after"
}
commas() { printf '%s' "$1" | sed ':a;s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta'; }
# redrawn COLUMNS: the clock ends the first line, where there is room for it.
redrawn() {
	[ "$1" -gt 40 ] || return 0
	screen | head -n 1 | grep -Eq "^.{$(($1 - 10))} ?every 1 s$"
}
# fits COLUMNS LINES: no line is wider than the terminal, none is broken (-J joins what is).
fits() {
	mux capture-pane -p -J >"$scratch/screen"
	python3 - "$scratch/screen" "$1" "$2" <<'END'
import sys
lines = open(sys.argv[1], encoding="utf-8").read().split("\n")[:-1]
sys.exit(max(map(len, lines)) > int(sys.argv[2]) or len(lines) > int(sys.argv[3]))
END
}
narrow_enough() {
	until_true 60 redrawn "$1" || { screen >&2; fail "the screen is not drawn anew at $1 columns"; }
	fits "$1" "$2" || { cat "$scratch/screen" >&2; fail "the screen does not fit $1 columns"; }
}

# That it can be told: a line of 100 columns does not fit 80.
session printf '%0100d\n' 0
until_true 60 ended || fail "printf does not end"
wait_for "^0+$"
! fits 80 24 || fail "a line of 100 columns fits 80"
mux kill-server
rm -f "$scratch/stty.after"

# The list, at 80 columns.
session "$MAPHERD" top -d 1
# Where another process of the machine has cold mappings, their column is in the place of the user's.
for pid in "$ninety" "$fifty" "$ten"; do
	wait_for "^ *$pid ([^ ]+ +)?holder +$(commas "$(kernel_maps "$pid")") +[0-9]+ % "
done
shows "^ *$ninety .* 90 % .* high" || fail "90 % is not high"
shows "^ *$fifty .* 50 % .* raised" || fail "50 % is not raised"
shows "each may have $(commas "$limit") maps" || fail "the limit is not shown"
narrow_enough 80 24

# What the filter lets through, sorted by another column, in reverse; and what holds the maps of the one
# that is chosen, at any width.
mux send-keys / ho LD BSpace BSpace ld er
wait_for "^/holder"
wait_for "^[0-9]+ of [0-9]+ processes with 'holder'"
mux send-keys Enter
wait_for "^q quit"
# rows_are PID...: these are in this order, whatever holders of others there are.
rows_are() { [ "$(screen | sed -n 's/^ *\([0-9]*\) .*holder .*%.*/\1/p' | only_ours)" = "$* " ]; }
until_true 60 rows_are "$ninety" "$fifty" "$ten" || { screen >&2; fail "the filter shows other rows"; }
mux send-keys '<' '<' '<'
wait_for "with 'holder', sorted by pid"
# shellcheck disable=SC2086 # three of them
until_true 60 rows_are $lowest || { screen >&2; fail "not sorted by id"; }
mux send-keys r
wait_for "sorted by pid, in reverse"
# shellcheck disable=SC2046
until_true 60 rows_are $(printf '%s\n' $lowest | sort -nr) || { screen >&2; fail "not in reverse"; }
mux send-keys r '>' '>' '>' Home
until_true 60 rows_are "$ninety" "$fifty" "$ten" || { screen >&2; fail "not sorted by maps again"; }
holds="[0-9,]+ +anonymous memory"
for size in 200x24 132x12 100x24 80x10 50x7 30x24; do
	mux resize-window -x "${size%x*}" -y "${size#*x}"
	narrow_enough "${size%x*}" "${size#*x}"
	wait_for "$holds"
done
mux resize-window -x 20 -y 24
wait_for "^ *[0-9,]+ \.\.\. memory$"
mux resize-window -x 80 -y 24
narrow_enough 80 24
mux send-keys '?'
wait_for "^/ +type a filter"
for size in 30x8 12x4 80x24; do
	mux resize-window -x "${size%x*}" -y "${size#*x}"
	narrow_enough "${size%x*}" "${size#*x}"
done
mux send-keys x
wait_for "^mapherd top"
mux send-keys Escape
wait_for "^[0-9]+ processes, each may"

# The chosen one, closer. Where it stands in the list is for the machine's other processes to say, and
# they come and go meanwhile: it is looked for until it is the one in reverse.
choose() {
	row=$(screen | grep -n "^ *$ninety " | cut -d: -f1)
	mux send-keys Home
	i=4
	while [ "$i" -lt "${row:-4}" ]; do
		mux send-keys Down
		i=$((i + 1))
	done
	until_true 5 chosen
}
chosen() {
	mux capture-pane -p -e | sed "s/$(printf '\033')\[/<esc>/g" |
		grep -Eq "^<esc>[0-9;]*7m(<esc>[0-9;]*m)* *$ninety "
}
until_true 60 choose || { screen >&2; fail "the process at 90 % cannot be chosen"; }
mux send-keys Enter
wait_for "^$ninety holder "
wait_for "the library herds its maps, at pressure high"
wait_for "^$(commas "$(kernel_maps "$ninety")") maps of $(commas "$limit"), 90 %: high"
wait_for "the upper edge is the limit"
wait_for "^ +[0-9,]+ anonymous memory"
wait_for "readings +[1-9]"
narrow_enough 80 24
for size in 132x50 40x12 30x8 12x4 5x2 80x24; do
	mux resize-window -x "${size%x*}" -y "${size#*x}"
	wait_for "^${ninety%"${ninety#??}"}"
	narrow_enough "${size%x*}" "${size#*x}"
done
for size in 80x10 30x9 24x8; do # as small as that, holders go before the graph
	mux resize-window -x "${size%x*}" -y "${size#*x}"
	wait_for "^ +[0-9,]+ +(\.\.\.|anonymous).*memory"
done
mux resize-window -x 80 -y 24
mux send-keys Left
wait_for "^ *$ten "
for size in 200x12 50x10 24x6 8x3 80x24; do
	mux resize-window -x "${size%x*}" -y "${size#*x}"
	wait_for "^mapherd"
	narrow_enough "${size%x*}" "${size#*x}"
done
mux send-keys q
close_session 0

# ^C, and a process that ends while it is looked at.
session "$MAPHERD" top -d 1 -p "$fifty"
wait_for "^$fifty holder "
end KILL "$fifty"
wait_for "has ended"
mux send-keys C-c
close_session 130

# Cold mappings: a column where there are any, and whether the process thrashes.
if kernel_since 6.11; then
	mkdir "$scratch/files"
	hold "$MAPHERD" run --cold=on --cold-warm=100 "$holder" "$scratch/files" files 300
	cold=$held
	session "$MAPHERD" top -d 1
	wait_for " pressure +cold\$"
	wait_for "^ *$cold .* calm +[12][0-9][0-9]\$"
	narrow_enough 80 24
	mux send-keys q
	close_session 0
	session "$MAPHERD" top -d 1 -p "$cold"
	wait_for "^[0-9]+ of 300 mappings are cold; 0 are made warm a second; what is in use fits"
	echo 300 >&3
	wait_for "^It thrashes: [0-9]+ of 300 mappings are cold; [0-9,]{5,} are made warm a second"
	for size in 200x24 30x8 12x4 80x24; do
		mux resize-window -x "${size%x*}" -y "${size#*x}"
		narrow_enough "${size%x*}" "${size#*x}"
	done
	wait_for "made warm +[0-9,]+"
	echo 0 >&3
	wait_for "^[0-9]+ of 300 mappings are cold; 0 are made warm a second; what is in use fits"
	mux send-keys q
	close_session 0
	release
else
	say "not shown here: cold mappings (Linux 6.11)"
fi

# Without UTF-8 and colours.
session env LC_ALL=C TERM=vt100 "$MAPHERD" top -d 1
wait_for "^ *$ninety .* 90 % #+\.+ "
mux send-keys q
close_session 0 vt100
session env TERM=no-such-terminal "$MAPHERD" top
until_true 60 ended || fail "top does not end"
wait_for "nothing is known of the terminal 'no-such-terminal'"
[ "$(cat "$scratch/status")" = 1 ] || fail "an unknown terminal is no failure"
