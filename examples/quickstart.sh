#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The main job, with mapherd and without, on a fresh Debian 12 (root or sudo).
#
#   examples/quickstart.sh [PREFIX]
#
# Installs what is missing, builds mapherd, installs it into a prefix of its own (a folder that is
# removed afterwards, if none is given), and runs a C and a Java program that map 70,000 chunks of
# a file. Ends with 0 if both die alone and finish under mapherd.
set -eu
source_dir=$(cd "$(dirname "$0")/.." && pwd)
examples=$source_dir/examples
chunks=70000

say() { printf '%s\n' "$*" >&2; }
stop() {
	say "quickstart: $*"
	exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/mapherd-quickstart.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
case ${1:-} in
/*) prefix=$1 ;;
"") prefix=$work/prefix ;;
*) prefix=$PWD/$1 ;;
esac

# ---- install and build ----

"$examples/packages.sh" build || stop "mapherd cannot be built without these"
"$examples/packages.sh" java || say "going on without Java"

logged() {
	"$@" >"$work/log" 2>&1 || {
		tail -n 30 "$work/log" >&2
		stop "failed: $*"
	}
}
say "building (a minute or so) ..."
mkdir "$work/build"
cd "$source_dir"
[ -x configure ] || logged ./bootstrap
cd "$work/build"
logged "$source_dir/configure" --prefix="$prefix"
logged make -j"$(nproc)"
logged make install
mapherd=$prefix/bin/mapherd
logged "$mapherd" library

# ---- the two programs ----

cc -O2 -o "$work/chunks" "$examples/chunks.c"
if command -v javac >/dev/null; then
	javac -d "$work" "$examples/Chunks.java"
fi
# Where the file lies does not matter to mapherd; in memory nobody's disk is filled.
file=/dev/shm/mapherd-quickstart.$$
[ -d /dev/shm ] && [ -w /dev/shm ] || file=$work/file
trap 'rm -rf "$work" "$file"' EXIT

# What a program died of, else what it said.
first_line() {
	cat >"$work/text"
	grep -m 1 -E 'Exception|cannot|Cannot' "$work/text" || head -n 1 "$work/text"
}

# One run: its row in the table, its exit status in $status.
run() {
	row=$1
	shift
	rm -f "$file"
	start=$(date +%s%N)
	status=0
	"$@" >"$work/out" 2>"$work/err" || status=$?
	end=$(date +%s%N)
	maps=$(sed -n 's/.*maps: \([0-9]*\)$/\1/p' "$work/out")
	printf '%-20s %6s %8s %7s s   %s\n' "$row" "$status" "${maps:--}" \
		"$(printf '%d.%02d' $(((end - start) / 1000000000)) $(((end - start) / 10000000 % 100)))" \
		"$(cat "$work/out" "$work/err" | first_line | cut -c 1-76)"
}

limit=$(cat /proc/sys/vm/max_map_count)
printf '\n%s chunks of 1 MiB of one file; vm.max_map_count = %s\n\n' "$chunks" "$limit"
printf '%-20s %6s %8s %9s   %s\n' "" exit maps time "what it said"
good=yes
pair() {
	label=$1
	shift
	run "$label, alone" "$@"
	if [ "$limit" -lt "$chunks" ] && [ "$status" = 0 ]; then
		good="no: $label finished alone, so this shows nothing"
	fi
	run "$label, under mapherd" "$mapherd" run -- "$@"
	if [ "$status" != 0 ] || [ "${maps:-$chunks}" -ge "$chunks" ]; then
		good="no: $label did not finish with few maps under mapherd"
		cat "$work/err" >&2
	fi
}
pair C "$work/chunks" "$file" "$chunks"
if command -v java >/dev/null && [ -f "$work/Chunks.class" ]; then
	pair Java java -Xmx512m -XX:ErrorFile="$work/hs_err" -XX:-CreateCoredumpOnCrash -cp "$work" \
		Chunks "$file" "$chunks"
else
	good="no: there is no JDK"
fi
printf '\n'
[ "$limit" -lt "$chunks" ] ||
	printf 'The limit of this machine has been raised, so both finish alone as well.\n'
[ "$good" = yes ] || stop "$good"
printf 'Alone both die at the limit; under mapherd both finish.\n'
