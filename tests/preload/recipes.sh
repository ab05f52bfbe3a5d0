#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The recipes of doc/recipes.md that no other test runs, with programs of that shape: Kafka's index files, and
# what Python's shared memory does in a full /dev/shm.
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

# ---- Kafka: MAPHERD_COLD=auto, and files that are made 10 MiB long and stay nearly empty ----

SEGMENTS=500
jdk=$(jdks | tail -n 1) # the newest by name
kafka() { # kafka NAME PROGRAM...: its output is in $scratch/NAME, what it writes to stderr in $scratch/NAME.err
	into=$scratch/$1
	shift
	remove_in "$mnt" -mindepth 1 -name '*index'
	"$@" "$jdk/bin/java" -cp "$scratch" Segments "$mnt" "$SEGMENTS" >"$into" 2>"$into.err" || fail "$*: $(cat "$into.err")"
	sync -f "$mnt"
	used=$(df -k --output=used "$mnt" | tail -n 1)
}
if [ -z "$jdk" ]; then
	say "not shown here: Kafka's index files (no JDK with a compiler)"
elif ! kernel_since 6.11; then
	say "not shown here: Kafka's index files ($(uname -r): cold mappings need Linux 6.11)"
elif mount_fs ext4 256M; then
	"$jdk/bin/javac" -d "$scratch" "$TESTS_SRC/preload/Segments.java"
	kafka alone env
	used_alone=$used
	kafka cold env MAPHERD_COLD=on MAPHERD_COLD_WARM=100 MAPHERD_LOG="$scratch/log" MAPHERD_LOG_LEVEL=info \
		LD_PRELOAD="$MAPHERD_LIB"
	cmp "$scratch/alone" "$scratch/cold" || fail "alone: $(cat "$scratch/alone"), with cold mappings: $(cat "$scratch/cold")"
	grep -q '^entries=50000 right=50000$' "$scratch/cold" || fail "entries are wrong: $(cat "$scratch/cold")"
	grep -q 'mappings of files that were not used lately are cold' "$scratch/log" || fail "nothing became cold: $(cat "$scratch/log")"
	maps_alone=$(sed -n 's/^maps=//p' "$scratch/alone.err") maps=$(sed -n 's/^maps=//p' "$scratch/cold.err")
	[ "$maps_alone" -ge $((2 * SEGMENTS)) ] || fail "alone there are $maps_alone maps: it shows nothing"
	[ "$maps" -le $((maps_alone - SEGMENTS)) ] || fail "$maps maps, $maps_alone alone: few mappings are cold"
	# Files of 10 GiB in all are not allocated on a disk of 256 MiB; and after they are cut they take no more than alone.
	[ "$used" -le $((used_alone + 8192)) ] || fail "$used KiB are used, $used_alone alone"
	say "Kafka: $maps_alone maps, $maps with cold mappings"
else
	say "not shown here: Kafka's index files ($why)"
fi

# ---- a full /dev/shm: explained, and not treated ----

cat >"$scratch/shm.py" <<'END'
from multiprocessing import shared_memory
tensor = shared_memory.SharedMemory("mapherd_recipe", create=True, size=8 << 20)
for at in range(0, 8 << 20, 4096):
    tensor.buf[at] = 1
END
# shm PROGRAM...: with a /dev/shm of 1 MiB.
shm() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -c 'mount -t tmpfs -o size=1M tmpfs /dev/shm && exec "$@"' sh "$@" python3 "$scratch/shm.py" \
		>"$scratch/out" 2>&1
}
if [ "$(id -u)" != 0 ] || ! unshare --mount mount -t tmpfs tmpfs /dev/shm 2>/dev/null ||
	! python3 -c 'from multiprocessing import shared_memory' 2>/dev/null; then
	say "not shown here: a full /dev/shm (needs root, unshare, and python3 since 3.8)"
else
	status=0
	shm env || status=$?
	[ "$status" = 135 ] || fail "alone it ends with $status instead of SIGBUS: $(cat "$scratch/out")"
	status=0
	shm env MAPHERD_LOG="$scratch/shm.log" LD_PRELOAD="$MAPHERD_LIB" || status=$?
	[ "$status" = 135 ] || fail "with the library it ends with $status instead of SIGBUS: $(cat "$scratch/out")"
	grep -q 'SIGBUS: a store to /dev/shm/mapherd_recipe .*no space left on /dev/shm' "$scratch/shm.log" ||
		fail "it is not explained: $(cat "$scratch/shm.log")"
	say "a full /dev/shm is explained"
fi
