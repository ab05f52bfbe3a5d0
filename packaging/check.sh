#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The packages and the tarball on clean systems of their own, as a user has them.
#
#   packaging/check.sh TARBALL [SUITE...]      (make check-packages gives the tarball)
#
# Takes root, debootstrap and a mirror. For Debian's bookworm and trixie: builds the Debian package on a
# clean system, has lintian look at it, installs it on another one, runs packaging/smoke.sh there with C
# and Java, purges it, and compares the files before and after. For bullseye: builds from the tarball with
# the tools there, also anew from configure.ac, runs the unit tests, installs, runs the smoke test, and
# uninstalls. CHECK_ROOTS=FOLDER keeps the new systems there for the next time; CHECK_MIRROR is the mirror.
set -eu
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
[ "$(id -u)" = 0 ] || {
	echo "check.sh: it takes root to make clean systems" >&2
	exit 77
}
# In a mount namespace of its own: what is mounted in the roots goes with it, however it ends. Umounts
# of others come in (slave), so that none of their filesystems stays busy here. The same process goes
# on (exec), so a signal to it arrives here.
if [ "${CHECK_MOUNTS:-}" != $$ ]; then
	CHECK_MOUNTS=$$ exec unshare --mount --propagation slave sh "$0" "$@"
fi
say() { printf 'check.sh: %s\n' "$*"; }
fail() {
	printf 'check.sh: FAILED: %s\n' "$*" >&2
	exit 1
}
[ -f "${1:-}" ] || fail "usage: packaging/check.sh TARBALL [SUITE...]"
for tool in debootstrap unshare chroot xz; do
	command -v "$tool" >/dev/null || fail "there is no $tool"
