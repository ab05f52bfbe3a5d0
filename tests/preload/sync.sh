#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A loop of msync over many buffers, upwards and downwards, in C and in Java: what it costs in
# flushes of the device, and that all of it is there after the filesystem was mounted anew.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
store=$TESTS_BIN/tests/bench/sync
buffers=1000

flushed() { awk '{ print $16 }' "/sys/block/$device/stat"; }

# run ORDER WORD COMMAND...: a store of buffers into a new file, $spent flushes; mounted anew, the
# file is whole. WORD: of MAPHERD_SYNC, or alone.
run() {
	order=$1 word=$2
	shift 2
	rm -f "$mnt/store"
	sync -f "$mnt"
	before=$(flushed)
	case $word in
	alone) "$@" ;;
	*) MAPHERD_SYNC=$word preloaded "$@" ;;
	esac >"$scratch/out" 2>"$scratch/err" || { cat "$scratch/err" >&2; fail "$kind, $order, $word: $*"; }
	spent=$(($(flushed) - before))
	umount "$mnt"
	mount -o loop "$scratch/$kind.img" "$mnt"
	device=$(basename "$(findmnt -n -o SOURCE "$mnt")")
	"$store" check "$mnt/store" $buffers || fail "$kind, $order, $word: something is missing"
}

jdk=$(jdks | head -n 1)
if [ -n "$jdk" ]; then
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/Store.java"
else
	say "not run: no JDK with a compiler"
fi
shown=
for kind in ext4 xfs btrfs; do
	mount_fs $kind 2G || { say "not on $kind: $why"; continue; }
	shown=yes
	device=$(basename "$(findmnt -n -o SOURCE "$mnt")")
	run up alone "$store" store "$mnt/store" $buffers up
	alone=$spent
	# What a skipping loop may cost: some 30, and one more wherever others had the processor meanwhile.
	most=$((alone / 4 > 64 ? alone / 4 : 64))
	kernel_since $multigrain || most=$alone
	for order in up down; do
		for word in auto fast; do
			run $order $word "$store" store "$mnt/store" $buffers $order
			say "$kind, $order, $word: $spent flushes, alone $alone"
			[ $word = auto ] || [ "$spent" -le $most ] || fail "$kind, $order: $spent flushes"
		done
		[ -n "$jdk" ] || continue
		run $order fast "$jdk/bin/java" -Xint -cp "$scratch" Store "$mnt/store" $buffers $order
		say "$kind, $order, fast, in Java: $spent flushes"
		[ "$spent" -le $most ] || fail "$kind, $order, in Java: $spent flushes"
	done
	# btrfs has nothing to flush where its log says that all is there. Elsewhere the loop alone costs
	# one each, so the number can be missed.
	[ $kind = btrfs ] || [ "$alone" -ge $buffers ] || fail "$kind: alone it costs $alone flushes"
done
[ -n "$shown" ] || skip "$why"
