#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The witness judges itself: what it cannot do for want of space, or what it reads that is not
# whole, is its own trouble, and never a loss of the library's; and one foreign umount that comes
# late changes no image.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/witness/witness.sh
. "$TESTS_SRC/witness/witness.sh"
need_disk

# troubled SAID COMMAND...: it ends with the status of trouble, and says SAID.
troubled() {
	said=$1
	shift
	result=0
	"$@" >"$scratch/out" 2>"$scratch/err" || result=$?
	[ $result = 3 ] || fail "$1 ends with $result: $(cat "$scratch/out" "$scratch/err")"
	grep -q "$said" "$scratch/err" || fail "$1 does not say \"$said\": $(cat "$scratch/err")"
}

# A log of a few stores, to play with.
new_disk ext4 || skip "$why"
"$W/storer" "$mnt/store" "$moment" "$scratch/promises" 30 1 together >"$scratch/out" ||
	fail "the program failed"
end_disk
replay() { "$W/replay" "$image" "$log" "$1" "$2" ext4 "$mnt" 10 1 store; }
replay "$scratch/promises" "$scratch/image.cut" >"$scratch/out" ||
	fail "something is lost without the library: $(cat "$scratch/out")"

# No space for the image of a cut.
mkdir "$scratch/small"
mount -t tmpfs -o size=8m mapherd-test "$scratch/small" || skip "tmpfs cannot be mounted"
later "gone '$scratch/small'"
troubled "No space left on device" replay "$scratch/promises" "$scratch/small/image.cut"
say "no space for an image: $(cat "$scratch/err")"

# No space for the log of the disk, nor for its image.
full_disk() { # BACKING LOG WHAT
	rm -f "$moment"
	"$W/disk" "$1" "$2" "$moment" "$disk" 2>"$scratch/disk.err" &
	disk_pid=$!
	until [ -e "$disk/image" ]; do
		kill -0 "$disk_pid" 2>/dev/null || fail "no disk: $(cat "$scratch/disk.err")"
	done
	! dd if=/dev/zero of="$disk/image" bs=1M count=16 conv=notrunc 2>"$scratch/dd" ||
		fail "writes that are not kept succeed"
	gone "$disk"
	result=0
	wait "$disk_pid" || result=$?
	disk_pid=
	[ $result = 3 ] || fail "the disk's trouble ends with $result"
	grep -q "$3: No space left on device" "$scratch/disk.err" ||
		fail "the disk does not say why: $(cat "$scratch/disk.err")"
	say "$(cat "$scratch/disk.err")"
}
full_disk "$backing" /dev/full log
truncate -s 64M "$scratch/small/backing"
full_disk "$scratch/small/backing" "$log.2" image

# A log that ends in the middle of a record; promises of nothing.
cp "$log" "$scratch/whole"
truncate -s -1 "$log"
troubled "middle of a record" replay "$scratch/promises" "$scratch/image.cut"
cp "$scratch/whole" "$log"
: >"$scratch/none"
troubled "no promises" replay "$scratch/none" "$scratch/image.cut"

# A file that is missing as a whole is told apart from a lost range.
result=0
"$W/replay" "$image" "$log" "$scratch/promises" "$scratch/image.cut" ext4 "$mnt" 10 1 other \
	>"$scratch/out" 2>"$scratch/err" || result=$?
[ $result = 1 ] || fail "a missing file ends with $result: $(cat "$scratch/err")"
grep -q '10 of them the whole file' "$scratch/out" ||
	fail "a missing file is not told apart: $(cat "$scratch/out")"
say "a missing file: $(cat "$scratch/out")"

# Namespaces that copy all mounts they find, here of the test itself, and end at any time. The
# replay may find that one still holds an image, and say so; it finds no loss.
for n in 1 2 3 4; do
	(
		while [ -d "$scratch" ]; do # it goes with the test
			unshare --mount sleep "0.0$n"
		done
	) &
done
for n in 1 2 3; do
	result=0
	"$W/replay" "$image" "$log" "$scratch/promises" "$scratch/image.cut" ext4 "$mnt" 30 $n store \
		>"$scratch/out" 2>"$scratch/err" || result=$?
	[ $result = 0 ] || { [ $result = 3 ] && grep -q "still mounted" "$scratch/err"; } ||
		fail "beside mount namespaces: $result: $(cat "$scratch/out" "$scratch/err")"
done
say "beside mount namespaces: $(cat "$scratch/out" "$scratch/err")"
