#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# doctor: its lines tell what is so, on each filesystem, and its status whether all is well.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
unset JAVA_HOME

line() { # line LEVEL CHECK TEXT: such a line is there
	grep -E "^$1 +$2 " "$scratch/out" | grep -qF -- "$3" || {
		cat "$scratch/out" >&2
		fail "no line '$1 $2 ... $3'"
	}
}

grouped() { printf '%s\n' "$1" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta'; }

mkdir "$scratch/here"
expect 0 "$MAPHERD" doctor "$scratch/here"
silent err
line ok kernel "$(uname -r)"
line '(ok|note)' limit "$(grouped "$(cat /proc/sys/vm/max_map_count)")"
line ok library "$("$MAPHERD" library) gets into a program and is herding"
grep -Eq '^(ok|note) +placement ' "$scratch/out" || fail "MAP_FIXED_NOREPLACE was not tried"
grep -Eq '^(ok|note) +guards ' "$scratch/out" || fail "guards were not tried"
grep -Eq '^(ok|note) +query ' "$scratch/out" || fail "PROCMAP_QUERY was not tried"
line ok folder "$scratch/here"
[ -z "$(ls -A "$scratch/here")" ] || fail "the doctor left something behind"
(cd "$scratch/here" && "$MAPHERD" doctor) >"$scratch/out" || fail "doctor of the usual folders fails"
line '(ok|note)' folder ". ("

if command -v python3 >/dev/null; then
	expect 0 "$MAPHERD" doctor --json "$scratch/here"
	[ "$(field problems)" = 0 ] || fail "problems in JSON"
	[ "$(field findings 0 check)" = kernel ] || fail "the first finding is not the kernel"
else
	say "not shown, for want of python3: the JSON"
fi

for kind in tmpfs ext4 btrfs overlay; do
	if mount_fs "$kind" 320M; then
		expect 0 "$MAPHERD" doctor "$mnt"
		line ok folder "$mnt ($kind): "
		case $kind in
		overlay) line ok folder "a second comparison does," ;;
		*) line ok folder "become one map" ;;
		esac
	else
		say "not shown here: $kind ($why)"
	fi
done
if mount_fs tmpfs 1M; then
	mount -o remount,ro "$mnt"
	expect 0 "$MAPHERD" doctor "$mnt"
	line note folder "not examined"
else
	say "not shown here: a folder that may not be written ($why)"
fi

real=$(cat /proc/sys/vm/max_map_count)
! grep -q '^note *shown ' "$scratch/out" || fail "a limit is shown without the option"
expect 0 env MAPHERD_SHOW_LIMIT=2000000000 "$MAPHERD" doctor "$scratch/here"
line note shown "are shown 2,000,000,000;"
line '(ok|note)' limit "$(grouped "$(cat /proc/sys/vm/max_map_count)")"
grep -q 'right: *together with MAPHERD_COLD' "$scratch/out" || fail "it does not say when that is honest"
for value in $((real - 1)) many; do
	expect 0 env MAPHERD_SHOW_LIMIT="$value" "$MAPHERD" doctor "$scratch/here"
	line note shown "MAPHERD_SHOW_LIMIT is $value: programs see the kernel's limit"
done

# The files that set it at a start, in the order of systemd-sysctl, and what a container is told instead.
cat >"$scratch/box" <<'END'
for folder in /etc/sysctl.d /run /usr/local/lib/sysctl.d /usr/lib/sysctl.d; do
	[ -d $folder ] || continue
	mount -t tmpfs none $folder || exit 9
