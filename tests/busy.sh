#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs a command, as a rule the suite, on a machine that others keep busy: tests must hold there.
#
#   tests/busy.sh [COMMAND...]      tests/run.sh, if none is given; make check-busy: make check
#
# Beside it run BUSY processes (12) that only compute, a loop that makes mount namespaces, each of
# which copies the mounts it finds and holds them for a while (as root), and one that calls sync
# every few seconds. They end with the command, whatever happens, and after BUSY_HOURS (4) at the latest.
# Ends as the command does.
set -u
: "${BUSY:=12}" "${BUSY_HOURS:=4}"
[ $# -gt 0 ] || set -- "$(dirname "$0")/run.sh"
folder=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-busy.XXXXXX") || exit 1
others=""
seconds=$((BUSY_HOURS * 3600))

cleanup() {
	status=$?
	trap - EXIT
	rm -rf "$folder"
	for other in $others; do
		kill "$other" 2>/dev/null
	done
	wait
	exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# beside PROGRAM: a shell in the background, over and over while the folder is there.
beside() {
	timeout "$seconds" sh -c "while [ -d '$folder' ]; do $1; done" >/dev/null 2>&1 </dev/null &
	others="$others $!"
}

n=0
while [ $n -lt "$BUSY" ]; do
	# shellcheck disable=SC2016 # for the shell that runs it
	beside 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done'
	n=$((n + 1))
done
beside 'sync; sleep 3'
what="$BUSY busy processes, sync every few seconds"
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	beside 'unshare --mount sleep 0.05; unshare --mount sleep 0.3; unshare --mount sleep 1'
	what="$what, a loop that makes mount namespaces"
fi
printf '== beside %s: %s\n' "$what" "$*"
"$@"
