#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A full disk under a seccomp filter that the program was started under. One that lets the library's calls pass takes
# nothing from the program, which lives on. One that refuses them, or kills for them, leaves the program as alone: a child
# asks, at the fault and not before. The program does not see the child, and the child leaves no core dump.
# shellcheck disable=SC2154 # why is lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
hostile="$TESTS_BIN/tests/preload/hostile"
guest="$TESTS_BIN/tests/preload/spill_filter"
asks="a child makes the calls of spilling first"
command -v strace >/dev/null || skip "strace is missing"
ulimit -c unlimited
cd "$scratch" || exit 1

# run CALL HOW WAY [NAME=VALUE]: under a filter that denies the call, in $result and $scratch/out; space comes back at its msync.
run() {
	rm -f "$file" "$scratch"/core* "$scratch/log" "$scratch/traced" "$scratch/out"
	rm -f "$spills"/*
	sync -f "$disk"
	take_space
	[ -p "$scratch/line" ] || mkfifo "$scratch/line"
	result=0
	env ${4+"$4"} strace -f -q -o "$scratch/traced" -e trace=clone,clone3,fork,vfork,wait4 -e signal=all \
		"$hostile" deny "$1" "$2" "$guest" "$3" "$file" <"$scratch/line" >"$scratch/out" 2>"$scratch/stderr" &
	running=$!
	exec 3>"$scratch/line"
	until grep -q msync "$scratch/out" 2>/dev/null || ! kill -0 "$running" 2>/dev/null; do sleep 0.02; done
	give_space
	(echo >&3) 2>/dev/null || true
	exec 3>&-
	wait "$running" 2>/dev/null || result=$?
}
said() { # CONDITION: what went before, for a failure
	printf '%s: ended with %s: %s; %s' "$1" "$result" "$(cat "$scratch/out" "$scratch/stderr")" "$(tail -3 "$scratch/log" 2>/dev/null)"
}
preloaded="LD_PRELOAD=$MAPHERD_LIB"

# lives CALL HOW WAY: alone it dies or its handler is called; with the library the store succeeds.
lives() {
	run "$1" "$2" "$3"
	if [ "$3" = plain ] || [ "$3" = closed ]; then
		[ "$result" = 135 ] || fail "alone: $(said "$*")"
	else
		grep -qx handled "$scratch/out" || fail "alone: $(said "$*")"
	fi
	run "$1" "$2" "$3" "$preloaded"
	[ "$result" = 0 ] || fail "$(said "$*")"
	printf 'stored\nno child\nmsync %s\nmsync 0\n' "$ENOSPC" | cmp -s - "$scratch/out" || fail "$(said "$*")"
	grep -q "$asks" "$scratch/log" || fail "the library has not asked: $(said "$*")"
	[ "$(od -A n -t u1 -v "$file" | tr -s ' ' '\n' | sort -n | uniq -c | awk '$2 { print $1 }' | sort -u)" = 4096 ] ||
		fail "not all of it is in the file: $(said "$*")"
	nothing_left
}

# as_alone CALL HOW WAY ASKED: it ends, and says, what it would alone; yes: a child was asked.
as_alone() {
	run "$1" "$2" "$3"
	alone=$result
	cp "$scratch/out" "$scratch/out.alone"
	run "$1" "$2" "$3" "$preloaded"
	[ "$result" = "$alone" ] || fail "alone $alone: $(said "$*")"
	cmp -s "$scratch/out" "$scratch/out.alone" || fail "alone: $(cat "$scratch/out.alone"); $(said "$*")"
	grep -q "cannot be spilled" "$scratch/log" || fail "not explained: $(said "$*")"
	if [ "$4" = yes ]; then
		grep -q "$asks" "$scratch/log" || fail "the library has not asked: $(said "$*")"
		grep -q "seccomp filter, and a child that made the calls" "$scratch/log" || fail "the filter is not named: $(said "$*")"
	else
		! grep -q "$asks" "$scratch/log" || fail "the library has asked: $(said "$*")"
		! grep -q "CLONE_VFORK, *)" "$scratch/traced" || fail "there was a child: $(cat "$scratch/traced")"
	fi
	case $2-$4 in kill-yes | trap-yes) false ;; esac || grep -q 'killed by SIGSYS +++' "$scratch/traced" ||
		fail "the filter has not killed the child, so this shows nothing: $(cat "$scratch/traced")"
	! grep -q 'SIGSYS (core dumped)' "$scratch/traced" || fail "the child left a core dump: $(cat "$scratch/traced")"
	! grep -q 'SIGCHLD' "$scratch/traced" || fail "SIGCHLD: $(cat "$scratch/traced")"
	nothing_left
}

disk ext4 64M || skip "$why"
# Filters of systemd kill for calls that they have no word for; such as spilling needs, they have.
lives quotactl_fd kill plain
lives kcmp kill threads
export MAPHERD_SECCOMP=start MAPHERD_LOG_LEVEL=info
lives kcmp kill closed
lives kcmp kill handler
as_alone socketpair kill closed yes
unset MAPHERD_SECCOMP MAPHERD_LOG_LEVEL
say "a filter that lets the calls pass"

for call in socketpair sendmsg recvmsg clone; do
	as_alone "$call" 1 plain yes
done
as_alone socketpair 38 threads yes
say "a filter that refuses them"

for call in socketpair sendmsg recvmsg fallocate timer_create setitimer wait4; do
	as_alone "$call" kill plain yes
done
as_alone socketpair kill threads yes
as_alone socketpair trap plain yes
as_alone socketpair wait plain yes
say "a filter that kills for them, or lets them wait"

as_alone clone kill handler no
as_alone kcmp kill spaces no
as_alone kcmp kill closed no
say "where nothing is asked"

# Another process that has the file mapped by the same open: a call that would tell more is not made.
result=0
take_space
LD_PRELOAD="$MAPHERD_LIB" "$hostile" deny kcmp kill "$TESTS_BIN/tests/preload/spill_guest" spawned "$disk" >"$scratch/out" \
	2>"$scratch/stderr" || result=$?
[ "$result" = 135 ] || fail "$(said spawned)"
grep -q "another process shares the open file and has it mapped" "$scratch/log" || fail "$(said spawned)"
say "another process with the open file"
