#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What is released is complete: the tarball, what make install installs, and what the packages take of
# that. Building packages on clean systems is `make check-packages`.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
tree=$(cd "$TESTS_SRC/.." && pwd)
{ [ -f "$TESTS_BIN/Makefile" ] && command -v make >/dev/null; } || skip "no make"
unset MAKEFLAGS MFLAGS MAKELEVEL
# made TARGET [NAME=VALUE...]: make in the build folder. It compiles nothing: all is built.
made() { make -s -C "$TESTS_BIN" "$@" >"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log" >&2; fail "make $*"; }; }
version=$(sed -n 's/^AC_INIT(\[mapherd\], \[\(.*\)\])$/\1/p' "$tree/configure.ac")
[ "$version" ] || fail "configure.ac has no version"

# ---- the tarball ----

made distdir distdir="$scratch/mapherd-$version"
# missing LISTED TARBALL: what is in the first list and not in the tarball, nor meant to be left out.
left_out='^\.gitignore$'
missing() { grep -v -x -e "$left_out" "$1" | comm -23 - "$2"; }
(cd "$scratch/mapherd-$version" && find . ! -type d | sed 's/^\.\///' | sort) >"$scratch/tarball"
if [ "$(git -C "$tree" rev-parse --show-toplevel 2>/dev/null)" = "$tree" ]; then
	git -C "$tree" ls-files | sort >"$scratch/listed"
	missing "$scratch/listed" "$scratch/tarball" >"$scratch/missing"
	[ ! -s "$scratch/missing" ] || fail "the tarball lacks (EXTRA_DIST): $(cat "$scratch/missing")"
	# And nothing but that, and what the autotools make.
	generated='(aclocal\.m4|config\.h\.in|configure|Makefile\.in|(build-aux|m4)/.*)'
	comm -13 "$scratch/listed" "$scratch/tarball" | grep -v -x -E "$generated" >"$scratch/more" || true
	[ ! -s "$scratch/more" ] || fail "the tarball has what nobody has committed: $(cat "$scratch/more")"
	# The comparison sees a file that is missing.
	grep -v -x 'doc/design\.md' "$scratch/tarball" >"$scratch/short"
	[ "$(missing "$scratch/listed" "$scratch/short")" = doc/design.md ] || fail "a document that is missing is not noticed"
else
	say "not shown here: what the tarball lacks (not a git repository)"
fi

# ---- the version ----

# speaks FOLDER: the files that do not speak of this version.
speaks() {
	grep -q "^## $version\$" "$1/CHANGELOG.md" || echo CHANGELOG.md
	grep -q "^Version: *$version\$" "$1/packaging/mapherd.spec" || echo packaging/mapherd.spec
	sed -n 1p "$1/debian/changelog" | grep -q "^mapherd ($version-[0-9]*) " || echo debian/changelog
}
[ -z "$(speaks "$tree")" ] || fail "configure.ac has version $version; another one is in $(speaks "$tree")"
# A build of a clone says which commit it is of besides.
"$MAPHERD" --version | grep -Eq "^mapherd $version( \(commit [^ ]*\))?\$" || fail "the command is of another version"
mkdir -p "$scratch/other/packaging" "$scratch/other/debian"
for file in CHANGELOG.md packaging/mapherd.spec debian/changelog; do
	sed 's/[0-9]\.[0-9]\.[0-9]/9.9.9/' "$tree/$file" >"$scratch/other/$file"
done
[ "$(speaks "$scratch/other" | wc -l)" = 3 ] || fail "another version is not noticed"

# ---- what is installed ----

triplet=$(${CC:-cc} -dumpmachine)
libdir=/usr/lib/$triplet
made install DESTDIR="$scratch/tmp" prefix=/usr libdir="$libdir"
(cd "$scratch/tmp" && find . ! -type d | sort) >"$scratch/installed"
for path in bin/mapherd "lib/$triplet/mapherd/libmapherd.so" "lib/$triplet/pkgconfig/mapherd.pc" lib/tmpfiles.d/mapherd.conf \
	share/bash-completion/completions/mapherd share/zsh/site-functions/_mapherd share/fish/vendor_completions.d/mapherd.fish \
	share/man/man1/mapherd.1 include/mapherd/mapherd.h include/mapherd/status.def; do
	grep -qxF "./usr/$path" "$scratch/installed" || fail "make install does not install $path"
done
! grep '\.la$' "$scratch/installed" || fail "a libtool archive is installed"

pc=$(cat "$TESTS_BIN/mapherd.pc")
if command -v pkg-config >/dev/null; then
	pkg-config --validate "$TESTS_BIN/mapherd.pc" || fail "pkg-config does not take mapherd.pc"
	said=$(pkg-config --variable=preload "$TESTS_BIN/mapherd.pc")
else
	libdir_said=$(printf '%s\n' "$pc" | sed -n 's/^libdir=//p')
	said="$libdir_said/mapherd/libmapherd.so"
