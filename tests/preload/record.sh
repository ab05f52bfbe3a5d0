#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The record of a process: when there is one, whose and where it is, and that what it says of every
# mapped page is so. By the format alone: the command's reader is tested in tests/cli.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
record="$TESTS_BIN/tests/preload/record"
records="$scratch/records"
mkdir "$records"

# recorded COMMAND...: under the library, its record in $records, mappings recorded.
recorded() { LD_PRELOAD="$MAPHERD_LIB" MAPHERD_DIR="$records" MAPHERD_LEAKS=on "$@"; }

say "20,000 random calls: page by page"
for seed in 1 2 3; do
	recorded "$record" model $seed 20000 "$scratch/file" >"$scratch/out" || fail "seed $seed"
	say "seed $seed: $(cat "$scratch/out")"
done
for mode in MAPHERD_COALESCE=off MAPHERD_PRESSURE=raised MAPHERD_MODE=observe; do
	recorded env $mode "$record" model 4 10000 "$scratch/file" >/dev/null || fail "$mode"
done
say "and where something is unmapped past libc, what comes there next is there alone"
recorded "$record" past 1 20000 "$scratch/file" >"$scratch/out" || fail "past libc"
say "and without recording it fails"
LD_PRELOAD="$MAPHERD_LIB" MAPHERD_DIR="$records" "$record" model 1 2000 "$scratch/file" \
	>/dev/null 2>"$scratch/err" && fail "it compares nothing"
grep -q "no record\|is not in the record" "$scratch/err" || fail "$(cat "$scratch/err")"

