#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Hostile starts: under bad conditions a program with the library says the same, and ends the same,
# as alone. Lines of mapherd's own on stderr are taken off before the comparison, no others.
# shellcheck source=tests/lib.sh
# shellcheck disable=SC2031 # $library is changed once, in a subshell, on purpose
. "$TESTS_SRC/lib.sh"

# Where an unprivileged user can reach them; and names that are not options of the library.
chmod 755 "$scratch"
program="$scratch/hostile"
library="$scratch/libmapherd.so"
cp "$TESTS_BIN/tests/preload/hostile" "$program"
cp "$MAPHERD_LIB" "$library"
mkdir -m 777 "$scratch/data"
data="$scratch/data/file"
unset MAPHERD_LIB MAPHERD JDKS

# same CONDITION COMMAND...: runs it alone and with the library. CONDITION is a shell command line
# that ends by running its arguments, "$@"; what is in $with (env's form) is set for both.
# Afterwards: $status, $scratch/out, $scratch/err of the second run.
with=""
allow_ignored=false
same() {
	condition=$1
	shift
	for preload in "" "$library"; do
		rm -f "$data"
		truncate -s 512K "$data"
		chmod 666 "$data"
		# Allocated: no condition may make a store fail.
		dd if=/dev/zero of="$data" bs=64K count=8 conv=notrunc 2>/dev/null
		status=0
		ours=
		[ -z "$preload" ] || ours="LD_PRELOAD=$preload ${demand-HOSTILE_OURS=1}"
		# shellcheck disable=SC2086 # $ours and $with are lists of env's arguments
		sh -c "$condition" same env $with $ours "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
		cmp -s "$data" /dev/null || cksum <"$data" >"$scratch/sum"
		if [ -z "$preload" ]; then
			alone=$status
			mv "$scratch/out" "$scratch/out.alone"
			mv "$scratch/err" "$scratch/err.alone"
			mv "$scratch/sum" "$scratch/sum.alone"
		fi
	done
	cp "$scratch/err" "$scratch/err.all"
	sed -i "/^$stamp/d" "$scratch/err"
	! $allow_ignored || sed -i '/^ERROR: ld.so: object .*: ignored\.$/d' "$scratch/err"
	for what in out err sum; do
		cmp -s "$scratch/$what.alone" "$scratch/$what" && continue
		fail "$condition: $*: $what differs:
alone ($alone): $(head -c 600 "$scratch/$what.alone")
with ($status): $(head -c 600 "$scratch/$what")"
	done
	[ "$status" = "$alone" ] || fail "$condition: $*: ends with $status, alone with $alone"
}

# The same, and the program must have done its work.
works() {
	same "$@"
	[ "$status" = 7 ] || fail "$1: the program alone ends with $status"
}

both() {
	works "$1" "$program" work "$data"
	works "$1" "$program" count 1000
	say "$2"
}

# The comparison can fail: a library that is not there is said by the loader.
# shellcheck disable=SC2030,SC2031 # in a subshell on purpose
(library="$scratch/none.so" && works '"$@"' "$program" count 1000) 2>/dev/null &&
	fail "a difference on stderr is not noticed"

both '"$@"' "nothing special"
both 'ulimit -n 4; exec 3<&-; "$@"' "four descriptors"
both 'ulimit -n 16; "$@"' "16 descriptors"
with="MAPHERD_WARN=1 MAPHERD_LOG=$scratch/log"
works 'ulimit -f 0; "$@"' "$program" count 9000
works 'ulimit -f 0; "$@" >/dev/null' "$program" work "$data"
with=""
say "files may not grow, the log neither"
both 'ulimit -s unlimited; "$@"' "an unlimited stack"
both 'ulimit -c 0; ulimit -l 0; "$@"' "no locked memory"
for closed in '0<&-' '1>&-' '2>&-' '0<&- 1>&- 2>&-'; do
	same '"$@" '"$closed" "$program" work "$data"
	works '"$@" '"$closed" "$program" count 1000
done
say "standard descriptors closed"
both 'cd /; env -i "$@"' "no environment"

# Enough maps for a line in the log. No line of the library may get into a file that happens to be descriptor 2.
with="MAPHERD_WARN=1 MAPHERD_LOG_LEVEL=debug"
for condition in '"$@"' '"$@" 2>&-'; do
	works "$condition" "$program" stderr "$data" 9000
	[ "$(tr -d '\0' <"$data" | wc -c)" = 0 ] || fail "a log line is in the program's file"
done
works '"$@"' "$program" count 9000
grep -q "^$stamp" "$scratch/err.all" || fail "no log line was provoked: the test is empty"
with=""
say "descriptor 2 is a file of the program"

if command -v setarch >/dev/null; then
	for flag in -R -L -X -3; do
		setarch "$(uname -m)" "$flag" true 2>/dev/null || {
			say "not shown here: setarch $flag (it is refused)"
			continue
		}
		both "setarch $(uname -m) $flag "'"$@"' "setarch $flag"
	done
else
	say "cannot run here: setarch (util-linux)"
fi

