#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Metrics: the file is true, whole, and there exactly as long as its process; clean removes the rest.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
command -v python3 >/dev/null || skip "no python3, which maps and forks here"
. "$TESTS_SRC/cli/many.sh"
dir=$scratch/metrics
mkdir "$dir"
# The interpreter itself, not a script that starts it.
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')

value() { sed -n "s/^$2{[^}]*} //p" "$1"; }
files() { find "$dir" -name '*.prom' | wc -l; }
none_left() { [ -z "$(ls -A "$dir")" ] || { ls -lA "$dir" >&2; fail "$1"; }; }

# A process that fills 62 % of the limit at once and then sits there: what the file says is within
# a fiftieth of the limit of what the kernel says.
umask 077
many 62 "$MAPHERD" run --metrics="$dir" "$holder"
umask 022
file=$dir/mapherd-$many.prom
[ -f "$file" ] || fail "no file: $(ls -lA "$dir")"
[ "$(files)" = 1 ] || fail "not one file a process"
[ "$(stat -c %a "$file")" = 644 ] || fail "the file cannot be read by others"
kernel=$(kernel_maps "$many")
told=$(value "$file" process_memory_map_areas)
off=$((told - kernel))
[ "${off#-}" -le $((limit / 50 + 8)) ] || fail "$told maps are told, the kernel has $kernel"
[ "$(value "$file" process_memory_map_areas_limit)" = "$limit" ] || fail "another limit"
[ "$(value "$file" mapherd_pressure)" = 1 ] || fail "another pressure than raised"
grep -q "^process_memory_map_areas{pid=\"$many\",program=\"holder\"} " "$file" || fail "other labels"
if command -v promtool >/dev/null; then
	promtool check metrics <"$file" >"$scratch/out" 2>&1 || { cat "$scratch/out" >&2; fail "promtool is not content"; }
else
	say "not shown here: promtool check metrics (no prometheus)"
fi

# Another program, another name: HELP and TYPE are the same words, else node_exporter drops them.
odd="$scratch/we\"ird \\ nä"
cp "$holder" "$odd"
first=$file
first_pid=$many
many 1 "$MAPHERD" run --metrics="$dir" "$odd"
file=$dir/mapherd-$many.prom
grep -qF "program=\"we\\\"ird \\\\ n??\"" "$file" || fail "the name is not escaped: $(grep program "$file" | head -1)"
head_lines() { grep '^# [HT]' "$1" | sort; }
head_lines "$first" >"$scratch/heads.first"
head_lines "$file" >"$scratch/heads"
grep -vxFf "$scratch/heads.first" "$scratch/heads" >"$scratch/differ" && fail "HELP differs: $(cat "$scratch/differ")"

# A killed process leaves its file; clean takes that one alone. Not ours, and not mapherd's: left.
end KILL "$many"
[ -f "$file" ] || fail "the file of a killed process is gone: what would clean be for?"
echo 'other 1' >"$dir/mapherd-other.prom"
ln -s "$first" "$dir/mapherd-link.prom"
expect 0 "$MAPHERD" clean --dry-run "$dir"
out_has "would remove $file: its process is gone"
one_line out
[ -f "$file" ] || fail "a dry run removes"
expect 0 "$MAPHERD" clean --dry-run --json "$dir"
[ "$(cat "$scratch/out")" = "{\"dry_run\":true,\"files\":[{\"path\":\"$file\",\"kind\":\"metrics\",\"why\":\"its process is gone\",\"removed\":false}]}" ] ||
	fail "a dry run in JSON: $(cat "$scratch/out")"
[ -f "$file" ] || fail "a dry run in JSON removes"
expect 0 "$MAPHERD" clean "$dir"
out_has "removed $file: its process is gone"
one_line out
[ ! -e "$file" ] || fail "it is not removed"
{ [ -f "$first" ] && [ -f "$dir/mapherd-other.prom" ] && [ -L "$dir/mapherd-link.prom" ]; } || fail "too much is removed"
expect 0 "$MAPHERD" clean "$dir"
silent out
# A file of an earlier process with the id of one that runs now.
sed '1s/started at .*/started at 1/' "$first" >"$dir/mapherd-1$first_pid.prom"
expect 0 "$MAPHERD" clean "$dir"
out_has "its id is another's"
sed '1s/started at .*/started at 1/' "$first" >"$dir/mapherd-1$first_pid.prom"
expect 0 "$MAPHERD" clean --json "$dir"
[ "$(field files 0 removed)" = true ] || fail "clean in JSON: $(cat "$scratch/out")"
[ ! -e "$dir/mapherd-1$first_pid.prom" ] || fail "clean --json removes nothing"
rm "$dir/mapherd-other.prom" "$dir/mapherd-link.prom"
end KILL "$first_pid"
expect 0 "$MAPHERD" clean "$dir"
none_left "clean leaves something"