say "whose it is, and its name"
rm -f "$records"/*
recorded /bin/true
set -- "$records"/mapherd-"$(cat /proc/sys/kernel/hostname)"-true-*.record
[ -f "$1" ] || fail "no record of that name: $(ls "$records")"
[ "$(stat -c %a "$1")" = 600 ] || fail "its mode is $(stat -c %a "$1")"
size=$(stat -c '%s %b %B' "$1")
# shellcheck disable=SC2086 # three numbers
set -- $size
[ $(($2 * $3)) -ge "$1" ] || fail "its space is not allocated: $size"
recorded env MAPHERD_DIR="$records/of-%e-%h-%%" /bin/true
[ -f "$records/of-true-$(cat /proc/sys/kernel/hostname)-%%" ] || fail "a name of one's own: $(ls "$records")"

say "a child has its own"
rm -f "$records"/*
recorded "$(python3 -c 'import sys; print(sys.executable)')" -c '
import mmap, os
m = mmap.mmap(-1, 1 << 20)
if os.fork() == 0:
    n = mmap.mmap(-1, 1 << 20)
    os._exit(0)
os.wait()'
[ "$(find "$records" -name '*python3*' | wc -l)" = 2 ] || fail "not two records: $(ls "$records")"

for leaks in on off; do
	MAPHERD_LEAKS=$leaks preloaded env MAPHERD_DIR="$records" "$record" vfork || fail "a vfork child"
done

say "who does little and is warned of nothing leaves none"
cat >"$scratch/maps.py" <<'END'
import mmap, os, signal, sys
maps = [mmap.mmap(-1, 4096) for n in range(200)]
found = [line for line in open("/proc/self/maps") if ".record" in line]
assert len(found) == 1, found
if sys.argv[1] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
END
cat >"$scratch/little" <<'END'
mount -t tmpfs none /dev/shm || exit 77
export LD_PRELOAD="$2"
sh -c 'ls / | cat; exec /bin/true' >/dev/null
python3 "$1" live || echo "no record after 200 maps"
ls /dev/shm
python3 "$1" die
[ "$(ls /dev/shm | wc -l)" = 1 ] || echo "no record after a kill"
END
result=0
unshare -rm sh "$scratch/little" "$scratch/maps.py" "$MAPHERD_LIB" >"$scratch/out" 2>"$scratch/err" || result=$?
case $result in
0)
	[ ! -s "$scratch/out" ] || fail "in a /dev/shm of its own: $(cat "$scratch/out")"
	LD_PRELOAD="$MAPHERD_LIB" MAPHERD_DIR="$records" unshare -rpf "$record" space || fail "a process 1 of its own"
	;;
*) say "not shown here: a /dev/shm of one's own, which needs user namespaces" ;;
esac
# A name that is another's already (two containers, one number, one second): that is left as it is, and the
# record has the name with a number.
mkdir "$records/names"
# shellcheck disable=SC2016 # for the shell that becomes the program
sh -c 'now=$(date +%s)
host=$(cat /proc/sys/kernel/hostname)
for second in $(seq $((now - 60)) $((now + 600))); do
	echo another >"$1/mapherd-$host-python3-$$-$second.record"
done
MAPHERD_DIR=$1 LD_PRELOAD=$2 exec python3 "$3" live' sh "$records/names" "$MAPHERD_LIB" "$scratch/maps.py" ||
	fail "no record beside one of its name"
[ "$(cat "$records/names"/mapherd-*[0-9][0-9].record | sort -u)" = another ] || fail "what bore the name is changed"
[ "$(find "$records/names" -name 'mapherd-*-2.record' | wc -l)" = 1 ] || fail "the record is not named with a number"
rm -r "$records/names"
MAPHERD_DIR=off preloaded python3 -c '
import mmap
maps = [mmap.mmap(-1, 4096) for n in range(200)]
assert not [line for line in open("/proc/self/maps") if ".record" in line]' || fail "MAPHERD_DIR=off"

# refused REASON COMMAND...: the program runs as alone, and one line says why there is no record.
refused() {
	why=$1
	shift
	"$@" >"$scratch/out" 2>"$scratch/err" || fail "$why: the program ends with $?: $(cat "$scratch/err")"
	[ "$(cat "$scratch/out")" = 'done' ] || fail "$why: $(cat "$scratch/out")"
	[ "$(grep -c "no record of this process" "$scratch/err")" = 1 ] || fail "$why: $(cat "$scratch/err")"
	! grep -q -v "no record of this process" "$scratch/err" || fail "$why: $(cat "$scratch/err")"
	case $why in
	*tmpfs) grep -q "there is no space for it" "$scratch/err" || fail "$why: $(cat "$scratch/err")" ;;
	*folder) grep -q "no such folder" "$scratch/err" || fail "$why: $(cat "$scratch/err")" ;;
	*) grep -q "something is there already" "$scratch/err" || fail "$why: $(cat "$scratch/err")" ;;
	esac
	say "$why: $(sed 's/.*warning: //; s/:.*cannot be made/: .../' "$scratch/err")"
}
rm -f "$records"/*
ln -s "$scratch/elsewhere" "$records/link-%"
refused "a symbolic link" recorded env MAPHERD_DIR="$records/link-%" echo 'done'
[ ! -e "$scratch/elsewhere" ] || fail "the link was followed"
echo theirs >"$records/file-%"
refused "somebody's file" recorded env MAPHERD_DIR="$records/file-%" echo 'done'
[ "$(cat "$records/file-%")" = theirs ] || fail "somebody's file was written to"
refused "no folder" recorded env MAPHERD_DIR="$scratch/none" echo 'done'
if [ "$(id -u)" = 0 ]; then
	mkdir "$scratch/foreign"
	chown 12345 "$records/file-%"
	refused "a foreign owner" recorded env MAPHERD_DIR="$records/file-%" echo 'done'
	mount_fs tmpfs 512k || fail "$why"
	dd if=/dev/zero of="$mnt/fill" bs=4k 2>/dev/null || true
	refused "a full tmpfs" recorded env MAPHERD_DIR="$mnt" echo 'done'
	[ "$(ls "$mnt")" = fill ] || fail "half a record is left: $(ls "$mnt")"
	rm "$mnt/fill"
	say "a tmpfs that fills while mappings are recorded"
	mount -o remount,size=1m "$mnt"
	recorded env MAPHERD_DIR="$mnt" "$record" many 20000 >"$scratch/out" 2>"$scratch/err" || fail "the program ends with $?"
	[ "$(cat "$scratch/out")" = 'done' ] || fail "$(cat "$scratch/out" "$scratch/err")"
	[ "$(grep -c "can grow no further" "$scratch/err")" = 1 ] || fail "$(cat "$scratch/err")"
else
	say "not shown here: a foreign owner and a full tmpfs, which need root"
fi
(ulimit -f 1 && recorded /bin/true) 2>"$scratch/err" || fail "a limit on the size of files: $(cat "$scratch/err")"
