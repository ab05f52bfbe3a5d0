#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What stands in examples is right by the tools that read it, and by mapherd itself. The rules of
# Prometheus are tried in prometheus.sh, and so are the queries of Grafana's dashboard.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
examples=$TESTS_SRC/../examples
have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; }
cannot() { say "not shown here: $1, for want of $2"; }
# clean COMMAND...: it ends with 0 and writes nothing.
clean() { "$@" >"$scratch/said" 2>&1 && [ ! -s "$scratch/said" ]; }
complains() { cat "$scratch/said" >&2; fail "$*"; }

# ---- what all of them say of mapherd ----

# options FILE: the NAME=value of the library's options in it, those in comments too.
options() { grep -o 'MAPHERD_[A-Z_]*=[^ \\]*' "$1" || true; }
# known FILE: these are options of the library, with values that it takes. How many is in $options.
known() {
	options=0
	while IFS='=' read -r option value; do
		[ "$option" != LD_PRELOAD ] || continue
		flag=--$(printf '%s' "${option#MAPHERD_}" | tr 'A-Z_' 'a-z-')
		"$MAPHERD" run -n "$flag=$value" true >/dev/null 2>"$scratch/said" || return 1
		options=$((options + 1))
	done <"$1"
}
known_in() {
	known "$1" || complains "an option in $2"
	[ "$options" -ge "$3" ] || fail "$2 has $options options"
	sed '1s/=/X=/' "$1" >"$scratch/wrong"
	! known "$scratch/wrong" || fail "an unknown option in $2 passes"
}
options "$examples/docker/Dockerfile.service" >"$scratch/options"
known_in "$scratch/options" Dockerfile.service 4
options "$examples/systemd/mapherd.conf" >"$scratch/options"
known_in "$scratch/options" systemd 5
options "$examples/logrotate/mapherd" >"$scratch/options"
known_in "$scratch/options" logrotate 1

# The library is where the image has it, in all of them.
prefix=$(sed -n 's/.*--prefix=\([^ ]*\).*/\1/p' "$examples/docker/Dockerfile")
grep -rho '[^ "=]*/libmapherd\.so' "$examples/docker" "$examples/kubernetes" "$examples/systemd" | sort -u >"$scratch/paths"
printf '%s\n' /mapherd/libmapherd.so "$prefix/lib/mapherd/libmapherd.so" | sort | diff - "$scratch/paths" >&2 ||
	fail "the examples do not agree on where the library is"

# in_java_alone WHOSE: with the environment in $scratch/environment, NAME=VALUE a line, the library works
# in java and in no other program: it has a record there.
for program in java other; do
	cp "$(command -v cat)" "$scratch/$program"
done
in_java_alone() {
	for program in java other; do
		xargs -a "$scratch/environment" sh -c 'program=$1; shift; exec env "$@" "$program" /proc/self/maps' sh "$scratch/$program" \
			MAPHERD_LEAKS=on MAPHERD_DIR="$scratch" >"$scratch/maps.$program"
	done
	grep -q '\.record' "$scratch/maps.java" || fail "with $1 the library does not work in java"
	! grep -q '\.record' "$scratch/maps.other" || fail "with $1 the library works in others than java"
}

# What the manual says of JVMs in one variable.
{
	echo "LD_PRELOAD=$MAPHERD_LIB"
	sed -n 's/^\.B \(MAPHERD_OPTIONS=.*java.*\)/\1/p' "$TESTS_SRC/../doc/mapherd.1"
} >"$scratch/environment"
[ "$(wc -l <"$scratch/environment")" = 2 ] || fail "the manual names no options for JVMs"
in_java_alone "the manual's options"

# ---- shell, Docker ----

if have shellcheck; then
	clean shellcheck "$examples"/*.sh || complains "shellcheck is not content with the examples"
else
	cannot "the scripts" shellcheck
fi

# words FILE BEGIN: the packages behind BEGIN in a file, to the end of its command or list.
words() { tr -d '\\"' <"$1" | tr '\n' ' ' | sed "s/.*$2 *//; s/[^-a-z0-9 ].*//; s/ [a-z]*\$//" | tr -s ' ' '\n' | sort; }
sed -n '/ AS build/,/^COPY/p' "$examples/docker/Dockerfile" >"$scratch/stage"
words "$scratch/stage" --no-install-recommends >"$scratch/image"
sed -n 's/^build="\(.*\)"/\1/p' "$examples/packages.sh" | tr ' ' '\n' | sort >"$scratch/list"
diff "$scratch/list" "$scratch/image" >&2 || fail "the image is not built with the packages of examples/packages.sh"

