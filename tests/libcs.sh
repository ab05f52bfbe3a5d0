#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The library as it was built here, the same bytes, in systems with other libcs: Debian's bullseye, bookworm and
# trixie, and under musl.
#
# For make check-libcs: it takes minutes, 2 GiB of disk, root and a mirror. CHECK_ROOTS=FOLDER keeps the systems
# there for the next time; CHECK_MIRROR is the mirror.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
[ "$own_mounts" ] || skip "needs root"
command -v debootstrap >/dev/null || skip "no debootstrap"
roots=${CHECK_ROOTS:-$scratch/roots}
mkdir -p "$roots"
# What is mounted in the roots goes before they are removed.
later "awk -v under='$roots/' 'index(\$2, under) == 1 { print \$2 }' /proc/self/mounts | sort -r | xargs -r umount"

for suite in bullseye bookworm trixie; do
	root=$roots/libcs-$suite
	if [ ! -e "$root/usr/bin/gcc" ]; then
		rm -rf --one-file-system "$root"
		say "$suite: debootstrap"
		# shellcheck disable=SC2086 # no word if it is empty
		debootstrap --variant=minbase --include=gcc,libc6-dev "$suite" "$root" ${CHECK_MIRROR:-} >"$scratch/log" 2>&1 || {
			rm -rf --one-file-system "$root"
			fail "$suite: debootstrap has made no system: $(tail -n 10 "$scratch/log")"
		}
	fi
	mkdir -p "$root/proc" "$root/dev/shm"
	mount -t proc proc "$root/proc"
	mount -t tmpfs -o mode=1777 mapherd-test "$root/dev/shm"
	# On the disk: what is done about lost parts of files is not done on memory.
	work=$root/work
	rm -rf "$work"
	mkdir -p "$work/source" "$work/tmp"
	cp -R "$TESTS_SRC/../tests" "$TESTS_SRC/../examples" "$TESTS_SRC/../src" "$TESTS_SRC/../include" "$work/source/"
	cp "$MAPHERD_LIB" "$work/libmapherd.so"
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 MAPHERD_LIB=/work/libmapherd.so \
		TMPDIR=/work/tmp TESTS_SRC=/work/source/tests TESTS_BIN=/work sh /work/source/tests/libcs-inside.sh || fail "$suite"
	cmp "$MAPHERD_LIB" "$work/libmapherd.so" || fail "$suite: another library"
	umount "$root/dev/shm" "$root/proc"
	rm -rf "$work"
done
MAPHERD_LIB=$MAPHERD_LIB sh "$TESTS_SRC/preload/musl.sh" || fail "musl"
