#!/bin/sh
# The program closes the descriptor after mmap, and opens another file in its place. A loop of msync is still widened
# where that pays, and not on btrfs; also where fstatfs is refused by a seccomp filter that the program was started under.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
closed=$TESTS_BIN/tests/preload/sync_closed
hostile=$TESTS_BIN/tests/preload/hostile

# expect WORD YES COMMAND...: whether syncs are widened, 1 or 0.
expect() {
	word=$1 yes=$2
	shift 2
	rm -f "$mnt/closed"
	result=0
	widened=$(MAPHERD_SYNC=$word preloaded "$@" "$closed" "$mnt/closed") || result=$?
	[ $result = 0 ] || fail "$kind, $word: status $result: $*"
	[ $((widened > 0)) = "$yes" ] || fail "$kind, $word: $widened syncs widened: $*"
	say "$kind, $word: $widened syncs widened${1+, fstatfs refused}"
}

shown=
for kind in ext4 xfs btrfs tmpfs; do
	mount_fs $kind 400M || { say "not on $kind: $why"; continue; }
	shown=yes
	yes=1
	[ $kind != btrfs ] || yes=0
	for word in auto fast; do
		expect $word "$yes"
	done
	# What the device does not tell is not widened then.
	[ $kind != tmpfs ] || yes=0
	for word in auto fast; do
		expect $word "$yes" "$hostile" deny fstatfs 1
	done
done
[ -n "$shown" ] || skip "$why"
