#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# make bench-server: a Tomcat with an index of Lucene and a database of H2 (Server.java), alone and
# preloaded: how many requests a second, and how long the slowest of a hundred waits. Not a test of
# time, but it fails if a server crashes, an answer is wrong, a change is lost, or a line is in
# mapherd's log.
#
# Three servers run at once: two alone, one preloaded. In a turn each is given load for a slice of
# some seconds, while the others have nothing to do; the six orders of the three take turns. A
# ratio is that of a turn: the preloaded one to the mean of the two alone. The ratio of those two to
# each other is the noise: what the machine does meanwhile, and that a JVM compiles differently in
# each process. So that one process does not decide, all three are started anew every two minutes;
# the mean of the starts, with its standard error, says how sure a ratio is. What is measured in the
# first third after a start is not counted, for the JVMs compile then.
#
# MINUTES      for each JDK (15)
# STARTS       of the three servers in that time (one in two minutes)
# JDKS         their homes, separated by ':' (all under /usr/lib/jvm)
# SLICE        seconds (5)
# CONNECTIONS  of the client, each with one request under way (4)
# STRICT=1     a missed goal is a failure
# TURNS=FILE   what each turn measured is added to it: the JDK, the number of the start and its
#              seconds so far, and for alone, again and preloaded the four numbers of slice()
#
# Other options of mapherd, such as MAPHERD_MODE, reach the preloaded server.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make bench-server}/lib.sh"
load=$TESTS_BIN/tests/bench/load
minutes=${MINUTES:-15}
slice=${SLICE:-5}
connections=${CONNECTIONS:-4}
[ "$minutes" -ge 1 ] 2>/dev/null || fail "MINUTES: $minutes is no whole number of minutes"
starts=${STARTS:-$(((minutes + 1) / 2))}
each=$((minutes * 60 / starts)) # seconds

jars=""
for jar in lucene-core-4.10.4 lucene-analyzers-common-4.10.4 h2 tomcat10-embed-core \
	jakarta-annotation-api; do
	[ -f "/usr/share/java/$jar.jar" ] ||
		skip "no /usr/share/java/$jar.jar (examples/packages.sh tests installs it)"
	jars="$jars:/usr/share/java/$jar.jar"
