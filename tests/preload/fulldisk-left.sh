#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Files whose holes are left as they are, because an allocation would change more than their space: alone and
# preloaded they have as many blocks, the same mode, the same capabilities.
# shellcheck disable=SC2154 # mnt and why are lib.sh's
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
left="$TESTS_BIN/tests/preload/left"
PATH="$PATH:/usr/sbin:/sbin"

# make FILE MODE: sparse.
make_file() {
	rm -f "$1"
	truncate -s 1M "$1"
	chmod "$2" "$1"
}

# same WHAT MODE FLAG: as alone.
same() {
	make_file "$mnt/file" "$2"
	"$left" "$mnt/file" "$3" >"$scratch/alone"
	make_file "$mnt/file" "$2"
	preloaded "$left" "$mnt/file" "$3" >"$scratch/with"
	cmp "$scratch/alone" "$scratch/with" >&2 || fail "$kind, $1: alone $(cat "$scratch/alone"), with the library $(cat "$scratch/with")"
}

shown=
for kind in ext4 xfs; do
	mount_fs $kind 400M || { say "not on $kind: $why"; continue; }
	shown=yes
	make_file "$mnt/file" 600
	preloaded "$left" "$mnt/file" rdwr >"$scratch/with"
	[ "$(cut -d ' ' -f 2 "$scratch/with")" -ge 2048 ] || fail "$kind: nothing is allocated at all, so this shows nothing: $(cat "$scratch/with")"
	same "a descriptor that syncs each write" 600 dsync
	same "a descriptor for writing alone" 600 wronly
	same "set-user-ID" 4755 rdwr
	same "set-group-ID" 2755 rdwr
	if command -v setcap >/dev/null && make_file "$mnt/file" 755 && setcap cap_net_raw+ep "$mnt/file" 2>/dev/null; then
		preloaded "$left" "$mnt/file" rdwr >"$scratch/with"
		getcap "$mnt/file" | grep -q cap_net_raw || fail "$kind: the capabilities are gone: $(cat "$scratch/with")"
	else
		say "not shown on $kind: capabilities (no setcap)"
	fi
	say "$kind: left as they are"
done
[ -n "$shown" ] || skip "$why"
