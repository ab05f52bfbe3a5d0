#!/bin/sh
# The disk refuses a write: every msync that fails alone fails under the library, with every word
# of MAPHERD_SYNC; and it is told once.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/witness/witness.sh
. "$TESTS_SRC/witness/witness.sh"
need_disk

# scene NAME FILE [SETTING...]: on a new disk, for an error may stay with a filesystem; who was told
# goes to FILE.
scene() {
	new_disk ext4 64M || skip "$why"
	what=$1 out=$2
	shift 2
	env "$@" "$W/errors" "$mnt/file" "$moment" "$what" >"$out" || fail "$what: the program failed"
	end_disk
}

for name_of in single loop again opens closed; do
	scene $name_of "$scratch/alone"
	[ -s "$scratch/alone" ] || fail "$name_of: nothing fails alone"
	for word in plain auto fast; do
		scene $name_of "$scratch/with" "MAPHERD_SYNC=$word" "LD_PRELOAD=$MAPHERD_LIB"
		while read -r line; do
			grep -q -x "$line" "$scratch/with" ||
				fail "$name_of, $word: buffer and round $line is not told: $(tr '\n' ';' <"$scratch/with")"
		done <"$scratch/alone"
		[ -z "$(sort "$scratch/with" | cut -d' ' -f1 | uniq -d)" ] || fail "$name_of, $word: told twice"
		say "$name_of, $word: $(wc -l <"$scratch/with") told, alone $(wc -l <"$scratch/alone")"
	done
done
