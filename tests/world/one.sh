# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck shell=sh
# Runs one program of the table once, in namespaces that world.sh has made for it: what it starts is gone with them.
# Written to $RESULTS: out, err, status, kept (the data), peak (VMAs), loader/ (what the dynamic loader says).
#
#   one.sh NAME alone|preloaded SETTING=VALUE...
# shellcheck source=tests/workloads.sh
. "$TESTS_SRC/workloads.sh"
# shellcheck source=tests/world/programs.sh
. "$TESTS_SRC/world/programs.sh"
key=$(key_of "$1")
how=$2
shift 2
ip link set lo up
"$PEAK" "$RESULTS/peak" &
mkdir -m 1777 "$RESULTS/loader"
cd "$WORK"
# Not in a list with ||, where the shell would go on after a command that fails.
set +e
(
	set -e
	export LD_DEBUG=files LD_DEBUG_OUTPUT="$RESULTS/loader/of"
	# shellcheck disable=SC2163,SC2153 # they are NAME=VALUE; given by world.sh
	[ "$how" = alone ] || export LD_PRELOAD="$LIBRARY" "$@"
	"run_$key"
) >"$RESULTS/out" 2>"$RESULTS/err" </dev/null
echo $? >"$RESULTS/status"
mv kept "$RESULTS/kept"
