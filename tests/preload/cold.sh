#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Cold mappings: calls on them end as they do alone, and more different files are mapped at once than
# vm.max_map_count allows.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
export MAPHERD_LOG="$scratch/log"

scenes="bytes deleted private msync mprotect madvise mincore munmap fixed mremap mlock truncate fork
	locks buffers threads handler turnover mlockall robust asleep
	orphan unmapped user daemon grandchild table busy ends
	unseen limits namespaces rights"

told() { grep -q "warning: .*$1" "$scratch/log" || fail "$scene: '$1' is not said: $(tail "$scratch/log")"; }

# Each scene, alone and with all its mappings cold.
play() {
	for scene in $scenes; do
		rm -rf "$1"
		mkdir "$1"
		timeout 120 "$TESTS_BIN/tests/preload/cold" "$1" "$scene" >"$scratch/alone" 2>"$scratch/err" ||
			fail "$scene, alone: status $?: $(cat "$scratch/err")"
		rm -rf "$1"
		mkdir "$1"
		MAPHERD_COLD=on MAPHERD_COLD_WARM=1 LD_PRELOAD="$MAPHERD_LIB" timeout 120 \
			"$TESTS_BIN/tests/preload/cold" "$1" "$scene" >"$scratch/with" 2>"$scratch/err" ||
			fail "$scene: status $?: $(cat "$scratch/err" "$scratch/log")"
		grep -q '^cold=1$' "$scratch/err" || fail "$scene: nothing was cold"
		case $scene in
		left) told 'mappings stay cold, because the limit allows no more' ;;
		rights)
			told 'a mapping of a file could not become cold, or warm again: .*(error 12)'
			told 'keeps users or capabilities that the program has given up: .*(error 12)'
			;;
		esac
		diff "$scratch/alone" "$scratch/with" >"$scratch/diff" ||
			fail "$scene differs from what it does alone: $(cat "$scratch/diff")"
	done
	say "$2: calls on cold mappings end as alone"
}

# many FILES THREADS VISITS [OPTION...]: they are live at once, and below the limit.
limit=$(cat /proc/sys/vm/max_map_count)
many() {
	rm -rf "$on/many"
	mkdir "$on/many"
	count=$1 threads=$2 visits=$3
	shift 3
	env "$@" LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/cold_many" "$on/many" "$count" "$threads" \
		"$visits" >"$scratch/out" 2>"$scratch/err" ||
		fail "$count files: status $?: $(cat "$scratch/out" "$scratch/err"; tail -n 3 "$scratch/log")"
	grep -q "^right=$count\$" "$scratch/out" || fail "$count files: $(cat "$scratch/out")"
	maps=$(sed -n 's/^maps=//p' "$scratch/out")
	[ "$maps" -le "$limit" ] || fail "$count files: $maps maps"
	rm -rf "$on/many"
}

if [ "$limit" -le 100000 ]; then
	scenes="$scenes full left"
else
	say "vm.max_map_count is $limit: it is not filled"
fi

# A child that cannot get the files before the fork still opens them, and the log says so.
flight() {
	rm -rf "$1"
	mkdir "$1"
	: >"$scratch/log"
	(ulimit -n 100 && MAPHERD_COLD=on MAPHERD_COLD_WARM=1 LD_PRELOAD="$MAPHERD_LIB" timeout 120 \
		"$TESTS_BIN/tests/preload/cold" "$1" flight >"$scratch/with" 2>"$scratch/err") ||
		fail "flight: status $?: $(cat "$scratch/err" "$scratch/log")"
	grep -q 'child: 7 h' "$scratch/with" || fail "flight: $(cat "$scratch/with")"
	grep -q 'a forked child did not get all files.*(error 109)' "$scratch/log" ||
		fail "flight: the log does not tell: $(cat "$scratch/log")"
}

kernel_since 6.11 || skip "$(uname -r): what lies at an address can be asked for since Linux 6.11"
on=$scratch
play "$scratch/scenes" "the scratch folder"
flight "$scratch/flight"
# A rule for some files, where all others are never cold.
mkdir "$scratch/rule"
MAPHERD_COLD='off,*/rule/*=on' MAPHERD_COLD_WARM=1 LD_PRELOAD="$MAPHERD_LIB" \
	"$TESTS_BIN/tests/preload/cold" "$scratch/rule" bytes >"$scratch/out" 2>&1 ||
	fail "off,*/rule/*=on: nothing is cold: $(cat "$scratch/out")"
mkdir "$scratch/other"
! MAPHERD_COLD='off,*/rule/*=on' MAPHERD_COLD_WARM=1 LD_PRELOAD="$MAPHERD_LIB" \
	"$TESTS_BIN/tests/preload/cold" "$scratch/other" bytes >"$scratch/out" 2>&1 ||
	fail "off,*/rule/*=on: another file is cold"

