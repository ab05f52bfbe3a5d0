# The one list of Debian packages. Sourced by examples/quickstart.sh and tests/run.sh.
#
# build_packages    to build mapherd
# example_packages  for the main job through Java
# test_packages     for every test; without one of them tests end with "cannot run here"

# shellcheck disable=SC2034 # used where this is sourced
{
build_packages="build-essential autoconf automake libtool pkg-config libncurses-dev libdw-dev libiberty-dev"
example_packages="default-jdk-headless"
test_packages="libcmocka-dev libfuse3-dev fuse3 strace xfsprogs btrfs-progs e2fsprogs lmdb-utils libtdb-dev tdb-tools rocksdb-tools ripgrep mold lld
	sqlite3 python3 libpython3.11-testsuite git valgrind clang clang-format libclang-rt-14-dev
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user musl-tools shellcheck mandoc
	procps util-linux tmux prometheus prometheus-node-exporter libcap2-bin attr file ruby php-cli quota
	chromium chromium-driver libhsqldb-java liblucene4.10-java kyotocabinet-utils tokyocabinet-bin liblmdb-dev libtcmalloc-minimal4 libjemalloc2"
}

# Runs the installer. The services that come with what was missing are for the tests to start, and
# not for the machine.
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
	for service in prometheus prometheus-node-exporter; do
		case " $missing " in
		*" $service "*) $as_root systemctl -q disable $service 2>/dev/null || true ;;
		esac
	done
	return $result
}

# Installs those of the packages that are missing. Where apt cannot (not root, no network), that
# is said, and whoever needs the package says so again.
need_packages() {
	missing=""
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	as_root=""
	if [ "$(id -u)" != 0 ]; then
		as_root=$(command -v sudo) || {
			printf 'not installed, and neither root nor sudo to do it:%s\n' "$missing" >&2
			return 1
		}
	fi
	printf 'installing:%s\n' "$missing" >&2
	# shellcheck disable=SC2086 # lists of words
	if ! $as_root apt-get -q update >/dev/null || ! without_services $as_root env \
		DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing >/dev/null; then
		printf 'apt could not install:%s\n' "$missing" >&2
		return 1
	fi
}
