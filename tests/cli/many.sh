# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of ps, top and the metrics share. Source it after cli.sh.
# shellcheck disable=SC2154 # scratch is made by lib.sh
holder=$TESTS_BIN/tests/cli/holder
limit=$(cat /proc/sys/vm/max_map_count)
[ "$limit" -le 300000 ] || skip "vm.max_map_count is $limit: nine tenths of it take too long"

truncate -s 1M "$scratch/file"
mkfifo "$scratch/alive" "$scratch/ready"
exec 4<>"$scratch/alive"

# many PERCENT COMMAND...: COMMAND is the holder, or runs it. It fills that share of the limit and
# stays until the test ends, or end; its process is $many.
many() {
	percent=$1
	shift
	"$@" "$scratch/file" many $((limit * percent / 100)) <&4 >"$scratch/ready" &
	many=$!
	later "kill -9 $many 2>/dev/null || true"
	read -r word <"$scratch/ready" || fail "'$*' did not get ready"
	[ "$word" = ready ] || fail "'$*' said '$word'"
}

# end SIGNAL PID: that process is gone.
end() {
	kill "-$1" "$2"
	wait "$2" 2>/dev/null || true
}

# until_true SECONDS COMMAND...: waits for it to be true.
until_true() {
	tries=$(($1 * 10))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}
