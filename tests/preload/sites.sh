#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Calls that pass no symbol: by a handle, by libc's syscall, in a plug-in that is bound to libc, by Java's foreign
# functions, and what libc maps for itself. Its system calls are redirected, where that can be done safely.
# TESTS_LONG=1: 70,000 chunks, of which a program alone has 65,5xx; forks, signals and cancellation ten minutes.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
[ "$(uname -m)" = x86_64 ] || skip "sites are redirected on x86-64"
program=$TESTS_BIN/tests/preload/sites
plugin=$TESTS_BIN/tests/preload/.libs/sites_plugin.so
libc=$(ldd "$program" | sed -n 's/.*libc\.so\.6 => \([^ ]*\) .*/\1/p')
chunks=3000
[ -z "${TESTS_LONG:-}" ] || chunks=70000

# status_of NAME: the number that mapherd stat has of a program.
status_of() {
	name_of=$1
	LD_PRELOAD=$MAPHERD_LIB sleep 60 >/dev/null 2>&1 &
	pid=$!
	later "kill $pid 2>/dev/null || true"
	tries=0
	until "$MAPHERD" stat --json "$pid" >"$scratch/stat" 2>/dev/null && grep -q "\"$name_of\"" "$scratch/stat"; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "stat says nothing: $(cat "$scratch/stat")"
		sleep 0.05
	done
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	sed -n "s/.*\"$name_of\": *\([0-9]*\).*/\1/p" "$scratch/stat"
}

# ---- the code of libc ----

sites=$(status_of sites)
[ "$sites" -ge 10 ] || fail "only $sites sites are redirected"
[ "$(status_of sites_left)" = 0 ] || fail "sites are left: $(cat "$scratch/stat")"

# changes COMMAND...: how many places of libc's code the program finds changed.
changes() { "$@" "$program" bytes | sed -n 's/^changes=//p'; }
[ "$(changes preloaded)" = "$sites" ] || fail "$sites sites, and $(changes preloaded) changes"
for setting in MAPHERD_SITES=off MAPHERD_MODE=observe MAPHERD_MODE=limit MAPHERD_SKIP=sites; do
	[ "$(changes env "$setting" LD_PRELOAD="$MAPHERD_LIB")" = 0 ] || fail "$setting: libc is changed"
done
[ "$(changes env)" = 0 ] || fail "libc is changed without the library"
maps() { LD_PRELOAD=$MAPHERD_LIB MAPHERD_SITES=$1 grep -c "" /proc/self/maps; }
[ "$(maps auto)" = "$(maps off)" ] || fail "maps: $(maps auto) with sites, $(maps off) without"
! LD_PRELOAD=$MAPHERD_LIB grep -q ' rwxp ' /proc/self/maps || fail "memory is writable and executable"
say "$sites sites are redirected; the same number of maps"

# Where it cannot be done, the program runs and nothing is changed.
if command -v strace >/dev/null; then
	strace -f -o /dev/null env LD_PRELOAD="$MAPHERD_LIB" "$program" bytes >"$scratch/out"
	grep -q '^changes=0$' "$scratch/out" || fail "a traced process is changed: $(cat "$scratch/out")"
fi
if [ "$own_mounts" ]; then
	mkdir -p "$scratch/empty" "$scratch/fake/self"
	: >"$scratch/fake/self/mem"
	printf 'TracerPid:\t0\nThreads:\t1\n' >"$scratch/fake/self/status"
	for how in "mount --bind $scratch/empty /proc" "mount -o remount,ro,bind /proc" "mount --bind $scratch/fake /proc"; do
		unshare --mount sh -c "mount --make-rprivate / && { $how; } && LD_PRELOAD='$MAPHERD_LIB' exec '$program' bytes" \
			>"$scratch/out" 2>"$scratch/err" || fail "$how: $(cat "$scratch/out" "$scratch/err")"
		case $how in
		*remount*) ;; # a file of /proc is written to all the same: its mount says nothing of that
		*) grep -q '^changes=0$' "$scratch/out" || fail "$how: libc is changed" ;;
		esac
	done
	[ ! -s "$scratch/fake/self/mem" ] || fail "another file was written to"
fi

