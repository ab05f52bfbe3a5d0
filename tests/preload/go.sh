#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Programs in Go: their system calls are redirected, with cgo and without, and in static ones that `mapherd run` starts, or that have a graft.
# TESTS_LONG=1: 70,000 chunks and ten minutes of stress for each.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"
[ "$(uname -m)" = x86_64 ] || skip "Go's calls are redirected on x86-64"
: "${CC:=cc}"
chunks=3000 seconds=5
[ -z "${TESTS_LONG:-}" ] || chunks=70000 seconds=600

# few MAPS: what the program says is a few more, at most.
few() { [ "$1" -le 100 ] || fail "$1 maps more"; }

# ---- what Go makes, without Go ----

if $CC -O2 -ffreestanding -fno-stack-protector -fcf-protection=none -fPIE -nostdlib -pie "$TESTS_SRC/preload/go_like.c" \
	-o "$scratch/like" 2>"$scratch/err"; then
	[ "$("$scratch/like" "$scratch/file" 1000)" -ge 1000 ] || fail "alone it has few maps"
	more=$(LD_PRELOAD=$MAPHERD_LIB "$scratch/like" "$scratch/file" "$chunks") || fail "like Go: status $?"
	few "$more"
	# Another library may bring a libc along, whose errno has no place in Go's storage.
	off=$(LD_PRELOAD="$MAPHERD_LIB libc.so.6" "$scratch/like" "$scratch/file" 1000) || fail "like Go, beside a libc: status $?"
	[ "$off" -ge 1000 ] || fail "beside a libc it has few maps"
	off=$(LD_PRELOAD=$MAPHERD_LIB MAPHERD_SITES=off "$scratch/like" "$scratch/file" 1000)
	[ "$off" -ge 1000 ] || fail "with MAPHERD_SITES=off it has few maps"
	say "like Go: $chunks chunks, $more maps more; registers, vectors, storage and stack are as before"
else
	say "not shown here: what Go makes, without Go ($(head -n 1 "$scratch/err"))"
fi

# ---- Go ----

command -v go >/dev/null || {
	say "not shown here: programs as Go builds them (no go)"
	exit 0
}
export GOCACHE="$scratch/go-cache" GO111MODULE=off GOFLAGS=
sources=$TESTS_SRC/preload/go
# build NAME SOURCE [OPTION...]
build() {
	built=$scratch/$1 from=$2
	shift 2
	go build "$@" -o "$built" "$from" >&2 || fail "$built is not built"
}
# What cgo needs is one word in the source.
for source in scenes stress; do
	sed '0,/^import (/s//import "C"\n\nimport (/' "$sources/$source.go" >"$scratch/$source-cgo.go"
	CGO_ENABLED=0 build $source-pie "$sources/$source.go" -buildmode=pie
	CGO_ENABLED=1 build $source-cgo "$scratch/$source-cgo.go"
done
for source in scenes stress; do
	CGO_ENABLED=0 build $source-static "$sources/$source.go"
done
CGO_ENABLED=0 build scenes-stripped "$sources/scenes.go" -buildmode=pie -ldflags='-s -w -buildid='
CGO_ENABLED=1 build scenes-cgo-pie "$scratch/scenes-cgo.go" -buildmode=pie -ldflags='-s -w -buildid='