# Rubbish in the options. The library may say so, a line each.
long=$(head -c 30000 /dev/zero | tr '\0' 'x')
binary=$(printf '\001\377\033[31m\\%%n%%s\n\t:=')
rubbish() { # NAME=VALUE
	for start in '"$@"' '"$@" 2>&-'; do
		works "export \"\$RUBBISH\"; $start" "$program" work "$data"
	done
}
for RUBBISH in "MAPHERD_MODE=$long" "MAPHERD_MODE=$binary" "MAPHERD_MODE=" "MAPHERD_=" "MAPHERD" \
	"MAPHERD_$long=1" "MAPHERD_WARN=101,-1,,99999999999999999999" "MAPHERD_WARN=$long" \
	"MAPHERD_ONLY=[*\\?,,," "MAPHERD_SKIP=$binary" "MAPHERD_LOG=/nowhere/at/all" "MAPHERD_LOG=/" \
	"MAPHERD_LOG=%" "MAPHERD_LOG=$long" "MAPHERD_LOG=/dev/full" "MAPHERD_LOG=/dev/null/x" \
	"MAPHERD_OPTIONS=:::=:=x:mode:mode=:mode==:$long" "MAPHERD_OPTIONS=$binary" \
	"MAPHERD_LOG_FORMAT=$binary" "MAPHERD_CHILDREN=off" "MAPHERD_COALESCE=off" \
	"MAPHERD_LOG_LEVEL=-1"; do
	export RUBBISH
	rubbish
done
unset RUBBISH
say "rubbish in every option"

# seccomp. Errors for each call that the library could make. Where the loader needs it too, alone
# and with the library the same must go wrong.
allow_ignored=true
for call in $("$program" calls); do
	for error in 1 38; do # EPERM, ENOSYS
		same '"$@"' "$program" deny "$call" "$error" "$program" count 1000
		same '"$@"' "$program" deny "$call" "$error" "$program" work "$data"
	done
done
allow_ignored=false
say "system calls denied, one at a time"
works '"$@"' "$program" deny cachestat kill "$program" work "$data"
say "calls that a filter is too old to know, on pain of death"
ways="prctl seccomp syscall"
[ "$(id -u)" != 0 ] || ways="$ways root"
for how in $ways; do
	works '"$@"' "$program" sandbox "$how" "$data"
done
say "sandboxed after start, on pain of death"

# Address space: from the least with which the program runs alone, upwards. The loader maps the
# library before libc: what the library's file takes must be there too, or it is the loader that
# dies, and not by anything the library could do.
# shellcheck disable=SC3045 # dash, bash and busybox all know ulimit -v
runs_in() { (ulimit -v "$1" && exec "$program" count 1000) >/dev/null 2>&1 || [ $? = 7 ]; }
low=64
high=1048576
while [ $((high - low)) -gt 4 ]; do
	middle=$(((low + high) / 2))
	if runs_in "$middle"; then high=$middle; else low=$middle; fi
done
demand=""
allow_ignored=true
span=$(($(stat -L -c %s "$library") / 1024 + 4))
for more in 0 4 16 64 128 256 512 1024 2048 4096 8192 16384 65536; do
	works "ulimit -v $((high + span + more)); "'"$@"' "$program" count 1000
done
unset demand
allow_ignored=false
say "address space: from $high KiB, the least, and $span KiB for the library's file"

if [ "$(id -u)" = 0 ]; then
	with="HOME=/nowhere TMPDIR=/proc/1 MAPHERD_LOG=/nowhere/%p XDG_RUNTIME_DIR=/"
	both 'cd /proc && setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' \
		"a user who may write nowhere"
	with=""
else
	say "cannot run here: an unprivileged user (needs root)"
fi

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	both 'unshare -m sh -c "mount -t tmpfs none /proc && \"\$@\"" sh "$@"' "an empty /proc"
	both 'unshare -m sh -c "umount -l /proc && \"\$@\"" sh "$@"' "no /proc"
	# No environment at all: in a root of its own the loader's file says what to preload.
	root="$scratch/root"
	mkdir -p "$root/etc" "$root/bin"
	ldd "$program" "$library" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u | while read -r file; do
		mkdir -p "$root/$(dirname "$file")"
		cp -L "$file" "$root/$file"
	done
	cp "$program" "$library" "$root/bin/"
	for preload in "" /bin/libmapherd.so; do
		printf '%s\n' "$preload" >"$root/etc/ld.so.preload"
		for verb in "count 1000" "work /file"; do
			truncate -s 512K "$root/file"
			status=0
			# shellcheck disable=SC2086 # a verb and its argument
			env -i "$(command -v chroot)" "$root" /bin/hostile $verb >"$scratch/out" 2>&1 || status=$?
			[ "$status" = 7 ] || fail "chroot, '$preload', $verb: $status: $(cat "$scratch/out")"
			[ -z "$preload" ] || ! grep -q . "$scratch/out" || grep -q '^sum ' "$scratch/out" ||
				fail "chroot, $verb says: $(cat "$scratch/out")"
		done
	done
	env -i "$(command -v chroot)" "$root" /bin/hostile ours || [ $? = 7 ] ||
		fail "the library is not in the chroot"
	say "an empty environment, in a root with nothing in it"
else
	say "cannot run here: mounts of its own (needs root)"
fi
