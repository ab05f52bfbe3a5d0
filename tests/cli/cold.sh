#!/bin/sh
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

# maps: VMAs of the placeholder are no deleted file, and as large as what is cold.
placeholders=$(grep -c '/memfd:mapherd-cold' "/proc/$held/maps")
expect 0 "$MAPHERD" maps --json --top 10000 "$held"
python3 - "$scratch/out" "$placeholders" "$kernel_cold" "$scratch/files" <<'END' || fail "maps --json is not the truth"
import json, os, sys
told = json.load(open(sys.argv[1]))
placeholders, cold, folder = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
assert told["cold"] == placeholders and told["cold_bytes"] == cold * os.sysconf("SC_PAGESIZE"), told
for key in "maps", "in_order":
    assert told[key] == told["anonymous"] + told["cold"] + sum(f[key] for f in told["files"]), key
assert not any("mapherd-cold" in f["path"] for f in told["files"])
assert sum(f["path"].startswith(folder) for f in told["files"]) == 300 - cold
assert told["deleted"] == sum(f["maps"] for f in told["files"] if f["deleted"])
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

release