# herded PROGRAM [ARG...]: with the library, by way of `mapherd run` where there is no loader.
herded() {
	case $1 in
	*-static) "$MAPHERD" run "$@" ;;
	*-graft) "$@" ;;
	*) preloaded "$@" ;;
	esac
}
"$MAPHERD" graft -o "$scratch/scenes-graft" "$scratch/scenes-static" || fail "graft: $?"
for kind in pie stripped cgo cgo-pie static graft; do
	herded "$scratch/scenes-$kind" chunks "$scratch/file" "$chunks" >"$scratch/out" 2>&1 || fail "$kind: $(cat "$scratch/out")"
	few "$(sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p' "$scratch/out")"
	status=0
	MAPHERD_SITES=off herded "$scratch/scenes-$kind" chunks "$scratch/file" "$chunks" >"$scratch/off" 2>&1 || status=$?
	if [ "$chunks" -gt 65530 ] && [ "$(cat /proc/sys/vm/max_map_count)" = 65530 ]; then
		# It fails by the kernel's answer, or when the runtime needs a map.
		[ "$status" != 0 ] && grep -q -E 'chunk 65[45]|out of memory' "$scratch/off" || fail "$kind, off: $(head "$scratch/off")"
	else
		[ "$(sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p' "$scratch/off")" -ge "$chunks" ] || fail "$kind, off: $(cat "$scratch/off")"
	fi
	say "$kind: $(cat "$scratch/out")"

	"$scratch/scenes-$kind" calls "$scratch/calls" >"$scratch/alone" || fail "$kind: calls: status $?"
	herded "$scratch/scenes-$kind" calls "$scratch/calls" >"$scratch/with" || fail "$kind: calls: status $?"
	diff "$scratch/alone" "$scratch/with" >&2 || fail "$kind: calls are not answered as alone"
	# A child is herded by a library of its own.
	herded "$scratch/scenes-$kind" exec sh -c 'grep -c libmapherd.so /proc/self/maps || true' >"$scratch/out" 2>&1 || fail "$kind: exec: $(cat "$scratch/out")"
	grep -q '^another program$' "$scratch/out" || fail "$kind: exec: $(cat "$scratch/out")"
	[ "$kind" = graft ] || [ "$(head -n 1 "$scratch/out")" -gt 0 ] || fail "$kind: a child is without the library"
	out=$(MAPHERD_CHILDREN=off herded "$scratch/scenes-$kind" exec sh -c 'echo "${LD_PRELOAD:-none}"' | head -n 1)
	[ "$out" = none ] || fail "$kind: with MAPHERD_CHILDREN=off a child has LD_PRELOAD=$out"
	# Not traced: another's changes of the code are not in the way.
	if command -v strace >/dev/null; then
		strace -f -o /dev/null env LD_PRELOAD="$MAPHERD_LIB" "$scratch/scenes-$kind" calls "$scratch/calls" >"$scratch/with"
		diff "$scratch/alone" "$scratch/with" >&2 || fail "$kind: traced, calls are not answered as alone"
	fi
done
say "calls are answered as alone"

for kind in pie cgo static; do
	herded "$scratch/stress-$kind" "$scratch/file" "$seconds" >"$scratch/out" 2>&1 ||
		fail "stress, $kind: status $?: $(head -n 50 "$scratch/out")"
	grep -q '^ok: ' "$scratch/out" || fail "stress, $kind: $(head -n 50 "$scratch/out")"
	say "stress, $kind: $(cat "$scratch/out")"
done
rm -f "$scratch/file"

# start KIND SCENE FILE [VARIABLE...]: begins a scene with the library, and waits until it is ready; its process in $pid.
# It goes on at a line in descriptor 9. finish: its status in $status.
mkfifo "$scratch/line"
start() {
	kind=$1 scene=$2 file=$3
	shift 3
	rm -f "$scratch/out" "$scratch/err"
	case $kind in
	static) set -- "$@" "$MAPHERD" run ;;
	graft) ;;
	*) set -- "$@" LD_PRELOAD="$MAPHERD_LIB" ;;
	esac
	env "$@" "$scratch/scenes-$kind" "$scene" "$file" <"$scratch/line" >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	exec 9>"$scratch/line"
	until grep -s -q ready "$scratch/out"; do
		kill -0 "$pid" 2>/dev/null || fail "$kind $scene: $(cat "$scratch/out" "$scratch/err")"
		sleep 0.05
	done
}
finish() {
	echo >&9
	exec 9>&-
	status=0
	wait "$pid" || status=$?
}