done
[ -d /usr/lib/sysctl.d ] || { mount -t tmpfs none /usr/local/lib; mkdir /usr/local/lib/sysctl.d; }
packaged=/usr/lib/sysctl.d
[ -d $packaged ] || packaged=/usr/local/lib/sysctl.d
eval "$1"
shift
mkdir -p /etc/sysctl.d
exec "$@"
END
boxed() { # boxed FILES LEVEL CHECK WORDS
	expect 0 unshare --mount sh "$scratch/box" "$1" "$MAPHERD" doctor "$scratch/here"
	line "$2" "$3" "$4"
}
if [ "$own_mounts" ] && [ -d /etc/sysctl.d ]; then
	much=$((real + 1048576))
	boxed "echo vm.max_map_count = $much >\$packaged/10-map-count.conf" ok kept \
		"/10-map-count.conf sets vm.max_map_count to $(grouped $much) at each start"
	boxed "echo vm.max_map_count=$much >\$packaged/10-map-count.conf
		printf '# vm.max_map_count=1\n-vm/max_map_count = $real\n' >\$packaged/elasticsearch.conf" note kept \
		"/elasticsearch.conf sets vm.max_map_count to $real at each start, and overrides the $much of "
	grep -q "right: *the line vm.max_map_count=$much in /etc/sysctl.d/zz-max-map-count.conf, which is read after" "$scratch/out" ||
		fail "no remedy against a package's file: $(cat "$scratch/out")"
	boxed "echo vm.max_map_count=1 >\$packaged/50-a.conf
		echo vm.max_map_count=$((real - 1)) >/etc/sysctl.d/50-a.conf" note kept \
		"/etc/sysctl.d/50-a.conf sets vm.max_map_count to $((real - 1)) at the next start; it is $real now"
	grep -q "right: *the line vm.max_map_count=$real in /etc/sysctl.d/50-a.conf$" "$scratch/out" ||
		fail "no remedy for the host's own file: $(cat "$scratch/out")"
	locked='mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; : >/run/.containerenv'
	expect 0 unshare --mount sh "$scratch/box" "$locked
		echo vm.max_map_count=1 >\$packaged/a.conf" "$MAPHERD" doctor "$scratch/here"
	! grep -q ' kept ' "$scratch/out" || fail "the files of a container are taken for the host's"
	if [ "$real" -le 65530 ]; then
		boxed "$locked" note limit "$(grouped "$real")"
		grep -q 'to raise it on the host of this container: sysctl -w vm.max_map_count=1048576' "$scratch/out" ||
			fail "the remedy is not the host's: $(cat "$scratch/out")"
	fi
else
	say "not shown here: the files of sysctl.d, and a container"
fi

# Limits below that of maps.
expect 0 sh -c 'ulimit -v 16000000 && exec "$@"' sh "$MAPHERD" doctor "$scratch/here"
line note space "RLIMIT_AS leaves a process 16,000,000 KiB of address space"

# What is not well: no library, one that does nothing, a JVM that cannot have it.
expect 1 env MAPHERD_LIBRARY="$scratch/none.so" "$MAPHERD" doctor "$scratch/here"
line problem library "$scratch/none.so"
cp "$MAPHERD" "$scratch/not-a-library.so"
expect 1 env MAPHERD_LIBRARY="$scratch/not-a-library.so" "$MAPHERD" doctor "$scratch/here"
line problem library "does not get into a program"
expect 0 env MAPHERD_SKIP='*' "$MAPHERD" doctor "$scratch/here"
line note library "does nothing there"
mkdir -p "$scratch/jvm/bin"
printf 'JAVA_VERSION="99.1"\n' >"$scratch/jvm/release"
cp "$MAPHERD" "$scratch/jvm/bin/java"
expect 0 env JAVA_HOME="$scratch/jvm" "$MAPHERD" doctor "$scratch/here"
line ok jvm "$scratch/jvm/bin/java 99.1 can have the library"
printf 'int main(void) { return 0; }\n' >"$scratch/null.c"
if ${CC:-cc} -static "$scratch/null.c" -o "$scratch/jvm/bin/java" 2>/dev/null; then
	expect 1 env JAVA_HOME="$scratch/jvm" "$MAPHERD" doctor "$scratch/here"
	line problem jvm "$scratch/jvm/bin/java 99.1 cannot have the library: it is statically linked"
fi

misuse "$scratch/none: No such file" doctor "$scratch/none"
misuse "Not a directory" doctor "$MAPHERD"