# Under a filter that the program was started with, a child makes the calls first.
filtered() { # CALL HOW: the scene's status
	result=0
	rm -rf "$scratch/filtered" "$scratch/log"
	mkdir "$scratch/filtered"
	MAPHERD_LOG_LEVEL=info MAPHERD_SECCOMP=start MAPHERD_COLD=on MAPHERD_COLD_WARM=1 LD_PRELOAD="$MAPHERD_LIB" timeout 120 \
		"$TESTS_BIN/tests/preload/hostile" deny "$1" "$2" "$TESTS_BIN/tests/preload/cold" "$scratch/filtered" bytes \
		>"$scratch/out" 2>"$scratch/err" || result=$?
	grep -q 'a child makes the calls of cold mappings first' "$scratch/log" || fail "$1, $2: no child is made"
}
for call in process_vm_readv get_robust_list capset close_range sendmsg recvmsg memfd_create dup3; do
	filtered $call kill
	[ "$result" = 1 ] && grep -q 'does not become cold' "$scratch/err" ||
		fail "a filter that kills for $call: status $result: $(cat "$scratch/err" "$scratch/log")"
	grep -q 'no mapping becomes cold' "$scratch/log" || fail "$call: $(cat "$scratch/log")"
done
filtered fallocate kill
[ "$result" = 0 ] || fail "a filter that kills for another call: status $result: $(cat "$scratch/err" "$scratch/log")"
say "under a filter that kills for a call, no mapping becomes cold, and the program lives"

mount_fs overlay "" || fail "no overlayfs: $why"
plain=$scenes scenes="$scenes below"
play "$mnt/scenes" overlayfs
scenes=$plain
mount_fs tmpfs 1500M || fail "no tmpfs: $why"
on=$mnt
play "$mnt/scenes" tmpfs

rm -rf "$on/many"
mkdir "$on/many"
! MAPHERD_COLD=off LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/cold_many" "$on/many" \
	$((limit + 5000)) 4 100 >"$scratch/out" 2>&1 || fail "with MAPHERD_COLD=off there is no limit"
grep -q 'Cannot allocate memory' "$scratch/out" || fail "off: $(cat "$scratch/out")"
many 3000 4 3000 MAPHERD_COLD=on MAPHERD_COLD_WARM=100
[ "$maps" -le 500 ] || fail "100 of 3,000 mappings are warm, and there are $maps maps"
say "3,000 files, 100 of them warm: $maps maps"
# The keeper's table then has more files than the soft limit allows.
(
	ulimit -Sn 256
	many 3000 4 3000 MAPHERD_COLD=on MAPHERD_COLD_WARM=100
	[ "$maps" -le 500 ] || fail "256 descriptors: 100 of 3,000 mappings are warm, and there are $maps maps"
	say "3,000 files, 256 descriptors: $maps maps"
)
# In the order of warming alone, several hundred visits of the 80,000 would find a hot one cold.
mkdir "$on/hot"
MAPHERD_COLD=on MAPHERD_COLD_WARM=300 LD_PRELOAD="$MAPHERD_LIB" "$TESTS_BIN/tests/preload/cold_hot" \
	"$on/hot" 2000 10 20000 >"$scratch/out" 2>&1 || fail "hot: status $?: $(cat "$scratch/out")"
hot='' others=''
eval "$(cat "$scratch/out")"
[ "$others" -ge 10000 ] || fail "of 20,000 visits to others only $others found the mapping cold"
[ "$hot" -le 100 ] || fail "mappings that are in use become cold: $hot times"
rm -rf "$on/hot"
say "80,000 visits to what is in use: $hot found it cold; 20,000 to others: $others"

if [ "$limit" -le 100000 ]; then
	many $((limit + 10000)) 4 2000 MAPHERD_COLD=auto
	say "$((limit + 10000)) files live at once: $maps maps, $limit allowed"
else
	say "vm.max_map_count is $limit: not tried beyond it"
fi

# make check-long-cold: on each filesystem.
[ -n "${TESTS_LONG:-}" ] && [ "$limit" -le 100000 ] || exit 0
for kind in tmpfs ext4 xfs btrfs overlay; do
	umount "$mnt"
	rm -f "$scratch"/*.img
	mount_fs $kind 8G || fail "no $kind: $why"
	on=$mnt
	word=auto
	[ $kind != overlay ] || word=on # by itself mapherd opens no file there
	many 300000 8 20000 MAPHERD_COLD=$word
	say "$kind: 300,000 files live at once: $maps maps, $limit allowed"
	[ $kind != tmpfs ] || many 1000000 8 20000 MAPHERD_COLD=auto
	[ $kind != tmpfs ] || say "$kind: 1,000,000 files live at once: $maps maps, $limit allowed"
done
