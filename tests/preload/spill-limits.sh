#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What cannot be spilled either: the program dies of SIGBUS, as it does alone, and a line says why.
# What it had stored before is not lost. On tmpfs nothing is spilled.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
# shellcheck source=tests/preload/spill.sh
. "$TESTS_SRC/preload/spill.sh"
PAGES=2000

# dies WHY SAID: it does, the log says so, and what was stored is in the file afterwards.
dies() {
	rm -f "$scratch/log" "$scratch/counter"
	begin_preloaded "$file" $PAGES "$scratch/counter"
	take_space
	ask store random 0 $PAGES 1 && fail "$1: it does not die: $said"
	ended
	[ "$result" = 135 ] || fail "$1: it ended with $result, not of SIGBUS"
	grep -q "$2" "$scratch/log" || fail "$1: the log does not say '$2': $(cat "$scratch/log")"
	give_space
	if [ "$(find "$MAPHERD_SPILL_DIR" -name 'mapherd-spill.*' 2>/dev/null | wc -l)" != 0 ]; then
		"$MAPHERD" recover "$MAPHERD_SPILL_DIR" >"$scratch/out" 2>&1 || fail "$1: recover: $(cat "$scratch/out")"
	fi
	"$program" kept "$file" "$scratch/counter" $PAGES 1 >"$scratch/kept" || fail "$1: $(cat "$scratch/kept")"
	say "$1: $(cat "$scratch/kept") pages, then SIGBUS"
	rm -f "$file"
	sync -f "$disk"
}

if disk ext4 64M; then
	dies_alone $PAGES
	MAPHERD_SPILL_MAX=1M
	export MAPHERD_SPILL_MAX
	dies "MAPHERD_SPILL_MAX reached" MAPHERD_SPILL_MAX
	unset MAPHERD_SPILL_MAX
	MAPHERD_SPILL_DIR=$scratch/nowhere
	dies "no such folder" "$scratch/nowhere"
	full=$disk
	if mount_fs tmpfs 2M; then
		MAPHERD_SPILL_DIR=$(cd "$mnt" && pwd -P)
		dies "the spill file's own disk full" "$MAPHERD_SPILL_DIR"
	else
		say "not on tmpfs: $why"
	fi
	MAPHERD_SPILL_DIR=$full
	dies "the spill file on the full disk itself" "$full"
	MAPHERD_SIGBUS=report
	MAPHERD_SPILL_DIR=$spills
	export MAPHERD_SIGBUS
	dies "only reported" "$file"
	[ "$(spill_files)" = 0 ] || fail "something was spilled though it should be reported only"
	unset MAPHERD_SIGBUS
else
	say "not on ext4: $why"
fi

# tmpfs: a private copy of what processes share would be a lie.
tmpfs_dies() {
	truncate -s 40960 "$1/file"
	head -c 2M /dev/zero >"$1/others" 2>/dev/null || true
	for library in '' "$MAPHERD_LIB"; do
		result=0
		echo "store ascending 0 10 1" | LD_PRELOAD=$library MAPHERD_LOG=$2 "$program" "$1/file" 10 >/dev/null || result=$?
		[ $result = 135 ] || { echo "with '$library' it ended with $result, not of SIGBUS"; return 1; }
	done
	grep -q "$1/file" "$2" || { echo "the log does not name the file: $(cat "$2")"; return 1; }
}
rm -rf "$scratch/mnt.tmpfs2"
mkdir "$scratch/mnt.tmpfs2"
if mount -t tmpfs -o size=64k mapherd-test "$scratch/mnt.tmpfs2" 2>/dev/null; then
	later "gone '$scratch/mnt.tmpfs2'"
	tmpfs_dies "$(cd "$scratch/mnt.tmpfs2" && pwd -P)" "$scratch/log.tmpfs" >"$scratch/out" || fail "tmpfs: $(cat "$scratch/out")"
	say "tmpfs: reported, and dies as alone"
else
	say "not on tmpfs: needs root"
fi
if unshare -Ur -m true 2>/dev/null; then
	mkdir "$scratch/inner"
	export program MAPHERD_LIB scratch
	{
		sed -n '/^tmpfs_dies()/,/^}/p' "$0"
		# shellcheck disable=SC2016 # in the namespace
		printf 'mount -t tmpfs -o size=64k mapherd-test "$scratch/inner" || exit 1\ncd "$scratch/inner"\ntmpfs_dies "$(pwd -P)" "$scratch/log.inner"\n'
	} >"$scratch/inner.sh"
	unshare -Ur -m sh "$scratch/inner.sh" >"$scratch/out" 2>&1 || fail "in a user namespace: $(cat "$scratch/out")"
	say "tmpfs in a user namespace: the same"
else
	say "not shown here: tmpfs (in a user namespace): unshare is refused"
fi