# ---- what is told ----

for kind in pie cgo static graft; do
	start $kind leak "$scratch/leaked" MAPHERD_LEAKS=on
	"$MAPHERD" stat --json "$pid" >"$scratch/stat"
	redirected=$(sed -n 's/.*"sites": *\([0-9]*\).*/\1/p' "$scratch/stat")
	[ "$redirected" -ge 4 ] || fail "$kind: $redirected calls are redirected"
	"$MAPHERD" leaks "$pid" >"$scratch/leaks" || fail "$kind: leaks: $?"
	finish
	[ "$status" = 0 ] || fail "$kind: leak ends with $status"
	grep -q '10 mappings' "$scratch/leaks" || fail "$kind: ten leaks are not told: $(cat "$scratch/leaks")"
	if grep -q 'built without elfutils' "$scratch/leaks"; then
		say "not shown here: the names of Go's functions ($kind: built without elfutils)"
	else
		grep -q 'main\.leaked' "$scratch/leaks" || fail "$kind: no name of a function: $(cat "$scratch/leaks")"
	fi
	rm -f "$scratch/leaked"
done
say "leaks are told with the functions that made them"

# A static one without the library: what it would do there is foretold.
"$scratch/scenes-static" leak "$scratch/leaked" <"$scratch/line" >"$scratch/out" &
pid=$!
exec 9>"$scratch/line"
until grep -s -q ready "$scratch/out"; do sleep 0.05; done
"$MAPHERD" maps "$pid" >"$scratch/maps" || fail "maps: $?"
! grep -q "linked statically" "$scratch/maps" || fail "static: $(cat "$scratch/maps")"
"$MAPHERD" ps | grep -q "^ *$pid .* no " || fail "static: ps says: $("$MAPHERD" ps | grep "^ *$pid ")"
finish
rm -f "$scratch/leaked"

# ---- a file that becomes shorter ----

cut() { # KIND SCENE ACTION
	head -c 16384 /dev/zero | tr '\0' a >"$scratch/cut"
	start "$1" "$2" "$scratch/cut" MAPHERD_SIGBUS="$3"
	truncate -s 5000 "$scratch/cut"
	finish
}
for scene in load store; do
	cut cgo $scene log
	[ "$status" = 2 ] || fail "cgo, $scene: ends with $status, not by Go's own fault"
	grep -q "SIGBUS: a $scene .*/cut at offset 8192: the file has 5000 bytes" "$scratch/err" || fail "cgo, $scene: $(cat "$scratch/err")"
	grep -q "unexpected fault address" "$scratch/err" || fail "cgo, $scene: Go's own words are missing: $(cat "$scratch/err")"
	cut cgo $scene convert
	[ "$status" = 135 ] || fail "cgo, $scene, convert: ends with $status: $(cat "$scratch/err")"
	grep -q "^done" "$scratch/out" || fail "cgo, $scene, convert: $(cat "$scratch/err")"
	# Without cgo, Go's own handler is the only one.
	for kind in pie static; do
		cut $kind $scene convert
		[ "$status" = 2 ] || fail "$kind, $scene: ends with $status"
		! grep -q "mapherd" "$scratch/err" || fail "$kind, $scene: $(cat "$scratch/err")"
	done
done
say "a file that becomes shorter: explained with cgo; as alone without"

# ---- a full disk ----

