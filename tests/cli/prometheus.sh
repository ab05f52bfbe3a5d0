#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A real node_exporter serves the files of three processes, and a real Prometheus with the rules of
# examples/prometheus fires on the one that is driven over 80 %, and on one whose data a full disk has no
# space for, as long as that is so. It answers what the dashboard of examples/grafana asks.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
for command in promtool prometheus prometheus-node-exporter python3; do
	command -v "$command" >/dev/null || skip "no $command"
done
. "$TESTS_SRC/cli/many.sh"
example=$TESTS_SRC/../examples/prometheus
dir=$scratch/metrics
mkdir "$dir"

# The rules, and that their tests can fail: with another border, with another span.
promtool check rules "$example/mapherd.rules.yml" >"$scratch/out" 2>&1 || { cat "$scratch/out" >&2; fail "promtool is not content with the rules"; }
cp "$example"/*.yml "$scratch"
rules_pass() { promtool test rules "$scratch/mapherd.rules.test.yml" >"$scratch/out" 2>&1; }
rules_pass || { cat "$scratch/out" >&2; fail "the tests of the rules fail"; }
for change in 's/>= 1000$/>= 999/' 's/>= 1000$/>= 1001/' 's/for: 10m/for: 1m/' 's/for: 10m/for: 30m/' 's/> 0.8$/> 0.79/' 's/> 0.95/> 0.97/' 's/86400/864/' 's/> 0.2$/> 0.9/' 's/\[10m\]/[1h]/' 's/for: 15m/for: 5m/' 's/for: 5m/for: 8m/' \
	's/waiting_bytes > 0$/waiting_bytes > 65536/' 's/errors_pending > 0$/errors_pending > 2/' 's/syncs_failed_total\[10m\]) > 0/syncs_failed_total[10m]) > 1/' \
	's/converted_total\[10m\]) > 0/converted_total[10m]) > 1/' 's/no_space_total\[10m\]) > 0/no_space_total[10m]) > 1/'; do
	sed "$change" "$example/mapherd.rules.yml" >"$scratch/mapherd.rules.yml"
	rules_pass && fail "the tests of the rules do not see $change"
done

# A port of loopback that is free now; others may take it before it is used.
free_port() {
	python3 -c '
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}
# served_by START LOG: START starts a server, in the background, on the port $port; it serves, or is
# started anew on another port where it ends, because somebody else has taken that one.
served_by() {
	for _ in 1 2 3 4 5; do
		port=$(free_port)
		"$1"
		server_pid=$!
		later "kill $server_pid 2>/dev/null && wait $server_pid || true"
		until_true 300 answers_or_ended || break
		! kill -0 "$server_pid" 2>/dev/null || return 0
	done
	tail -n 20 "$2" >&2
	fail "$1: no server"
}
answers_or_ended() {
	get "http://127.0.0.1:$port/metrics" >"$scratch/served" 2>/dev/null || ! kill -0 "$server_pid" 2>/dev/null
}
get() { # get URL: its text
	python3 - "$1" <<'END'
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
except OSError as e:
    sys.exit(str(e))
END
}

many 10 "$MAPHERD" run --metrics="$dir" "$holder"
ten=$many
many 30 "$MAPHERD" run --metrics="$dir" "$holder"
thirty=$many
# The third is driven: it maps when it is told to, at once, and then sits there.
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
hold "$MAPHERD" run --metrics="$dir" "$python" "$TESTS_SRC/cli/driven.py" 1000 $((limit * 83 / 100)) "$scratch/file"
driven=$held
later "kill -9 $driven 2>/dev/null || true"

# Without descriptor 3, by whose end the driven process is told to end.
node_exporter() {
	prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$dir" --web.listen-address="127.0.0.1:$port" >"$scratch/exporter.log" 2>&1 3>&- &
}
served_by node_exporter "$scratch/exporter.log"
exporter=127.0.0.1:$port
grep -q '^node_textfile_scrape_error 0' "$scratch/served" || { cat "$scratch/exporter.log" >&2; fail "node_exporter cannot read the files"; }
served() { sed -n "s/^$1{pid=\"$2\",program=\"[^\"]*\"} //p" "$scratch/served"; }
near() { # near PID: what is served is within a fiftieth of the limit of the kernel's count
	python3 - "$(served process_memory_map_areas "$1")" "$(kernel_maps "$1")" "$limit" <<'END'
import sys
told, kernel, limit = map(float, sys.argv[1:])
sys.exit(abs(told - kernel) > limit / 50 + 8)
END
}
for pid in "$ten" "$thirty" "$driven"; do
	near "$pid" || fail "process $pid: served $(served process_memory_map_areas "$pid"), the kernel has $(kernel_maps "$pid")"
	[ "$(served process_memory_map_areas_limit "$pid")" = "$limit" ] || fail "another limit is served"
	[ "$(served mapherd_calls_total "$pid")" ] || fail "the library's own numbers are not served"
done

# The rules as they are, but for their patience: a minute of waiting proves nothing that
# promtool's clock has not.
sed 's/for: 1m$/for: 2s/' "$example/mapherd.rules.yml" >"$scratch/mapherd.rules.yml"
cat >"$scratch/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [mapherd.rules.yml]
scrape_configs: [{job_name: node, static_configs: [{targets: ['$exporter']}]}]
END
prometheus_itself() {
	prometheus --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/data" \
		--web.listen-address="127.0.0.1:$port" >"$scratch/prometheus.log" 2>&1 3>&- &
}
served_by prometheus_itself "$scratch/prometheus.log"
server=127.0.0.1:$port
asked() { # asked QUERY: what Prometheus knows, a line a series: pid value
	get "http://$server/api/v1/query?query=$1" 2>/dev/null | python3 -c '
import json, sys
for row in json.load(sys.stdin)["data"]["result"]:
    print(row["metric"].get("pid"), row["value"][1])' 2>/dev/null
}
scraped() { [ "$(asked 'count(process_memory_map_areas)')" = "None 3" ]; }
until_true 120 scraped || { tail -5 "$scratch/prometheus.log" >&2; fail "Prometheus has not the three processes"; }
firing() { # alert and pid of what fires
	get "http://$server/api/v1/alerts" 2>/dev/null | python3 -c '
import json, sys
for alert in json.load(sys.stdin)["data"]["alerts"]:
    if alert["state"] == "firing":
        print(alert["labels"]["alertname"], alert["labels"].get("pid"))' 2>/dev/null | sort
}
[ -z "$(firing)" ] || fail "something fires before anything is wrong: $(firing)"

printf '\n' >&3
is_driven() { [ "$(kernel_maps "$driven")" -gt $((limit * 83 / 100)) ]; }
until_true 60 is_driven || fail "it could not be driven over 80 %"
fires() { firing | grep -qx "MemoryMapsHigh $driven"; }
until_true 120 fires || fail "MemoryMapsHigh does not fire; fires: $(firing)"
[ "$(firing)" = "MemoryMapsHigh $driven" ] || fail "others fire too: $(firing)"

# Each query of the dashboard has data, now that one process has grown, and has called msync.
python3 "$TESTS_SRC/cli/dashboard.py" "$TESTS_SRC/../examples/grafana/mapherd.json" >"$scratch/queries"
[ "$(wc -l <"$scratch/queries")" -ge 20 ] || fail "no queries were read"
answered() { # answered QUERY: a series with a number
	python3 - "http://$server/api/v1/query" "$1" <<'END'
import json, sys, urllib.parse, urllib.request
url = sys.argv[1] + "?" + urllib.parse.urlencode({"query": sys.argv[2]})
try:
    rows = json.load(urllib.request.urlopen(url, timeout=5))["data"]["result"]
except OSError as e:
    sys.exit(str(e))
sys.exit(not any(row["value"][1] != "NaN" and row["metric"].get("program") for row in rows))
END
}
while IFS='	' read -r panel query; do
	until_true 60 answered "$query" || fail "the dashboard's panel '$panel' is empty: $query"
done <"$scratch/queries"
! answered 'mapherd_no_such_metric' && ! answered '0 * mapherd_pressure / 0' || fail "a query without data passes"

# With the process its file goes, and with that the alert.
release
quiet() { [ -z "$(firing)" ] && [ "$(asked 'count(process_memory_map_areas)')" = "None 2" ]; }
until_true 120 quiet || fail "it fires on: $(firing)"

# Data at risk. The program stores to a file on a full disk, and then makes one call, of which nothing comes but that
# its metrics are renewed.
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
if ! disk ext4 64M; then
	say "not shown here: ext4: $why"
	exit 0
fi
at_risk() { # at_risk PID: that fires, and nothing else
	[ "$(firing)" = "MappedDataWaiting $1" ]
}
waiting() { asked mapherd_spill_waiting_bytes | sed -n "s/^$1 //p"; }
well() { [ -z "$(firing)" ] && [ "$(waiting "$running")" = 0 ]; }
begin_preloaded_with_metrics() {
	export MAPHERD_METRICS="$dir"
	begin_preloaded "$@"
	unset MAPHERD_METRICS
}
begin_preloaded_with_metrics "$file" 128
later "kill -9 $running 2>/dev/null && wait $running || true"
until_true 120 well || fail "it fires before anything is wrong, or is not scraped: $(firing)"
take_space
ask store ascending 0 64 7 || fail "the store without space has killed it: $(tail -3 "$scratch/log")"
expect_answer 0 protect rw 100 1
until_true 120 at_risk "$running" || fail "MappedDataWaiting does not fire alone; fires: $(firing)"
# The pages that the file has are not in the spill file: no more waits than was stored, and what the kernel
# has allocated for it there is no less.
bytes=$(waiting "$running")
spill=$(find "$spills" -name 'mapherd-spill.*')
[ "$bytes" -gt 0 ] && [ "$bytes" -le $((64 * 4096)) ] && [ $((bytes % 4096)) = 0 ] || fail "$bytes bytes wait"
[ "$bytes" -le $(($(stat -c %b "$spill") * 512)) ] || fail "$bytes bytes wait in a file of $(stat -c %b "$spill") blocks"
expect 0 "$MAPHERD" stat "$running"
[ "$(grep -A 1 '^data at risk or lost$' "$scratch/out" | grep -c 'bytes in the spill file')" = 1 ] || fail "stat does not say first what waits"
exact=$(sed -n 's/^  bytes in the spill file .* //p' "$scratch/out" | tr -d ,)
[ "$bytes" -le "$exact" ] && [ "$exact" -lt $((2 * bytes)) ] || fail "$exact bytes wait, and the metrics say $bytes"
# With space everything goes back, and the alert with it.
give_space
expect_answer 0 msync 0 64
until_true 120 well || fail "everything has gone back, and it fires: $(firing), $(waiting "$running") bytes wait"
# A process that ends without space: its metrics stay, and say so, until its data are recovered.
take_space
ask store ascending 64 64 9 || fail "the store without space has killed it: $(tail -3 "$scratch/log")"
expect_answer 0 protect rw 100 1
until_true 120 at_risk "$running" || fail "MappedDataWaiting does not fire again; fires: $(firing)"
ended
[ -f "$dir/mapherd-$running.prom" ] || fail "a process that ends with spilled pages takes its metrics away"
bytes=$(sed -n 's/^mapherd_spill_waiting_bytes{.*} //p' "$dir/mapherd-$running.prom")
[ "$bytes" -gt 0 ] || fail "the metrics of a process that has ended say that $bytes bytes wait"
ended_at=$(date +%s)
scraped_since() { [ "$(asked 'timestamp(mapherd_spill_waiting_bytes)' | sed -n "s/^$running \([0-9]*\).*/\1/p")" -gt $((ended_at + 1)) ]; }
until_true 120 scraped_since || fail "the metrics that it has left are not scraped"
at_risk "$running" || fail "the alert ends with its process: $(firing)"
give_space
expect 0 "$MAPHERD" recover "$spills"
on_disk ascending 64 64 9
expect 0 "$MAPHERD" clean "$dir"
until_true 120 quiet || fail "it is recovered, and it fires: $(firing)"
