#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The table of doc/operations.md, "How to turn it off", is true. With what a row says to set, the part does nothing,
# which is seen in the process's maps, its system calls, its output or its log; without it, the same look sees the part.
# shellcheck disable=SC2154 # mnt, why: lib.sh
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, which maps and syncs here"
strace -o /dev/null true 2>/dev/null || skip "no strace, or it may not trace"
limit=$(cat /proc/sys/vm/max_map_count)
scratch=$(cd "$scratch" && pwd -P)
mkdir "$scratch/work" "$scratch/metrics"
if mount_fs ext4 64M; then disk=$mnt; else disk='' no_disk=$why; fi

# WHAT|SETTINGS of each row; SETTINGS is what the row has in `...`, with blanks between.
sed -n '/^## How to turn it off/,/^## The log/p' "$TESTS_SRC/../doc/operations.md" | sed -n 's/^| \([^|]*\) | \([^|]*\) | .*|$/\1|\2/p' |
	sed '/^What|/d' >"$scratch/rows"
[ "$(wc -l <"$scratch/rows")" -ge 15 ] || fail "the table is not read"

# ---- programs ----

cat >"$scratch/chunks.py" <<'END_OF_PYTHON'
# FILE WAY: maps 64 chunks of a file in order. WAY: one; opens: through an open each; gaps: and unmaps every second one;
# syncs: and syncs them in order. Prints how many maps the file has.
import mmap, os, sys
path, way, chunk = sys.argv[1], sys.argv[2], 65536
fd = os.open(path, os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 64 * chunk)
kept = [mmap.mmap(os.open(path, os.O_RDWR) if way == "opens" else fd, chunk, offset=i * chunk) for i in range(64)]
for m in kept:
    m[0] = 1
if way == "gaps":
    for m in kept[1:63:2]:
        m.close()
if way == "syncs":
    for m in kept:
        m.flush()
with open("/proc/self/maps") as maps:
    print(sum(path in line for line in maps))
END_OF_PYTHON
cat >"$scratch/guards.py" <<'END_OF_PYTHON'
# Takes the access from every second page of new memory. Prints how many maps that has.
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
at = libc.mmap(None, 64 * 4096, 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
for i in range(1, 64, 2):
    if libc.mprotect(at + i * 4096, 4096, 0) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")
with open("/proc/self/maps") as maps:
    print(sum(at <= int(line.split("-")[0], 16) < at + 64 * 4096 for line in maps))
END_OF_PYTHON
cat >"$scratch/store.py" <<'END_OF_PYTHON'
# FILE: stores to each page of a sparse file and syncs it. Prints the error of that.
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 8 << 20)
m = mmap.mmap(fd, 8 << 20)
for at in range(0, 8 << 20, 4096):
    m[at] = 1
try:
    m.flush()
except OSError as error:
    print(error.errno)
END_OF_PYTHON

# under SETTINGS COMMAND...: runs it with the library. Its status is in $got, its log in $scratch/log, its system
# calls in $scratch/calls.
under() {
	settings=$1
	shift
	rm -rf "$scratch/work" "$scratch/log"
	mkdir "$scratch/work"
	got=0
	# shellcheck disable=SC2086 # words
	strace -f -o "$scratch/calls" env MAPHERD_LOG="$scratch/log" $settings LD_PRELOAD="$MAPHERD_LIB" "$@" \
		>"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
	grep -qF "openat(AT_FDCWD, \"$MAPHERD_LIB\"" "$scratch/calls" || fail "the library was not in '$*'"
}
# chunks SETTINGS WAY [FOLDER]
chunks() {
	under "$1" python3 "$scratch/chunks.py" "${3:-$scratch/work}/file" "$2"
	[ "$got" = 0 ] || fail "chunks: $(cat "$scratch/err")"
}
called() { grep -qE "^[0-9]+ +$1" "$scratch/calls"; }
printed() { test "$(cat "$scratch/out")" "$1" "$2"; }

# ---- looks: sees_PART SETTINGS is true if it sees the part at work, in a program where it would be ----