done
jdks >"$scratch/jdks"
[ -s "$scratch/jdks" ] || skip "no JDK with a compiler"
case ${TURNS:-/} in
/*) ;;
*) TURNS=$PWD/$TURNS ;;
esac
cd "$scratch" # a JVM that dies writes its report here
unset MAPHERD_LOG MAPHERD_LOG_LEVEL JDK_JAVA_OPTIONS JAVA_TOOL_OPTIONS
log=$scratch/log

# Where its lines go, a warning does arrive.
MAPHERD_LOG=$log MAPHERD_MODE=wrong preloaded /bin/true
[ -s "$log" ] || fail "a wrong option has no line in the log"
rm "$log"

running="" # process ids, each with a space before it
# shellcheck disable=SC2086,SC2317 # words; called when the script ends
kill_all() {
	for pid in $running; do
		# Its number may be another process's by now.
		tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q ' Server serve ' || continue
		kill -KILL "$pid"
		# One that is not waited for yet has no maps.
		while [ -n "$(cat "/proc/$pid/maps" 2>/dev/null)" ]; do sleep 0.05; done
	done
}
later kill_all

java() {
	exec "$jdk/bin/java" -Xms256m -Xmx256m -Dh2.nioCleanerHack=true -cp "classes:$jars" "$@"
}

# start NAME: a server with files of its own. Its process id is in NAME.pid.
start() {
	rm -rf "$1"
	cp -R made "$1"
	if [ "$1" = preloaded ]; then
		(
			export MAPHERD_LOG="$log" LD_PRELOAD="$MAPHERD_LIB"
			java Server serve "$1"
		) >"$1.out" 2>"$1.err" &
	else
		(java Server serve "$1") >"$1.out" 2>"$1.err" &
	fi
	running="$running $!"
	echo $! >"$1.pid"
	echo "0 0 0 0" >"$1.sums" # requests, wrong answers, orders, notes
}

# wait_for NAME: until it answers. It gives each answer once, which are those of the first server.
wait_for() {
	tries=0
	until [ -f "$1/port" ]; do
		kill -0 "$(cat "$1.pid")" 2>/dev/null || fail "$1 has ended: $(tail -n 20 "$1.err")"
		tries=$((tries + 1))
		[ $tries -lt 3000 ] || fail "$1 does not start: $(tail -n 20 "$1.err")"
		sleep 0.1
	done
	"$load" "$(cat "$1/port")" requests "$1.answers" ||
		fail "$1 does not answer: $(tail -n 20 "$1.err")"
	[ -f answers ] || cp "$1.answers" answers
	cmp answers "$1.answers" || fail "$1 answers differently"
	awk '/^\/order/ { orders++ } /^\/note/ { notes++ } END { print NR, 0, orders, notes }' requests \
		>>"$1.sums"
}

# The processor time of a server: hundredths of a second.
cpu() { awk '{ print $14 + $15 }' "/proc/$(cat "$1.pid")/stat"; }

# slice NAME FIRST: load for one. In NAME.now are the rate, the two times, and the processor time
# of a request (us).
slice() {
	used=$(cpu "$1")
	"$load" "$(cat "$1/port")" requests answers "$2" "$slice" "$connections" >"$1.line" ||
		fail "$1 does not answer: $(tail -n 20 "$1.err")"
	used=$(($(cpu "$1") - used))
	read -r rate p50 p99 sums <"$1.line"
	echo "$rate $p50 $p99 $((used * 10000 / ${sums%% *}))" >"$1.now"
	echo "$sums" >>"$1.sums"
}

# ends NAME: it ends well, and what it was told is in its files.
ends() {
	pid=$(cat "$1.pid")
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	running=$(printf '%s' "$running" | sed "s/ $pid\$//; s/ $pid / /")
	[ $status = 143 ] || fail "$1: status $status: $(tail -n 20 "$1.out" "$1.err")"
	! grep -E 'Exception|Error|SEVERE' "$1.err" || fail "$1 complains: $(cat "$1.err")"
	awk '{ for (i = 1; i <= 4; i++) sum[i] += $i } END { print sum[1], sum[2], sum[3], sum[4] }' \
		"$1.sums" >"$1.sum"
	read -r all wrong orders notes <"$1.sum"
	[ "$wrong" = 0 ] || fail "$1: $wrong of $all answers are wrong"
	kept=$((orders < 20000 ? orders : 20000))
	printf 'orders %s %s %s\n' "$orders" "$orders" $kept >wanted
	kept=$((notes < 1000 ? notes : 1000))
	printf 'notes %s %s\n' "$notes" $kept >>wanted
	cmp wanted "$1.out" || fail "$1 should hold $(cat wanted), and holds $(cat "$1.out")"
	requests=$((requests + all))
}

# in_it NAME: whether the library is.
in_it() { grep -q libmapherd.so "/proc/$(cat "$1.pid")/maps"; }
maps() { wc -l <"/proc/$(cat "$1.pid")/maps"; }

# run NUMBER: one start of the three servers. Each turn that counts is a line of the file turns: the
# number of the start, and four numbers of each server.
run() {
	began=$(date +%s)
	for server in alone again preloaded; do start $server; done
	for server in alone again preloaded; do wait_for $server; done
	counted=0
	while :; do
		before=$(($(date +%s) - began))
		[ $before -lt $((each - 3 * slice)) ] || [ $counted = 0 ] || break
		turn=$((turn + 1))
		case $((turn % 6)) in
		1) order="alone preloaded again" ;;
		2) order="again preloaded alone" ;;
		3) order="preloaded again alone" ;;
		4) order="alone again preloaded" ;;
		5) order="again alone preloaded" ;;
		0) order="preloaded alone again" ;;
		esac
		for server in $order; do slice "$server" $((turn * 997)); done
		took=$(cat alone.now again.now preloaded.now | tr '\n' ' ')
		[ -z "${TURNS:-}" ] || echo "$jdk $1 $before $took" >>"$TURNS"
		[ $before -ge $((each / 3)) ] || continue
		counted=$((counted + 1))
		echo "$1 $took" >>turns
	done
	in_it preloaded || fail "the library is not in the preloaded server"
	! in_it alone || fail "the library is in a server that is alone"
	! in_it again || fail "the library is in a server that is alone"
	printf '  maps at the end of start %s: alone %s, again %s, preloaded %s\n' \
		"$1" "$(maps alone)" "$(maps again)" "$(maps preloaded)" >>maps
	pid=$(cat preloaded.pid)
	"$MAPHERD" stat "$pid" >told || fail "mapherd stat fails"
	for server in alone again preloaded; do ends $server; done
	[ ! -s "$log" ] || fail "lines in the log: $(cat "$log")"
}

# The table. A row has the medians of the turns, the median of the ratios, their quartiles, and the
# same of the noise. Returns 1 if a goal was missed.
# The processor time of a request depends least on what else the machine does.
table() {
	awk -v starts="$starts" '
	function sorted(a, n, i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
	}
	function median(a, n) {
		sorted(a, n)
		return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
	}
	# Of a sorted one.
	function quartiles(a, n) {
		return sprintf("%.3f .. %.3f", a[int((n + 3) / 4)], a[n + 1 - int((n + 3) / 4)])
	}
	# The median of those of one start.
	function of_start(a, start, i, n, one) {
		for (i = 1; i <= NR; i++)
			if (v[i, 1] == start) one[++n] = a[i]
		return median(one, n)
	}
	# The mean of n numbers, and its standard error.
	function mean(a, n, i, sum, squares) {
		for (i = 1; i <= n; i++) sum += a[i]
		for (i = 1; i <= n; i++) squares += (a[i] - sum / n) ^ 2
		return sprintf("%.3f", sum / n) (n > 1 ? sprintf(" +- %.3f", sqrt(squares / (n - 1) / n)) : "")
	}
	# v[line, c] is of the first server, and those of the others are four and eight columns on.
	function row(name, c, goal, more,
		i, a, b, p, ratio, noise, start, x, y, all, result, aim, verdict) {
		for (i = 1; i <= NR; i++) {
			a[i] = v[i, c]; b[i] = v[i, c + 4]; p[i] = v[i, c + 8]
			ratio[i] = 2 * p[i] / (a[i] + b[i]); noise[i] = b[i] / a[i]
		}
		for (start = 1; start <= starts; start++) {
			x[start] = of_start(ratio, start)
			y[start] = of_start(noise, start)
			all = all sprintf(" %.3f (%.3f)", x[start], y[start])
		}
		by_start = by_start sprintf("    %-20s %-15s (%-15s) %s\n", name, mean(x, starts),
			mean(y, starts), all)
		result = median(ratio, NR)
		if (goal) {
			aim = (more ? ">= " : "<= ") goal
			verdict = (more ? result >= goal : result <= goal) ? "met" : "MISSED"
			if (verdict == "MISSED") missed = 1
		}
		printf "    %-20s %9.1f %9.1f %9.1f", name, median(a, NR), median(b, NR), median(p, NR)
		printf "   %.3f  %-14s  %-7s %-6s", result, quartiles(ratio, NR), aim, verdict
		result = median(noise, NR)
		printf "   %.3f  %s\n", result, quartiles(noise, NR)
	}
	{ for (i = 1; i <= NF; i++) v[NR, i] = $i }
	END {
		printf "    %-20s %9s %9s %9s   %-5s  %-14s  %-7s %-6s   %s\n", "", "alone", "again",
			"preloaded", "ratio", "quartiles", "goal", "", "noise: again to alone"
		row("requests a second", 2, 0.99, 1)
		row("median, us", 3, 0)
		row("p99, us", 4, 1.02)
		row("processor, us", 5, 0)
		print "  mean of the starts, and each (in brackets: noise)"
		printf "%s", by_start
		exit missed
	}' turns
}

printf '%s, %s, %s processors, files on %s\n' "$(uname -sr)" "$(uname -m)" "$(nproc)" \
	"$(stat -f -c %T "$scratch")"
printf 'minutes for each JDK: %s, slices of %s s, %s connections\n' \
	"$minutes" "$slice" "$connections"
missed=""
while read -r jdk; do
	rm -rf classes turns maps
	"$jdk/bin/javac" -nowarn -cp "$jars" -d classes "$TESTS_SRC/bench/Server.java" 2>javac.err ||
		fail "$jdk: $(cat javac.err)"
	if [ ! -d made ]; then
		mkdir made
		(java Server make made requests) </dev/null 2>made.err || fail "nothing to serve: $(cat made.err)"
	fi
	turn=0 requests=0 number=0
	while [ $((number += 1)) -le "$starts" ]; do run $number; done
	printf '\n%s\n' "$("$jdk/bin/java" -version 2>&1 | sed -n 's/"//g; 2p')"
	printf '  starts of the three servers: %s, turns: %s, requests: %s, wrong answers: 0, %s\n' \
		"$starts" "$(wc -l <turns)" "$requests" "lines in the log: 0"
	table || missed=yes
	cat maps
	echo "  mapherd stat of the last preloaded one:"
	sed -n '/calls that could change\|placed beside\|windows now/s/^/  /p' told
done <"$scratch/jdks"
[ -z "$missed" ] || [ -z "${STRICT:-}" ] || fail "a goal was missed"