# ---- systemd ----

if have systemd-analyze; then
	mkdir -p "$scratch/units/app.service.d"
	cd "$scratch/units"
	printf '[Service]\nExecStart=/bin/true\nNoNewPrivileges=yes\nSystemCallFilter=@system-service\n' >app.service
	clean systemd-analyze verify --man=no ./app.service || complains "the unit of this test is wrong"
	systemd-analyze security --no-pager --offline=true ./app.service >"$scratch/alone" 2>&1 || complains "no security"
	cp "$examples/systemd/mapherd.conf" app.service.d
	clean systemd-analyze verify --man=no ./app.service || complains "systemd is not content with the drop-in"
	systemd-analyze security --no-pager --offline=true ./app.service >"$scratch/with" 2>&1 || true
	cmp -s "$scratch/alone" "$scratch/with" || fail "the drop-in changes the sandbox of the unit"
	# With all that is in comments too; and what is wrong there is seen.
	sed 's/^#\([A-Z][A-Za-z]*=\)/\1/' "$examples/systemd/mapherd.conf" >app.service.d/mapherd.conf
	clean systemd-analyze verify --man=no ./app.service || complains "systemd is not content with what is in comments"
	sed 's/^#ReadWritePaths/ReadWritePath/' "$examples/systemd/mapherd.conf" >app.service.d/mapherd.conf
	! clean systemd-analyze verify --man=no ./app.service || fail "a wrong drop-in passes"
	sed "s,=mapherd,=$MAPHERD," "$examples/systemd/mapherd-clean.service" >mapherd-clean.service
	cp "$examples/systemd/mapherd-clean.timer" .
	clean systemd-analyze verify --man=no ./mapherd-clean.service ./mapherd-clean.timer ||
		complains "systemd is not content with the timer"
	cd "$scratch"

	sed -n 's/^Environment=//p' "$examples/systemd/mapherd.conf" |
		sed "s,^LD_PRELOAD=.*,LD_PRELOAD=$MAPHERD_LIB,; s,/var/lib/mapherd,$scratch," >"$scratch/environment"
	in_java_alone "the unit's environment"
else
	cannot "the drop-in of systemd" systemd-analyze
fi
if have systemd-tmpfiles && [ "$(id -u)" = 0 ]; then
	mkdir "$scratch/root"
	clean systemd-tmpfiles --create --root="$scratch/root" "$examples/systemd/tmpfiles.conf" ||
		complains "systemd is not content with tmpfiles.conf"
	[ "$(stat -c '%a %u' "$scratch/root/var/lib/mapherd")" = '1777 0' ] || fail "another folder of spill files"
else
	cannot "the folder of spill files" "systemd-tmpfiles and root"
fi

# ---- logrotate ----