# Exits of every kind: by exit, _exit, a forked child's, and what a vfork child does to its parent.
cat >"$scratch/leave.py" <<'END'
import mmap, os, subprocess, sys
dir, how = sys.argv[1:]
def mine():
    return os.path.exists("%s/mapherd-%d.prom" % (dir, os.getpid()))
def work():
    with open(sys.argv[0], "rb") as f:
        for _ in range(100):
            mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ).close()
assert mine()
if how == "fork":
    child = os.fork()
    if child == 0:
        assert not mine()
        work()
        assert mine()
        os._exit(0 if len(os.listdir(dir)) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert mine() and len(os.listdir(dir)) == 1
if how == "vfork":
    try:
        subprocess.run(["/no/such/program"])
    except FileNotFoundError:
        pass
    assert mine()
    work()
if how == "_exit":
    os._exit(0)
if how == "exec":
    del os.environ["LD_PRELOAD"]
    os.execv("/bin/sh", ["sh", "-c", "read -r line"])
END
for how in exit _exit fork vfork; do
	expect 0 "$MAPHERD" run --metrics="$dir" "$python" "$scratch/leave.py" "$dir" "$how"
	none_left "a file is left by $how"
done
# What became another program without the library keeps its id and its start.
"$MAPHERD" run --metrics="$dir" "$python" "$scratch/leave.py" "$dir" exec <&4 &
other=$!
later "kill $other 2>/dev/null || true"
is_shell() { grep -q -a 'read -r line' "/proc/$other/cmdline"; } # this script may be called sh, too
until_true 60 is_shell || fail "it did not become a shell"
expect 0 "$MAPHERD" clean "$dir"
out_has "runs another program now"
none_left "clean leaves the file of a program that is no longer"
end KILL "$other"

# A link that somebody put where the file is made leads nowhere.
echo mine >"$scratch/victim"
# shellcheck disable=SC2016 # for the shell that is started
expect 0 sh -c 'ln -s "$1" "$2/.mapherd-$$.tmp"; ln -s "$1" "$2/mapherd-$$.prom"
	exec "$3" run --metrics="$2" grep -c process_memory_map_areas_limit "$2/mapherd-$$.prom"' \
	sh "$scratch/victim" "$dir" "$MAPHERD"
[ "$(cat "$scratch/out")" = 3 ] || fail "the file was not made in place of the link"
[ "$(cat "$scratch/victim")" = mine ] || fail "the file was written through a link"
none_left "a link is left"

# A folder that fails is one line, however often it fails, and the program runs.
expect 0 "$MAPHERD" run --metrics="$scratch/nowhere" --warn=100 "$holder" "$scratch/file" many $((limit / 4))
out_has ready
one_line err
err_has "metrics cannot be written to $scratch/nowhere (errno 2)"
expect 2 "$MAPHERD" run --metrics=relative true
err_has "is not of the form /DIR"

# Containers that share a folder do not share names.
if [ "$(id -u)" = 0 ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	# shellcheck disable=SC2016
	unshare --pid --fork --mount-proc --kill-child sh -c 'exec "$@"' sh \
		"$MAPHERD" run --metrics="$dir" "$holder" "$scratch/file" many 100 <&4 >"$scratch/ready" &
	outer=$!
	later "kill -9 $outer 2>/dev/null || true"
	read -r word <"$scratch/ready" || fail "the container did not get ready"
	entry=$(ls "$dir")
	inner=$(pgrep -P "$outer")
	space=$(stat -Lc %i "/proc/$inner/ns/pid")
	[ "$entry" = "mapherd-$space-1.prom" ] || fail "the file is called $entry"
	grep -q "{pid=\"1\",program=\"holder\",pid_namespace=\"$space\"}" "$dir/$entry" || fail "the namespace is no label"
	expect 0 "$MAPHERD" clean "$dir"
	[ -f "$dir/$entry" ] || fail "clean removes the file of a container that runs"
	end KILL "$outer"
	gone() { [ ! -d "/proc/$inner" ] || grep -q '^State:.*Z' "/proc/$inner/status"; }
	until_true 60 gone || fail "the container does not end"
	expect 0 "$MAPHERD" clean "$dir"
	none_left "clean leaves the file of a container that is gone"
else
	say "not shown here: containers (needs root and unshare)"
fi

misuse "no folder is named" clean
expect 1 "$MAPHERD" clean "$scratch/nowhere"
err_has "$scratch/nowhere: No such file"
