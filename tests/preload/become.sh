#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A process that becomes another program, another user, or gets another root, leaves no record behind;
# one that goes on has it as before. With MAPHERD_LEAKS=on a record stays after a peaceful end only
# where many mappings are left, and the folder has room for it.
# In a /dev/shm of its own, and with the right to change the user.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
[ -n "$own_mounts" ] || skip "needs root"
mount -t tmpfs -o size=64m none /dev/shm || fail "no /dev/shm of its own"
become="$TESTS_BIN/tests/preload/become"
exec_calls="execve execv execvp execvpe execl execlp execle execveat fexecve syscall"

# empty WHAT: nothing is left in the folder.
empty() {
	left=$(ls /dev/shm)
	[ -z "$left" ] || fail "$1 leaves $left"
}

say "the record is there, and stays where the process is killed"
mkfifo "$scratch/stdin"
LD_PRELOAD="$MAPHERD_LIB" "$become" fails execve <"$scratch/stdin" >"$scratch/out" &
pid=$!
exec 3>"$scratch/stdin"
until [ -s "$scratch/out" ]; do kill -0 "$pid" || fail "it has ended"; sleep 0.05; done
path=$(cat "$scratch/out")
[ -f "$path" ] || fail "no record after an exec that failed: $path"
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
exec 3>&-
[ -f "$path" ] || fail "no record after a kill"
rm "$path"

say "becoming another program"
for call in $exec_calls; do
	for leaks in off on; do
		MAPHERD_LEAKS=$leaks preloaded "$become" "$call" || fail "$call ends with $?"
		empty "$call with MAPHERD_LEAKS=$leaks"
	done
done
MAPHERD_DIR=/dev/shm preloaded "$become" execve || fail "execve with MAPHERD_DIR"
[ "$(ls /dev/shm | wc -l)" = 1 ] || fail "the record that MAPHERD_DIR asks for is gone"
rm /dev/shm/*

say "an exec that fails: the record is there with all that it held"
for call in $exec_calls; do
	preloaded "$become" fails "$call" </dev/null >"$scratch/out" || fail "$call ends with $?"
	grep -q "^/dev/shm/mapherd-.*\.record$" "$scratch/out" || fail "$call: its record is $(cat "$scratch/out")"
	empty "a failed $call"
done
MAPHERD_LEAKS=on preloaded "$become" fails execve </dev/null >"$scratch/out"
[ -f "$(cat "$scratch/out")" ] || fail "164 recorded mappings are left, and no record of them"
"$MAPHERD" leaks "$(cat "$scratch/out")" >"$scratch/told" || fail "the record cannot be read"
total=$(sed -n 's/^ *[0-9]*\. .* \([0-9]*\) mappings.*/\1/p' "$scratch/told" | awk '{ n += $1 } END { print n }')
[ "$total" -ge 164 ] || fail "of 164 mappings the record has $total: $(cat "$scratch/told")"
rm /dev/shm/*

say "a vfork child leaves its parent's record alone"
preloaded "$become" vfork >"$scratch/out" || fail "vfork"
grep -q "^/dev/shm/mapherd-.*\.record$" "$scratch/out" || fail "the parent's record is $(cat "$scratch/out")"
empty "a vfork child"

say "becoming another user, and under another root"
for call in setuid setreuid setresuid syscall; do
	preloaded "$become" user $call >"$scratch/out" || fail "$call"
	grep -q "^/dev/shm/mapherd-.*\.record$" "$scratch/out" || fail "$call: its record is $(cat "$scratch/out")"
	empty "$call"
done
preloaded "$become" effective >"$scratch/out" || fail "seteuid"
empty "seteuid and back"
mkdir "$scratch/root"
preloaded "$become" root "$scratch/root" || fail "chroot"
empty "chroot"

say "however it ends, and whoever it is for the moment"
for way in return exit _exit _Exit quick_exit syscall seteuid setfsuid execve; do
	preloaded "$become" ends $way >"$scratch/out" || fail "$way ends with $?"
	grep -q "^/dev/shm/mapherd-.*\.record$" "$scratch/out" || fail "$way: its record was $(cat "$scratch/out")"
	empty "an end by $way"
done

say "with other mounts"
preloaded "$become" mounts unshare || fail "unshare"
empty "unshare"
preloaded "$become" mounts setns >"$scratch/out" || fail "setns"
empty "setns"
preloaded "$become" mounts return >"$scratch/out" || fail "setns and back"
grep -q "^/dev/shm/mapherd-.*\.record$" "$scratch/out" || fail "setns and back: its record is $(cat "$scratch/out")"
empty "setns and back"

say "recorded mappings: few are not worth a file"
for _ in 1 2 3 4 5; do MAPHERD_LEAKS=on preloaded "$become" mappings 20; done
empty "a program that leaves 20 mappings"
MAPHERD_LEAKS=on preloaded "$become" mappings 200
[ "$(ls /dev/shm | wc -l)" = 1 ] || fail "200 mappings are left, and no record of them"

say "and all together take no more than their share of the folder"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
	MAPHERD_LEAKS=on preloaded "$become" mappings 200 2>>"$scratch/err"
done
used=$(du -sk /dev/shm | cut -f1)
[ "$used" -le 8192 ] || fail "the records take $used of 65536 KiB"
[ "$used" -ge 4096 ] || fail "the records take only $used KiB: it is not the share that stops them"
grep -q "the records in its folder take more than an eighth" "$scratch/err" || fail "it is not said: $(cat "$scratch/err")"