fi
made install DESTDIR="$scratch/usual"
case $said in
/*) [ -f "$scratch/usual$said" ] || fail "mapherd.pc says that the library is $said; make install has put it elsewhere" ;;
*) say "not shown here: the path in mapherd.pc (needs pkg-config)" ;;
esac
made uninstall DESTDIR="$scratch/usual"
[ -z "$(find "$scratch/usual" ! -type d)" ] || fail "make uninstall leaves $(find "$scratch/usual" ! -type d)"

# No cleaner of temporary files takes a spill file. One that takes everything shows it.
if command -v systemd-tmpfiles >/dev/null; then
	for folder in tmp var/tmp dev/shm var/tmp/systemd-private-1-x.service-y/tmp; do
		mkdir -p "$scratch/host/$folder"
		echo kept >"$scratch/host/$folder/mapherd-spill.a.1.f"
		echo old >"$scratch/host/$folder/old"
	done
	for folder in /tmp /var/tmp /dev/shm; do
		echo "d $folder - - - 0"
	done >"$scratch/cleans.conf"
	systemd-tmpfiles --clean --root="$scratch/host" "$scratch/cleans.conf" "$scratch/tmp/usr/lib/tmpfiles.d/mapherd.conf" >"$scratch/log" 2>&1 ||
		fail "systemd-tmpfiles does not take the file: $(cat "$scratch/log")"
	[ -z "$(find "$scratch/host" -name old)" ] || fail "the cleaner cleans nothing: this shows nothing"
	[ "$(find "$scratch/host" -name 'mapherd-spill.*' | wc -l)" = 4 ] ||
		fail "a cleaner has taken a spill file: $(find "$scratch/host" -type f) are left"
else
	say "not shown here: cleaners of temporary files (no systemd-tmpfiles)"
fi

# ---- the Debian package ----

# The packages together take all that is installed, and nothing that is not.
if command -v dh_missing >/dev/null; then
	mkdir "$scratch/package"
	cp -R "$scratch/mapherd-$version/." "$scratch/package"
	chmod -R u+w "$scratch/package"
	cp -R "$scratch/tmp" "$scratch/package/debian/tmp"
	cd "$scratch/package"
	dh_install >"$scratch/log" 2>&1 || fail "dh_install: $(cat "$scratch/log")"
	dh_missing --fail-missing >"$scratch/log" 2>&1 || fail "no package takes: $(cat "$scratch/log")"
	[ -f "debian/libmapherd$libdir/mapherd/libmapherd.so" ] || fail "libmapherd has no library"
	: >debian/tmp/usr/bin/another
	! dh_missing --fail-missing >"$scratch/log" 2>&1 || fail "a file that no package takes is not noticed"
	cd "$scratch"
else
	say "not shown here: the Debian package (no debhelper)"
fi

# ---- the RPM ----

if command -v rpmbuild >/dev/null; then
	# Documents come from the sources: rpmbuild copies them when it has built.
	grep -v -E '^%(doc|license) ' "$tree/packaging/mapherd.spec" >"$scratch/mapherd.spec"
	rpm_lists() {
		rpmbuild --nodeps --define "_topdir $scratch/rpm" --define "_libdir $libdir" --define "_tmpfilesdir /usr/lib/tmpfiles.d" \
			--buildroot "$scratch/tmp" -bl "$scratch/mapherd.spec" >"$scratch/log" 2>&1
	}
	rpm_lists || fail "files of the spec are not installed: $(tail -n 12 "$scratch/log")"
	mv "$scratch/tmp/usr/bin/mapherd" "$scratch/mapherd"
	! rpm_lists || fail "a file that is missing from the RPM is not noticed"
else
	say "not shown here: the files of the RPM (no rpmbuild)"
fi
if command -v rpmlint >/dev/null; then
	# Filters that the spec alone does not need are for the packages made of it.
	lint() { rpmlint -r "$tree/packaging/mapherd.rpmlintrc" "$1" 2>&1 | grep -E ': [EW]: |: error' | grep -v 'E: unused-rpmlintrc-filter' || true; }
	[ -z "$(lint "$tree/packaging/mapherd.spec")" ] || fail "rpmlint: $(lint "$tree/packaging/mapherd.spec")"
	sed '/^License:/d' "$tree/packaging/mapherd.spec" >"$scratch/mapherd.spec"
	[ "$(lint "$scratch/mapherd.spec")" ] || fail "rpmlint does not notice a spec without a license"
else
	say "not shown here: what rpmlint says (not installed)"
fi

# ---- the release ----

if [ -s "$scratch/listed" ]; then
	got=0
	sh "$tree/packaging/release.sh" v99.0.0 "$scratch" >"$scratch/log" 2>&1 || got=$?
	{ [ $got = 1 ] && grep -q "there is no tag 'v99.0.0'" "$scratch/log"; } || fail "a release of no tag: $got, $(cat "$scratch/log")"
fi
# Of a clone that has the tag: the same bytes twice, under other conditions.
if [ -s "$scratch/listed" ] && [ "${TESTS_LONG:-}" ]; then
	git clone -q "$tree" "$scratch/clone" && cd "$scratch/clone"
	git -c user.name=test -c user.email=test@localhost tag -a -m "$version" "v$version"
	mkdir "$scratch/one" "$scratch/two"
	sh packaging/release.sh "v$version" "$scratch/one" || fail "release.sh fails"
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 TMPDIR="$scratch" sh packaging/release.sh "v$version" "$scratch/two") >/dev/null ||
		fail "release.sh fails elsewhere"
	(cd "$scratch/two" && sha256sum -c ../one/SHA256SUMS) || fail "the same tag gave another tarball"
	git -c user.name=test -c user.email=test@localhost tag -a -m wrong v98.0.0
	! sh packaging/release.sh v98.0.0 "$scratch/one" >"$scratch/log" 2>&1 || fail "a tag of another version is released"
	grep -q "configure.ac does not speak of version 98.0.0" "$scratch/log" || fail "that is not said: $(cat "$scratch/log")"
fi