if mount_fs ext4 64M; then
	truncate -s 16384 "$mnt/sparse"
	start cgo store "$mnt/sparse" MAPHERD_PREALLOC=off MAPHERD_SPILL="$scratch"
	fill_disk "$mnt/filler"
	finish
	[ "$status" = 0 ] || fail "full disk, cgo: ends with $status: $(cat "$scratch/err")"
	grep -q '^done' "$scratch/out" || fail "full disk, cgo: $(cat "$scratch/out" "$scratch/err")"
	grep -q 'spill' "$scratch/err" || fail "full disk, cgo: nothing is said: $(cat "$scratch/err")"
	rm -f "$mnt/filler"
	for kind in pie cgo static; do
		rm -f "$mnt/sparse"
		truncate -s 16384 "$mnt/sparse"
		start $kind store "$mnt/sparse"
		fill_disk "$mnt/filler"
		finish
		[ "$status" = 0 ] || fail "preallocated, $kind: ends with $status: $(cat "$scratch/err")"
		[ "$(head -c 1 "$mnt/sparse")" = s ] || fail "preallocated, $kind: what was stored is not in the file"
		rm -f "$mnt/filler"
	done
	say "a full disk: preallocated; kept in a spill file with cgo"
else
	say "not shown here: a full disk ($why)"
fi

# ---- how it gets into a static one ----

# The program has no child, no tracer, and the process id of the command.
start static leak "$scratch/leaked"
[ "$(readlink "/proc/$pid/exe")" = "$scratch/scenes-static" ] || fail "static: another process is the program"
[ -z "$(cat "/proc/$pid/task/$pid/children")" ] || fail "static: it has a child: $(cat "/proc/$pid/task/$pid/children")"
grep -q '^TracerPid:.0$' "/proc/$pid/status" || fail "static: it is traced"
finish
rm -f "$scratch/leaked"

# run_as COMMAND...: started so, it has few maps.
few_as() {
	"$@" "$MAPHERD" run "$scratch/scenes-static" chunks "$scratch/open/file" 1000 >"$scratch/out" 2>&1 || fail "$*: $(cat "$scratch/out")"
	few "$(sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p' "$scratch/out")"
	rm -f "$scratch/open/file"
}
chmod 755 "$scratch"
mkdir -m 1777 "$scratch/open"
few_as env
if [ "$own_mounts" ]; then
	few_as unshare --pid --fork --mount-proc
	say "static: as the first process of a container"
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && setpriv --reuid=65534 test -x "$MAPHERD" -a -r "$MAPHERD_LIB" 2>/dev/null; then
	few_as setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs
	say "static: without rights, and with no_new_privs"
else
	say "not shown here: a static program without rights (the build folder is root's, or no setpriv)"
fi

# without WHY COMMAND...: it runs after one line, and many maps are made: nothing is left in it.
without() {
	why=$1
	shift
	"$@" "$MAPHERD" run "$scratch/scenes-static" chunks "$scratch/file" 1000 >"$scratch/out" 2>"$scratch/err" || fail "$why: $(cat "$scratch/err")"
	grep -q "runs without the library: .*$why" "$scratch/err" || fail "$why is not said: $(cat "$scratch/err")"
	[ "$(sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p' "$scratch/out")" -ge 1000 ] || fail "$why: $(cat "$scratch/out")"
}
if command -v strace >/dev/null; then
	without "does not let it be traced" strace -f -o /dev/null
else
	say "not shown here: a program that is traced already (no strace)"
fi
if [ "$own_mounts" ]; then
	mkdir "$scratch/noexec"
	mount -t tmpfs -o noexec mapherd-test "$scratch/noexec"
	later "gone '$scratch/noexec'"
	cp "$MAPHERD_LIB" "$scratch/noexec/libmapherd.so"
	without "does not let the library be mapped" env MAPHERD_LIBRARY="$scratch/noexec/libmapherd.so"
fi
# What exec starts is another program: env, which has a loader.
printf '#!/usr/bin/env %s\n' "$scratch/scenes-static" >"$scratch/script"
chmod +x "$scratch/script"
"$MAPHERD" run "$scratch/script" 2>"$scratch/err" || fail "a script of env: status $?: $(cat "$scratch/err")"
grep -q "runs without the library: .*env starts it" "$scratch/err" || fail "a script of env: $(cat "$scratch/err")"
# Without cgo alone: libc's threads have no place for the library's storage.
if CGO_ENABLED=1 go build -o "$scratch/scenes-libc" -ldflags='-linkmode=external -extldflags=-static' "$scratch/scenes-cgo.go" 2>/dev/null; then
	"$MAPHERD" run "$scratch/scenes-libc" calls "$scratch/calls" >"$scratch/with" 2>"$scratch/err" || fail "static with libc: $?"
	diff "$scratch/alone" "$scratch/with" >&2 || fail "static with libc: not as alone"
	grep -q "runs without the library" "$scratch/err" || fail "static with libc: no line"