# Another libc, in which a site has other bytes: it is left alone, and told; without that of fork all are.
# other_libc SYMBOL: a copy in which the number of the call differs in form.
loader=$(readelf -lW "$program" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
other_libc() {
	rm -rf "$scratch/other"
	mkdir "$scratch/other"
	cp "$libc" "$scratch/other/libc.so.6"
	python3 - "$scratch/other/libc.so.6" "$(readelf -sW --dyn-syms "$libc" |
		awk -v name="$1" '$8 ~ "^" name "(@|$)" { print $2; exit }')" <<-'END'
		import sys
		path, address = sys.argv[1], int(sys.argv[2], 16)
		data = bytearray(open(path, "rb").read())
		at = data.index(b"\x0f\x05", address)  # the text is where its addresses say
		assert data[at - 5] == 0xb8 and at < address + 200
		# A byte less: push of the number, pop of it, and two nops.
		number = data[at - 4]
		data[at - 5:at] = bytes((0x6a, number, 0x58, 0x66, 0x90))
		open(path, "wb").write(data)
	END
}
with_other() {
	"$loader" --preload "$MAPHERD_LIB" --library-path "$scratch/other" "$program" "$@" >"$scratch/out" 2>&1 ||
		fail "another libc: $* $(cat "$scratch/out")"
}
if command -v python3 >/dev/null; then
	other_libc munmap
	with_other bytes
	grep -q "^changes=$((sites - 1))\$" "$scratch/out" || fail "another munmap: $(cat "$scratch/out")"
	with_other left
	grep -q "^sites=$((sites - 1)) left=1\$" "$scratch/out" || fail "another munmap: $(cat "$scratch/out")"
	other_libc _Fork
	with_other bytes
	grep -q '^changes=0$' "$scratch/out" || fail "another fork: $(cat "$scratch/out")"
	with_other left
	grep -q "^sites=0 left=$sites\$" "$scratch/out" || fail "another fork: $(cat "$scratch/out")"
	say "what cannot be redirected safely is left alone"
fi

# ---- calls past symbols ----

# few WAY: with the library, few maps; off: one each.
few() {
	preloaded "$program" "$1" "$scratch/file" "$chunks" >"$scratch/out" 2>&1 || fail "$1: $(cat "$scratch/out")"
	more=$(sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p' "$scratch/out")
	[ "$more" -le 100 ] || fail "$1: $(cat "$scratch/out")"
	status=0
	MAPHERD_SITES=off preloaded "$program" "$1" "$scratch/file" "$chunks" >"$scratch/off" 2>&1 || status=$?
	if [ "$chunks" -gt 65530 ] && [ "$(cat /proc/sys/vm/max_map_count)" = 65530 ]; then
		grep -q '^chunk 65[45]' "$scratch/off" || fail "$1, off: $(cat "$scratch/off")"
	else
		more=$(sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p' "$scratch/off")
		[ "$status" = 0 ] && [ "$more" -ge "$chunks" ] || fail "$1, off: $(cat "$scratch/off")"
	fi
	say "$(basename "$1"): $(cat "$scratch/out")"
}
few handle
few syscall
few "$plugin"
preloaded "$program" own >"$scratch/out" || fail "own: $(cat "$scratch/out")"
[ "$(sed 's/ .*//' "$scratch/out")" -ge 100 ] || fail "what libc maps is not seen: $(cat "$scratch/out")"
say "$(cat "$scratch/out")"

# ---- what a call leaves as it is, forks, cancellation ----

# An unwinder finds the caller behind each instruction. Without redirected sites there are places too where it
# does not; mremap has one more, in its stub.
for setting in off auto; do
	MAPHERD_SITES=$setting preloaded timeout 300 "$program" unwind >"$scratch/$setting" 2>&1 ||
		fail "unwind, $setting: $?: $(cat "$scratch/$setting")"
done
none=$(sed 's/ .*//' "$scratch/off")
[ "$(sed 's/ .*//' "$scratch/auto")" -le $((none + 1)) ] || fail "unwind: $(cat "$scratch/off" "$scratch/auto")"
say "unwind: $(cat "$scratch/auto"), $none without sites"

until=$(date +%s)
[ -z "${TESTS_LONG:-}" ] || until=$((until + 600))
while :; do
	for scene in registers steps stack forks cancel; do
		timeout 300 env LD_PRELOAD="$MAPHERD_LIB" "$program" "$scene" >"$scratch/out" 2>&1 ||
			fail "$scene: status $?: $(cat "$scratch/out")"
		say "$(cat "$scratch/out")"
	done
	[ "$(date +%s)" -lt "$until" ] || break
done

# ---- Java ----

for java in "${JAVA_FOREIGN:-/usr/lib/jvm/temurin-25-jdk-amd64}" /usr/lib/jvm/*25*; do
	[ -x "$java/bin/java" ] || continue
	"$java/bin/java" -version 2>&1 | grep -q '"2[2-9]' || continue
	preloaded "$java/bin/java" --enable-native-access=ALL-UNNAMED "$TESTS_SRC/preload/SitesForeign.java" "$scratch/file" "$chunks" \
		>"$scratch/out" 2>&1 || fail "foreign functions: $(cat "$scratch/out")"
	more=$(sed -n 's/.* chunks: \([0-9-]*\) maps more.*/\1/p' "$scratch/out")
	[ "$more" -le 150 ] || fail "foreign functions: $(cat "$scratch/out")"
	say "$java: $(cat "$scratch/out")"
	exit 0
done
say "not shown here: Java's foreign functions (no JDK 22 or later)"
