#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The images of examples/docker are built as they are, and what examples/kubernetes does with them works.
#
# For make check-images: it takes minutes, 4 GiB of disk, root and the network. In the place of the
# images that a registry has stand Debian by debootstrap, and that with a JRE: what is shown is not
# that a registry has them.
. "$TESTS_SRC/lib.sh"
source_dir=$(cd "$TESTS_SRC/.." && pwd)
examples=$source_dir/examples
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
[ "$(id -u)" = 0 ] || skip "needs root"
for command in buildah debootstrap; do
	PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || skip "no $command"
done
in_store() { buildah --root "$scratch/store" --runroot "$scratch/run" "$@"; }
quietly() { "$@" >"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log" >&2; fail "$*"; }; }
image() { # image NAME FILE FOLDER: FILE builds it of FOLDER
	quietly in_store bud --network host --pull-never --ignorefile "$examples/docker/Dockerfile.dockerignore" \
		-f "$2" -t "$1" "$3"
}

say "Debian"
quietly debootstrap --variant=minbase bookworm "$scratch/debian"
rm -f "$scratch"/debian/var/cache/apt/archives/*.deb
box=$(in_store from scratch)
quietly in_store copy "$box" "$scratch/debian" /
quietly in_store commit "$box" debian:bookworm-slim
quietly in_store rm "$box"
mkdir "$scratch/jre"
printf 'FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y --no-install-recommends default-jre-headless\n' \
	>"$scratch/jre/Dockerfile"
image eclipse-temurin:17-jre "$scratch/jre/Dockerfile" "$scratch/jre"

say "the images"
image mapherd "$examples/docker/Dockerfile" "$source_dir"
image service "$examples/docker/Dockerfile.service" "$examples/docker"

# inside IMAGE OPTION... -- COMMAND...: runs it in a container of the image; its status is $ended.
inside() {
	box=$(in_store from --pull-never "$1")
	shift
	ended=0
	for word in "$@"; do # buildah wants the container before the command
		shift
		[ "$word" != -- ] || set -- "$@" "$box"
		set -- "$@" "$word"
	done
	in_store run "$@" >"$scratch/out" 2>"$scratch/err" || ended=$?
	quietly in_store rm "$box"
}
good() { [ "$ended" = 0 ] || { cat "$scratch/out" "$scratch/err" >&2; fail "$*"; }; }

inside mapherd -- mapherd library --loaded
[ "$ended" = 1 ] || fail "the library is in a command that nothing preloads"
inside mapherd -- mapherd run mapherd library --loaded
good "the library of the image does not get into a program"
inside mapherd -- id -u
[ "$(cat "$scratch/out")" != 0 ] || fail "the image runs as root"

inside service -- sh -c 'java -version && ls /var/lib/mapherd'
good "java does not run in the image of the service"
grep -q '^mapherd-.*java.*\.record$' "$scratch/out" || fail "the library does not work in java"
inside service -- sh -c 'cat /proc/self/maps'
! grep -q '\.record' "$scratch/out" || fail "the library works in others than java"

say "what the manifest of Kubernetes does"
command -v javac >/dev/null || skip "no javac"
manifest=$examples/kubernetes/mapherd.yaml
mkdir "$scratch/mapherd" "$scratch/data" "$scratch/state" "$scratch/classes"
javac --release 17 -d "$scratch/classes" "$examples/Chunks.java"
chown 1000:1000 "$scratch/mapherd" "$scratch/data" "$scratch/state"
chmod 711 "$scratch"
copy=$(sed -n 's/^ *command: \["cp", "\(.*\)", "\(.*\)"\]$/cp \1 \2/p' "$manifest")
# shellcheck disable=SC2086 # words
inside mapherd --user 1000:1000 -v "$scratch/mapherd:/mapherd" -- $copy
good "the init container's command"
# pod WITH: the JVM maps 70,000 chunks of a file; WITH the manifest's environment, or none.
pod() {
	# shellcheck disable=SC2086 # words
	set -- --user 1000:1000 -v "$scratch/mapherd:/mapherd:ro" -v "$scratch/data:/data" -v "$scratch/state:/var/lib/mapherd" \
		-v "$scratch/classes:/classes:ro" $1 -- java -XX:-CreateCoredumpOnCrash -XX:ErrorFile=/data/death -cp /classes Chunks /data/file 70000
	inside eclipse-temurin:17-jre "$@"
}
environment=$(sed -n '/^ *- name: [A-Z_]*$/{N;s/.*- name: \([A-Z_]*\)\n *value: \(.*\)/-e \1=\2/p;}' "$manifest")
pod "$environment"
good "the JVM with the manifest's environment"
grep -o 'maps: .*' "$scratch/out"
set -- "$scratch"/state/mapherd-*java*.record
[ -f "$1" ] || fail "no record is left on the volume"
limit=$(cat /proc/sys/vm/max_map_count)
[ "$limit" -lt 70000 ] || skip "vm.max_map_count is $limit: the JVM finishes alone, too"
pod ""
[ "$ended" != 0 ] || fail "the JVM finishes alone, so nothing was shown"
grep -m 1 -h 'Map failed' "$scratch/out" "$scratch/err" || fail "the JVM fails alone for another reason"
