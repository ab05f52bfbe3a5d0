#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# run becomes the program: its status, its signals, its process; the library is in it.
# shellcheck disable=SC2016 # what $ stands for is for the program to say
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
library=$("$MAPHERD" library)

# The library is in, and what run adds is what the program sees.
expect 0 "$MAPHERD" run grep -c "$library" /proc/self/maps
silent err
expect 1 grep -c "$library" /proc/self/maps
expect 0 "$MAPHERD" run -- sh -c 'echo "$LD_PRELOAD"'
[ "$(cat "$scratch/out")" = "$library" ] || fail "LD_PRELOAD is not the library"

# Status, signals, arguments, process id, standard streams.
for status in 0 1 7 126 127 255; do
	expect "$status" "$MAPHERD" run sh -c "exit $status"
	silent err
done
expect 143 "$MAPHERD" run sh -c 'kill -TERM $$'
expect 137 "$MAPHERD" run sh -c 'kill -KILL $$'
expect 0 "$MAPHERD" run sh -c 'printf "<%s>" "$@"' sh 'a b' '' -n --mode=x '*'
[ "$(cat "$scratch/out")" = '<a b><><-n><--mode=x><*>' ] || fail "the arguments changed"
[ "$(echo through | "$MAPHERD" run cat)" = through ] || fail "standard input got lost"
pid=$(sh -c 'echo $$; exec "$MAPHERD" run sh -c "echo \$\$"' | sort -u | wc -l)
[ "$pid" = 1 ] || fail "the program has another process id than the command"

# An existing LD_PRELOAD is kept, behind ours; ours is put there once.
cp "$MAPHERD_LIB" "$scratch/other.so"
expect 0 env LD_PRELOAD="$scratch/other.so" "$MAPHERD" run sh -c 'echo "$LD_PRELOAD"'
[ "$(cat "$scratch/out")" = "$library:$scratch/other.so" ] || fail "LD_PRELOAD is not kept"
expect 0 "$MAPHERD" run "$MAPHERD" run "$MAPHERD" run sh -c 'echo "$LD_PRELOAD"'
[ "$(cat "$scratch/out")" = "$library" ] || fail "the library is preloaded twice"

# Options become the environment, in both spellings.
expect 0 "$MAPHERD" run --mode=observe --log-level error --log_format=json --only= --warn 50 \
	sh -c 'env | grep ^MAPHERD_ | sort'
grep '^MAPHERD_L[AI]' "$scratch/out" || true
printf '%s\n' MAPHERD_LOG_FORMAT=json MAPHERD_LOG_LEVEL=error MAPHERD_MODE=observe MAPHERD_ONLY= \
	MAPHERD_WARN=50 | sort >"$scratch/wanted"
diff "$scratch/wanted" "$scratch/out" >&2 || fail "the options are not in the environment"
expect 0 env MAPHERD_MODE=protect "$MAPHERD" run --mode=observe sh -c 'echo "$MAPHERD_MODE"'
out_has observe

misuse "no program is named" run
misuse "no program is named" run --mode=observe --
misuse "the nearest is 'observe'" run --mode=obsreve true
misuse "the nearest is 'coalesce'" run --colaesce=auto true
misuse "'x' is not of the form" run --warn=x true
misuse "unknown option '-x'" run -x true

expect 127 env PATH=/usr/bin:/bin "$MAPHERD" run mapherd-no-such-program
one_line err
err_has "mapherd: mapherd-no-such-program: No such file"
expect 127 "$MAPHERD" run "$scratch/none"
: >"$scratch/plain"
expect 126 "$MAPHERD" run "$scratch/plain"
one_line err
expect 126 "$MAPHERD" run "$scratch"
expect 127 env PATH= "$MAPHERD" run true

# -n: nothing runs; what is printed does the same when a shell is given it.
expect 0 "$MAPHERD" run -n --mode=observe sh -c 'touch "$0"; printf "%s|" "$MAPHERD_MODE" "$@"' \
	"$scratch/a 'quoted' name" 'b $c' ''
one_line out
[ ! -e "$scratch/a 'quoted' name" ] || fail "-n ran the program"
out_has "LD_PRELOAD=$library"
sh "$scratch/out" >"$scratch/pasted"
[ "$(cat "$scratch/pasted")" = 'observe|b $c||' ] || fail "the line of -n does not do the same"
[ -e "$scratch/a 'quoted' name" ] || fail "the line of -n quotes wrongly"
expect 127 env PATH=/usr/bin:/bin "$MAPHERD" run --dry-run mapherd-no-such-program

# A path that LD_PRELOAD cannot hold: the program runs all the same.
mkdir "$scratch/with space"
cp "$MAPHERD_LIB" "$scratch/with space/libmapherd.so"
expect 7 env MAPHERD_LIBRARY="$scratch/with space/libmapherd.so" "$MAPHERD" run sh -c 'exit 7'
one_line err
err_has "colon or space"