sees_library() { under "$1" "$MAPHERD" library --loaded; grep -qx -e herding -e observing "$scratch/out"; }
sees_in_children() { under "$1" sh -c 'grep -c libmapherd.so /proc/self/maps; true'; printed -gt 0; }
sees_placed() { chunks "$1" one; printed -lt 16; }
sees_joined() { chunks "MAPHERD_PRESSURE=raised $1" opens; printed -lt 16; }
sees_filled() { chunks "MAPHERD_PRESSURE=high $1" gaps; printed -lt 16; }
sees_guards() {
	under "MAPHERD_PRESSURE=raised $1" python3 "$scratch/guards.py"
	[ "$got" = 0 ] || fail "guards: $(cat "$scratch/err")"
	printed -lt 16
}
sees_refused() {
	under "MAPHERD_PRESSURE=full $1" "$TESTS_BIN/tests/cli/holder" "$scratch/work" files 100
	! grep -qx ready "$scratch/out"
}
sees_cold() {
	under "MAPHERD_COLD=on MAPHERD_COLD_WARM=20 $1" "$TESTS_BIN/tests/cli/holder" "$scratch/work" files 200
	called 'memfd_create\("mapherd-cold"'
}
sees_shown() { under "$1" cat /proc/sys/vm/max_map_count; ! grep -qx "$limit" "$scratch/out"; }
sees_allocated() { chunks "MAPHERD_PREALLOC=strict MAPHERD_DIR=off $1" one; called 'fallocate\('; }
sees_handler() { under "$1" true; called 'rt_sigaction\(SIGBUS, \{'; }
sees_widened() {
	chunks "$1" syncs "$disk"
	grep -E '^[0-9]+ +msync\(' "$scratch/calls" | grep -qvF ', 65536, MS_SYNC'
}
sees_slow() {
	under "MAPHERD_SYNC_SLOW=1 $1" python3 "$scratch/store.py" "$disk/file"
	[ "$got" = 0 ] || fail "store: $(cat "$scratch/err")"
	grep -q 'msync took' "$scratch/log" 2>/dev/null
}
sees_record() { chunks "$1" one; called 'openat\(.*/mapherd-[^"]*\.record"'; }
sees_recorded() { chunks "MAPHERD_LEAKS=on MAPHERD_LOG_LEVEL=info $1" one; grep -q 'mappings are recorded' "$scratch/log" 2>/dev/null; }
sees_metrics() { under "$1" true; called 'renameat.*/mapherd-[^"]*\.prom"'; }
sees_log() { under "MAPHERD_WARN=nonsense $1" true; [ -s "$scratch/log" ]; }
# On a full disk the program lives, and msync tells it.
sees_spilled() {
	rm -f "$disk/file"
	fill_disk "$disk/filler"
	under "MAPHERD_PREALLOC=off MAPHERD_SPILL_DIR=$scratch/work $1" python3 "$scratch/store.py" "$disk/file"
	rm "$disk/filler"
	grep -q 'SIGBUS: a store to' "$scratch/log" || fail "on a full disk the log has no SIGBUS: $(cat "$scratch/err")"
	case $got in
	0) grep -qx 28 "$scratch/out" ;;
	135 | 7) return 1 ;;
	*) fail "on a full disk the program ended with $got: $(cat "$scratch/err")" ;;
	esac
}

# off LOOK [CONTROL]: the look sees the part with CONTROL, and with what the row says to set besides it does not.
off() {
	tries=30 # others may hold the program up between two syncs, and then none is widened
	until "sees_$1" "${2:-}"; do
		tries=$((tries - 1))
		case $1.$tries in widened.[1-9]*) continue ;; esac
		fail "$what: $1 is not seen at work, so the test shows nothing: $(cat "$scratch/out" "$scratch/err")"
	done
	! "sees_$1" "${2:-} $set" || fail "$what: $1 is still at work with $set: $(cat "$scratch/out")"
}
# still LOOK: it is at work with what the row says to set.
still() { "sees_$1" "$set" || fail "$what: $1 is not seen with $set: $(cat "$scratch/out" "$scratch/err")"; }
# off_by_default LOOK CONTROL: the row says that the option of CONTROL is not set.
off_by_default() {
	case $cell in *"no \`${2%%=*}\`"*) ;; *) fail "$what: $cell does not speak of ${2%%=*}" ;; esac
	"sees_$1" "$2" || fail "$what: $1 is not seen at work with $2"
	! "sees_$1" "" || fail "$what: $1 is at work by default"
}
on_disk() { [ "$disk" ] || { say "not on ext4: $no_disk"; return 1; }; }
since() { kernel_since "$1" || { say "not shown here: $what ($(uname -r): needs Linux $1)"; return 1; }; }

while IFS='|' read -r what cell; do
	# shellcheck disable=SC2016 # what Markdown quotes
	set=$(printf '%s\n' "$cell" | grep -o '`[A-Z_]*=[^`]*`' | tr -d '`' | tr '\n' ' ') || :
	case $what in
	"everything, in some programs of several")
		for set in MAPHERD_SKIP=mapherd MAPHERD_ONLY=other; do
			case $cell in *"${set%=*}="*) ;; *) fail "$what: $cell" ;; esac
			off library
		done
		;;
	"everything, in the programs that this one starts") off in_children ;;
	"everything but counting and logging") off placed && off allocated && still library && still log ;;
	"everything but the limit on maps") off handler && still placed && still record && { ! on_disk || off widened; } ;;
	"placing chunks side by side") off placed ;;
	"one map of several opens of a file, and filled windows") off joined && still placed && { ! since 6.16 || off filled; } ;;
	"filled windows") still joined && { ! since 6.16 || off filled; } ;;
	"guard pages without a split") ! since 6.13 || off guards ;;
	"refusing file maps near the limit") off refused ;;
	"cold mappings") ! since 6.11 || off cold ;;
	"a shown limit") off_by_default shown MAPHERD_SHOW_LIMIT=$((limit + 1)) ;;
	"allocating holes") off allocated ;;
	"spill files") ! on_disk || { off spilled && still handler; } ;;
	"taking SIGBUS") off handler ;;
	"widened msyncs") ! on_disk || off widened ;;
	"lines about slow msyncs") ! on_disk || off slow ;;
	records) off record ;;
	"recording of mappings") off recorded && still record ;;
	metrics) off_by_default metrics "MAPHERD_METRICS=$scratch/metrics" ;;
	"the log") off log ;;
	*) fail "nothing shows that '$what' is turned off by $cell" ;;
	esac
done <"$scratch/rows"
say "$(wc -l <"$scratch/rows") rows of the table are true"