done
tarball=$(readlink -f "$1")
shift
[ $# != 0 ] || set -- bookworm trixie bullseye
version=$(basename "$tarball" .tar.xz)
version=${version#mapherd-}

work=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-packages.XXXXXX")
child=
new=
clean_up() {
	trap '' HUP INT TERM
	# What runs in a root has process ids of its own, and ends with the first of them.
	[ -z "$child" ] || { kill -KILL "$child" && wait "$child"; } 2>/dev/null || true
	for _ in 1 2 3 4 5; do
		awk -v under="$work/" 'index($2, under) == 1 { print $2 }' /proc/self/mounts | sort -r |
			xargs -r umount -l
		rm -rf --one-file-system "$work" 2>/dev/null && break
		sleep 1 # some of them are still ending
	done
	[ ! -e "$work" ] || say "not removed: $work"
	[ -z "$new" ] || rm -rf --one-file-system "$new"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
roots=${CHECK_ROOTS:-$work/roots}
mkdir -p "$roots"

# run COMMAND...: in the background, so that a signal ends this script at once.
run() {
	"$@" </dev/null &
	child=$!
	got=0
	wait "$child" || got=$?
	child=
	return $got
}
# logged COMMAND...: what it prints is shown only if it fails.
logged() {
	run "$@" >"$work/log" 2>&1 || {
		tail -n 40 "$work/log" >&2
		fail "${suite:+$suite: }$*"
	}
}
# fresh NAME: a copy of the suite's clean system, in $root.
fresh() {
	if [ ! -e "$roots/$suite/etc/debian_version" ]; then
		say "$suite: debootstrap"
		# What is not complete is not there for the next time.
		new=$roots/$suite.new
		rm -rf --one-file-system "${new:?}" "${roots:?}/$suite"
		# shellcheck disable=SC2086 # no word if it is empty
		run unshare --mount --propagation slave --pid --fork --kill-child --mount-proc \
			debootstrap --variant=minbase "$suite" "$new" ${CHECK_MIRROR:-} >"$work/log" 2>&1 || {
			tail -n 10 "$work/log" >&2
			fail "$suite: debootstrap has made no system: is its mirror reached from here?" \
				"CHECK_MIRROR=URL names another one."
		}
		mv "$new" "$roots/$suite"
		new=
	fi
	root=$work/$1
	cp -a --reflink=auto "$roots/$suite" "$root"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	# Services that come with packages are none of ours to start.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	mount -t tmpfs -o mode=1777 mapherd-check "$root/dev/shm" 2>/dev/null || {
		mkdir -p "$root/dev/shm"
		mount -t tmpfs -o mode=1777 mapherd-check "$root/dev/shm"
	}
	mount -t tmpfs -o mode=1777 mapherd-check "$root/tmp"
	# It need not survive a power cut.
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/mapherd-check"
	logged inside apt-get -q update
}
# inside COMMAND...: in the root, with process ids and a /proc of its own. It takes the place of the
# shell that calls it: run and logged make one for it, and so does a pipe.
inside() {
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare --mount --propagation slave --pid --fork --kill-child sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive DEB_BUILD_OPTIONS="parallel='"$(nproc)"'" "$@"' "$root" "$@"
}
install_there() { logged inside apt-get -q -y --no-install-recommends install "$@"; }
done_with() {
	umount "$root/dev/shm" "$root/tmp"
	rm -rf --one-file-system "$root"
}
# Every file of the root, and what is in it as far as its size tells; not what apt and dpkg write about
# themselves.
files_of() {
	(cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./tmp -o -path ./dev \
		-o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path './var/lib/dpkg/*-old' \
		-o -path ./var/lib/dpkg/triggers -o -path ./build \) -prune -o \
		\( -type d -printf '%p/\n' -o -printf '%p %s\n' \) | sort)
}

# What lintian says of every package that is not on its way into Debian's archive, or has no home page;
# of one whose tarball has a debian/ that is already complete; and of documents that keep the folders
# of the sources, so that links from one to the other lead there (doc/mapherd/doc). The policy is that
# of the oldest suite: its lintian knows no newer one.
not_for_us=initial-upload-closes-no-bugs,debian-watch-file-is-missing,no-homepage-field,no-debian-changes
not_for_us=$not_for_us,repeated-path-segment,out-of-date-standards-version

build_debian_package() {
	say "$suite: building the Debian package"
	fresh build
	install_there build-essential lintian
	mkdir "$root/build"
	cp "$tarball" "$root/build/mapherd_$version.orig.tar.xz"
	tar -xf "$tarball" -C "$root/build"
	source=/build/mapherd-$version
	logged inside apt-get -q -y --no-install-recommends build-dep "$source"
	logged inside sh -c "cd $source && dpkg-buildpackage -us -uc"
	say "$suite: lintian"
	logged inside sh -c "cd /build && lintian --allow-root --pedantic -I --fail-on error,warning,info,pedantic \
		--suppress-tags $not_for_us mapherd_${version}-*.changes"
	mkdir -p "$work/debs"
	rm -f "$work"/debs/*
	cp "$root"/build/*.deb "$work/debs"
	done_with
}

try_debian_package() {
	say "$suite: installing the package on a clean system"
	fresh clean
	install_there default-jdk-headless gcc libc6-dev pkg-config
	files_of >"$work/before"
	cp -r "$work/debs" "$root/tmp/debs"
	rm "$root"/tmp/debs/*-dbgsym_*.deb
	tar -xf "$tarball" -C "$root/tmp"
	logged inside sh -c 'apt-get -q -y --no-install-recommends install /tmp/debs/*.deb'
	files_of >"$work/with"
	cmp -s "$work/before" "$work/with" && fail "$suite: the packages install nothing"
	run inside sh "/tmp/mapherd-$version/packaging/smoke.sh" || fail "$suite: the smoke test"
	inside java -version 2>&1 | head -n 1
	logged inside apt-get -q -y --autoremove purge '^(lib)?mapherd(-dev|-doc)?$'
	files_of >"$work/after"
	# The states of dpkg and apt name what is installed: they have their old length only by chance.
	sed -i '/^\.\/var\/lib\/dpkg\/status /d; /^\.\/etc\/ld\.so\.cache /d' "$work/before" "$work/after"
	diff "$work/before" "$work/after" >"$work/left" || {
		cat "$work/left" >&2
		fail "$suite: purging the packages leaves that"
	}
	[ -z "$(ls "$root/dev/shm")" ] || fail "$suite: left in /dev/shm: $(ls "$root/dev/shm")"
	say "$suite: after the purge the $(wc -l <"$work/after") files are those from before"
	done_with
}

try_tarball() {
	say "$suite: building from the tarball"
	fresh tarball
	install_there build-essential libcmocka-dev libdw-dev libiberty-dev libncurses-dev pkg-config procps xz-utils \
		autoconf automake libtool default-jdk-headless
	inside sh -c 'autoconf --version; gcc --version; ldd --version' 2>&1 | grep -E '^(autoconf|gcc|ldd) '
	mkdir "$root/build"
	tar -xf "$tarball" -C "$root/build"
	source=/build/mapherd-$version
	files_of >"$work/before"
	units=$(cd "$root$source" && find tests/unit -name 'test_*.c' | sed 's/\.c$//' | sort | tr '\n' ' ')
	for how in "as it is" "with configure made anew"; do
		[ "$how" = "as it is" ] || logged inside sh -c "cd $source && ./bootstrap"
		logged inside sh -c "rm -rf /build/objects && mkdir /build/objects && cd /build/objects && $source/configure && make -j$(nproc)"
		say "$suite: built $how"
	done
	logged inside sh -c "cd /build/objects && make -j$(nproc) check check_PROGRAMS='$units' check_LTLIBRARIES= \
		TESTS='$units tests/cli/help.sh tests/cli/library.sh'"
	grep -E '^# (TOTAL|PASS|SKIP|FAIL):' "$work/log"
	logged inside sh -c "cd /build/objects && make install"
	[ -z "$(find "$root/usr/local" -name '*.la')" ] || fail "$suite: a libtool archive is installed"
	run inside sh "$source/packaging/smoke.sh" || fail "$suite: the smoke test"
	logged inside sh -c "cd /build/objects && make uninstall"
	files_of >"$work/after"
	# make uninstall leaves folders: they may have been there before make install.
	diff "$work/before" "$work/after" | grep -v -E '^([0-9,]+a[0-9,]+|> .*/)$' >"$work/left" && {
		cat "$work/left" >&2
		fail "$suite: make uninstall leaves that"
	}
	say "$suite: make uninstall leaves no file"
	done_with
}

for suite in "$@"; do
	case $suite in
	bullseye) try_tarball ;;
	*)
		build_debian_package
		try_debian_package
		;;
	esac
done
say "all is well"