if have logrotate; then
	PATH=$PATH:/usr/sbin:/sbin
	logs=$scratch/logs
	mkdir -m 0750 "$logs"
	sed "s,/var/log/mapherd/NAME/\*,$logs/*,; s/su NAME NAME/su $(id -un) $(id -gn)/" \
		"$examples/logrotate/mapherd" >"$scratch/rotate"
	chmod 0644 "$scratch/rotate"
	rotate() {
		logrotate "$@" -s "$scratch/rotated" "$scratch/rotate" >"$scratch/said" 2>&1 &&
			! grep -qi '^error' "$scratch/said"
	}
	rotate -d || complains "logrotate is not content with the example"
	sed -i 's/delaycompress/delaycompres/' "$scratch/rotate"
	! rotate -d || fail "a wrong configuration of logrotate passes"
	sed -i 's/delaycompres$/delaycompress/' "$scratch/rotate"

	# Each of these processes writes one line, while the log is rotated under them.
	cp /bin/true "$scratch/many"
	told=0
	for _ in 1 2 3 4 5; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			env MAPHERD_NONE=1 MAPHERD_LOG="$logs/%e.log" LD_PRELOAD="$MAPHERD_LIB" "$scratch/many" &
			told=$((told + 1))
		done
		rotate -f || complains "logrotate failed"
		wait
	done
	[ -f "$logs/many.log.1" ] || fail "the log was not rotated"
	found=$(gzip -dcf "$logs"/many.log* | grep -c ' many\[') || true
	[ "$found" = $told ] || fail "of $told lines $found are left by the rotation"
	[ "$(stat -c '%a %u' "$logs/many.log" 2>/dev/null || echo "600 $(id -u)")" = "600 $(id -u)" ] ||
		fail "the new log is another's"

	# And one process writes before and after.
	if have python3; then
		limit=$(cat /proc/sys/vm/max_map_count)
		hold env MAPHERD_WARN=10,30 MAPHERD_LOG="$logs/driven.log" LD_PRELOAD="$MAPHERD_LIB" \
			python3 "$TESTS_SRC/cli/driven.py" $((limit / 5)) $((limit / 5))
		[ -s "$logs/driven.log" ] || fail "nothing was logged before the rotation"
		rotate -f || complains "logrotate failed"
		[ ! -e "$logs/driven.log" ] || fail "the log was not renamed"
		printf '\n' >&3
		await "$logs/driven.log"
		release
		grep -q ' 3[0-9] % of ' "$logs/driven.log" || fail "nothing was logged after the rotation"
		! grep -q ' 3[0-9] % of ' "$logs/driven.log.1" || fail "the renamed log was written to"
	else
		cannot "one process that logs before and after a rotation" python3
	fi
else
	cannot "the rotation of logs" logrotate
fi

# ---- Kubernetes, Grafana ----

manifest=$examples/kubernetes/mapherd.yaml
for python in python3 /usr/bin/python3 ""; do
	[ "$python" ] && "$python" -c 'import kubernetes, yaml' 2>/dev/null && break
done
if [ "$python" ]; then
	"$python" "$TESTS_SRC/cli/manifest.py" "$manifest" >"$scratch/options" 2>"$scratch/said" || complains "the manifest is wrong"
	known_in "$scratch/options" "the manifest" 5
	for change in s/volumeMounts/volumeMount/ 's/replicas: 1/replicas: one/' 's/^  serviceName.*//' 's/- name: data/- name: date/' \
		's,value: /mapherd/lib,value: /mapherd/,' 's/mountPath: .data/mountPath: 5/' 's,value: /var/lib,value: /var/log,'; do
		sed "$change" "$manifest" >"$scratch/manifest.yaml"
		! "$python" "$TESTS_SRC/cli/manifest.py" "$scratch/manifest.yaml" >"$scratch/said" 2>&1 ||
			fail "the manifest passes in spite of $change"
	done
else
	cannot "the manifest of Kubernetes" "python3-kubernetes"
fi

if have python3; then
	dashboard=$examples/grafana/mapherd.json
	python3 "$TESTS_SRC/cli/dashboard.py" "$dashboard" >"$scratch/queries" 2>"$scratch/said" || complains "the dashboard is wrong"
	"$MAPHERD" help status | awk '/^[a-z_]+$/ { getline; print $2 }' >"$scratch/metrics"
	grep -qx process_memory_map_areas "$scratch/metrics" || fail "no metrics were read"
	# Its histogram has a row in no table.
	printf '%s\n' mapherd_sync_seconds_bucket mapherd_sync_seconds_count >>"$scratch/metrics"
	# strangers FILE: what it asks for, and mapherd does not tell.
	strangers() { grep -oE '(mapherd|process)_[a-z_]+' "$1" | grep -vxF -f "$scratch/metrics"; }
	! strangers "$scratch/queries" >"$scratch/said" || complains "metrics that mapherd does not have"
	sed 's/_held_back_/_held_bakc_/' "$scratch/queries" >"$scratch/wrong"
	strangers "$scratch/wrong" >/dev/null || fail "a metric that mapherd does not have passes"
	sed 's/"x": 12/"x": 6/' "$dashboard" >"$scratch/dashboard.json"
	! python3 "$TESTS_SRC/cli/dashboard.py" "$scratch/dashboard.json" >/dev/null 2>&1 || fail "panels over one another pass"
else
	cannot "the dashboard of Grafana" python3
fi
