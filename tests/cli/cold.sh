#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Cold mappings, as the command shows them: against the kernel's list of VMAs and what is known of the process.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
holder=$TESTS_BIN/tests/cli/holder
command -v python3 >/dev/null || skip "no python3, which reads the JSON"
kernel_since 6.11 || skip "$(uname -r): what lies at an address can be asked for since Linux 6.11"

# 300 files, of which about 100 are mapped as such: the process reads from those that it is told to.
mkdir "$scratch/files" "$scratch/records"
hold_cold() { # hold_cold LEAKS
	hold "$MAPHERD" run --cold=on --cold-warm=100 --dir="$scratch/records" --leaks="$1" "$holder" "$scratch/files" files 300
}
hold_cold on
kernel_warm=$(grep -c " $scratch/files/" "/proc/$held/maps")
kernel_cold=$((300 - kernel_warm))
[ "$kernel_cold" -ge 200 ] || fail "only $kernel_cold mappings are cold"

# ps, and ps --json.
expect 0 "$MAPHERD" ps
grep -Eq "pressure +reached +cold most are of\$" "$scratch/out" || fail "no column for cold mappings"
grep -Eq "^ *$held .* calm +[a-z]+ +$kernel_cold " "$scratch/out" || fail "ps does not say $kernel_cold: $(grep "^ *$held " "$scratch/out")"
grep -Eq "^ *$$ .* calm +[a-z]+ +- " "$scratch/out" || fail "a process without the library has cold mappings"
expect 0 "$MAPHERD" ps --json
python3 - "$scratch/out" "$held" $$ "$kernel_cold" "$kernel_warm" <<'END' || fail "ps --json is not the truth"
import json, sys
at = {row["pid"]: row for row in json.load(open(sys.argv[1]))["processes"]}
held, shell, cold, warm = map(int, sys.argv[2:])
told = at[held]["library"]
assert told["cold"] == cold and told["warm"] == warm, told
assert told["warmed"] == told["cold_early"] == told["cold_failed"] == 0, told
assert told["warmed_a_second"] == 0 and told["thrashes"] is False, told
assert "library" not in at[shell]
END

# stat.
expect 0 "$MAPHERD" stat "$held"
out_has "cold       $kernel_cold of 300 mappings are cold; 0 are made warm a second; what is in use fits"
expect 0 "$MAPHERD" stat --json "$held"
[ "$(field library cold)" = "$kernel_cold" ] || fail "stat says another number of cold mappings"
[ "$(field library thrashes)" = false ] || fail "a process that does nothing thrashes"
expect 0 "$MAPHERD" stat $$
grep -q '^cold' "$scratch/out" && fail "a process without the library has cold mappings"

# maps recommends nothing that is in force.
expect 0 "$MAPHERD" maps "$held"
out_has "MAPHERD_COLD=on is in force"
grep -q "may be cold with" "$scratch/out" && fail "maps recommends what the process has: $(cat "$scratch/out")"

# maps: VMAs of the placeholder are no deleted file, and as large as what is cold.
placeholders=$(grep -c '/memfd:mapherd-cold' "/proc/$held/maps")
expect 0 "$MAPHERD" maps --json --top 10000 "$held"
python3 - "$scratch/out" "$placeholders" "$kernel_cold" "$scratch/files" <<'END' || fail "maps --json is not the truth"
import json, os, sys
told = json.load(open(sys.argv[1]))
placeholders, cold, folder = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
assert told["cold_maps"] == placeholders and told["cold_bytes"] == cold * os.sysconf("SC_PAGESIZE"), told
for key in "maps", "in_order":
    memory = sum(told[m] for m in ("anonymous", "shared_anonymous", "system_v", "huge_pages", "cold_maps"))
    assert told[key] == memory + sum(f[key] for f in told["files"]), key
assert not any("mapherd-cold" in f["path"] for f in told["files"])
assert sum(f["path"].startswith(folder) for f in told["files"]) == 300 - cold
assert told["deleted_maps"] == sum(f["maps"] for f in told["files"] if f["deleted"])
END
expect 0 "$MAPHERD" maps "$held"
grep -Eq "^ +$placeholders +$placeholders  cold mappings, [0-9]" "$scratch/out" || fail "maps does not name the cold mappings"

# leaks: whether their files are deleted, the kernel does not say. The last ones are cold as the first are.
for n in 0 1 2 3 4 295 296 297 298 299; do rm "$scratch/files/$n"; done
expect 0 "$MAPHERD" leaks --by deleted --json "$held"
python3 - "$scratch/out" <<'END' || fail "leaks does not know which of the files are deleted: $(cat "$scratch/out")"
import json, sys
groups = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    if "mappings" in row:
        groups[row.get("name")] = row["mappings"]
assert groups["deleted files"] == 10 and groups["files that are there"] == 290, groups
END

# report: a process that runs is watched for a second.
head_of() { sed -n '/<header>/,/<\/header>/s/<[^>]*>//gp' "$scratch/page.html"; }
expect 0 "$MAPHERD" report -o "$scratch/page.html" "$held"
head_of | grep -q "In the last second: $kernel_cold of 300 mappings are cold; 0 are made warm a second" ||
	fail "the page says: $(head_of)"
head_of | grep -q "It does not thrash" || fail "a process that does nothing thrashes: $(head_of)"
release

# Half as many as may be warm are in use, and then three times as many.
hold_cold off
rate() { # rate: by two readings, a second apart
	"$MAPHERD" top --json -d 1 -p "$held" | head -n 2 | tail -n 1 >"$scratch/out"
	field processes 0 library warmed_a_second
}
echo 50 >&3
sleep 0.5
[ "$(rate)" -lt 1000 ] || fail "50 mappings in use do not fit into 100"
[ "$(field processes 0 library thrashes)" = false ] || fail "50 mappings in use, and it thrashes"
echo 300 >&3
sleep 0.5
[ "$(rate)" -ge 1000 ] || fail "300 mappings in use fit into 100: $(cat "$scratch/out")"
[ "$(field processes 0 library thrashes)" = true ] || fail "300 mappings in use, and it does not thrash"
expect 0 "$MAPHERD" report -o "$scratch/page.html" "$held"
head_of | grep -q "It thrashes: more mappings are in use than are warm" || fail "the page says: $(head_of)"
head_of | grep -q "MAPHERD_COLD_WARM allows fewer than the limit does" || fail "the page does not say what to do: $(head_of)"
release