else
	say "not shown here: a static Go program with libc (it does not link)"
fi
# Where /proc is that of other processes.
if [ "$own_mounts" ]; then
	timeout 60 unshare --pid --fork "$MAPHERD" run "$scratch/scenes-static" calls "$scratch/calls" >"$scratch/with" 2>"$scratch/err" ||
		fail "another /proc: status $?: $(cat "$scratch/err")"
	diff "$scratch/alone" "$scratch/with" >&2 || fail "another /proc: not as alone"
fi
# Signals that the program ignores, and stops, as fast as they can be sent.
for signals in CONT "STOP CONT" WINCH "TSTP CONT"; do
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$MAPHERD" run "$scratch/scenes-static" chunks "$scratch/storm" 200 >"$scratch/out" 2>&1 &
		pid=$!
		while kill -CONT "$pid" 2>/dev/null; do
			for signal in $signals; do kill "-$signal" "$pid" 2>/dev/null || true; done
			[ -z "$(sed -n 's/^State:.\(Z\).*/\1/p' "/proc/$pid/status" 2>/dev/null)" ] || break
		done
		wait "$pid" || fail "$signals: status $?: $(cat "$scratch/out")"
		few "$(sed -n 's/.* chunks: \([0-9]*\) maps more.*/\1/p' "$scratch/out")"
	done
done
rm -f "$scratch/storm"
say "static: no signal disturbs the start"
head -c 5000 "$MAPHERD_LIB" >"$scratch/libmapherd.so"
without "damaged" env MAPHERD_LIBRARY="$scratch/libmapherd.so"
status=0
"$MAPHERD" run "$scratch/open" 2>/dev/null || status=$?
[ "$status" = 126 ] || fail "what cannot be run ends with $status"
say "static: where it cannot get in, the program runs after one line"

# ---- a graft ----

cmp -s "$scratch/scenes-static" "$scratch/scenes-graft" && fail "graft: nothing is changed"
[ "$(stat -c %a "$scratch/scenes-graft")" = "$(stat -c %a "$scratch/scenes-static")" ] || fail "graft: another mode"
# refused WHY ARGUMENT...: nothing is made.
refused() {
	why=$1
	shift
	status=0
	"$MAPHERD" graft -o "$scratch/none" "$@" 2>"$scratch/err" || status=$?
	[ "$status" = 1 ] && grep -q "$why" "$scratch/err" && [ ! -e "$scratch/none" ] || fail "graft $*: $status: $(cat "$scratch/err")"
}
refused "needs no graft" "$scratch/scenes-pie"
refused "No such file" "$scratch/nothing"
refused "not an absolute path" --library lib.so "$scratch/scenes-static"
cp "$MAPHERD_LIB" "$scratch/plain.so"
chmod a-x "$scratch/plain.so"
refused "chmod a+x" --library "$scratch/plain.so" "$scratch/scenes-static"
refused "needs no graft\|cannot have the library" "$(command -v ldconfig || echo /sbin/ldconfig)"
[ -z "$(find "$scratch" -maxdepth 1 -name 'none*')" ] || fail "graft: something is left"
# Without the library, the copy does not start.
"$MAPHERD" graft --library /nowhere/libmapherd.so -o "$scratch/none" "$scratch/scenes-static"
! "$scratch/none" calls "$scratch/calls" 2>/dev/null || fail "a graft starts without its library"
say "graft: few maps; what cannot have one is refused"
