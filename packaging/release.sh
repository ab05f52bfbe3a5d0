#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The tarball of a tagged version, and its checksums.
#
#   packaging/release.sh TAG [FOLDER]
#
# TAG is vX.Y.Z, where configure.ac, CHANGELOG.md, the spec and debian/changelog say X.Y.Z. FOLDER (the
# current one, if none is given) gets mapherd-X.Y.Z.tar.xz and SHA256SUMS. They depend on what is tagged
# and on the versions of autoconf, automake, libtool and xz, which are said, and on nothing else: another
# machine that has these makes the same bytes.
set -eu
LC_ALL=C
export LC_ALL
umask 022
stop() {
	printf 'release.sh: %s\n' "$*" >&2
	exit 1
}
[ $# = 1 ] || [ $# = 2 ] || stop "usage: packaging/release.sh TAG [FOLDER]"
tag=$1
to=$(cd "${2:-.}" && pwd) || exit 1
cd "$(dirname "$0")/.."
version=${tag#v}
git rev-parse -q --verify "refs/tags/$tag^{commit}" >/dev/null || stop "there is no tag '$tag'; git tag -s vX.Y.Z makes one"
name=mapherd-$version

work=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-release.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/source"
git archive "refs/tags/$tag" | tar -x -C "$work/source"
cd "$work/source"
for said in "configure.ac:^AC_INIT(\[mapherd\], \[$version\])" "CHANGELOG.md:^## $version\>" \
	"packaging/mapherd.spec:^Version: *$version\$" "debian/changelog:^mapherd ($version-[0-9]*) "; do
	grep -q -- "${said#*:}" "${said%%:*}" || stop "${said%%:*} does not speak of version $version"
done

logged() {
	"$@" >"$work/log" 2>&1 || {
		tail -n 30 "$work/log" >&2
		stop "failed: $*"
	}
}
SOURCE_DATE_EPOCH=$(git -C "$OLDPWD" log -1 --format=%ct "refs/tags/$tag")
TAR_OPTIONS="--sort=name --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner --mode=u+rw,go=u,go-w"
XZ_OPT="-9e --threads=1"
export SOURCE_DATE_EPOCH TAR_OPTIONS XZ_OPT
logged ./bootstrap
mkdir "$work/build"
cd "$work/build"
logged ../source/configure
logged make dist-xz
[ -f "$name.tar.xz" ] || stop "make dist made no $name.tar.xz"
sha256sum "$name.tar.xz" >SHA256SUMS
cp "$name.tar.xz" SHA256SUMS "$to"
printf '%s/%s.tar.xz\n' "$to" "$name"
for tool in autoconf automake libtoolize xz; do
	printf 'made with %s\n' "$($tool --version | head -n 1)"
done
