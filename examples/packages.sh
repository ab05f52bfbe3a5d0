#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The one list of Debian packages, and the command that installs those that are missing (root or sudo).
#
#   examples/packages.sh [-n] build|java|tests
#
#   build  what mapherd is built with
#   java   a JDK, if there is no javac, for the example in Java
#   tests  these two, and what the tests need: a test that misses a program ends with "cannot run here"
#   -n     prints what is missing, a package a line, and installs nothing
#
# Exit status: 0: nothing is missing any more; 1: something is, and a line says why; 2: misuse.
set -u

build="build-essential autoconf automake libtool pkg-config libncurses-dev libdw-dev libiberty-dev"
java="default-jdk-headless"
tests="libcmocka-dev libfuse3-dev fuse3 strace xfsprogs btrfs-progs e2fsprogs lmdb-utils libtdb-dev tdb-tools rocksdb-tools ripgrep mold lld
	sqlite3 python3 python3-jsonschema libpython3.11-testsuite git valgrind gcovr clang clang-format libclang-rt-14-dev
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user musl-tools shellcheck mandoc
	procps util-linux tmux zsh fish debhelper rpm rpmlint prometheus prometheus-node-exporter libcap2-bin attr file ruby php-cli quota
	chromium chromium-driver libhsqldb-java liblucene4.10-java libtomcat10-embed-java libjakarta-annotation-api-java
	libh2-java kyotocabinet-utils tokyocabinet-bin liblmdb-dev libtcmalloc-minimal4 libjemalloc2
	logrotate systemd python3-yaml python3-kubernetes golang-go"

misused() {
	printf '%s\n' "usage: examples/packages.sh [-n] build|java|tests" >&2
	exit 2
}

dry=
if [ "${1:-}" = -n ]; then
	dry=yes
	shift
fi
[ $# = 1 ] || misused
command -v javac >/dev/null && java=
case $1 in
build) wanted=$build ;;
java) wanted=$java ;;
tests) wanted="$build $java $tests" ;;
*) misused ;;
esac

missing=
for package in $wanted; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$dry" ]; then
	# shellcheck disable=SC2086 # a list of words
	printf '%s\n' $missing
	exit 1
fi

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=$(command -v sudo) || {
		printf 'not installed, and neither root nor sudo to do it:%s\n' "$missing" >&2
		exit 1
	}
fi

# Runs the installer. The services and timers that come with what was missing are for the tests to
# start, and not for the machine.
without_services() {
	policy=/usr/sbin/policy-rc.d
	if [ -e $policy ]; then
		"$@"
		return
	fi
	result=0
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null && $as_root chmod +x $policy
	"$@" || result=$?
	$as_root rm -f $policy
	for unit in prometheus.service prometheus-node-exporter.service logrotate.timer; do
		case " $missing " in
		*" ${unit%.*} "*) $as_root systemctl -q disable $unit 2>/dev/null || true ;;
		esac
	done
	return $result
}

printf 'installing:%s\n' "$missing" >&2
# Another apt, such as that of unattended-upgrades on a new machine, is waited for.
# shellcheck disable=SC2086 # lists of words
if ! $as_root apt-get -q update >/dev/null || ! without_services $as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get -q -y -o DPkg::Lock::Timeout=600 --no-install-recommends install $missing >/dev/null; then
	printf 'apt could not install:%s\n' "$missing" >&2
	exit 1
fi
