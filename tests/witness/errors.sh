#!/bin/sh
# The disk refuses a write: every msync that fails alone fails under the library, with every word
# of MAPHERD_SYNC; and it is told once. More fail where a sync was widened, for the kernel does not say
# which part of it was refused; but nothing is widened of a file that had an error.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/witness/witness.sh
. "$TESTS_SRC/witness/witness.sh"
need_disk

# scene KIND NAME FILE [SETTING...]: on a new disk, for an error may stay with a filesystem; who was
# told goes to FILE. 1 if there is no such disk. On btrfs the first msync of a loop writes all of the
# file, and the kernel tells it or the second one, or both: what counts there is that one of each
# round is told.
scene() {
	new_disk "$1" || return 1
	what=$2 out=$3
	shift 3
	env "$@" "$W/errors" "$mnt/file" "$moment" "$what" >"$out" || fail "$kind, $what: the program failed"
	end_disk
	[ "$kind" != btrfs ] || sed -i 's/^[0-9]*/any/' "$out"
}

of_round() { grep " $1\$" "$2" || true; }

shown=
for kind in ext4 xfs btrfs; do
	for name_of in single loop again twice opens closed; do
		scene $kind $name_of "$scratch/alone" || { say "not on $kind: $why"; continue 2; }
		shown=yes
		[ -s "$scratch/alone" ] || fail "$kind, $name_of: nothing fails alone"
		told=
		for word in plain auto fast; do
			scene $kind $name_of "$scratch/with" "MAPHERD_SYNC=$word" "LD_PRELOAD=$MAPHERD_LIB"
			while read -r line; do
				grep -q -x "$line" "$scratch/with" ||
					fail "$kind, $name_of, $word: buffer and round $line is not told: $(tr '\n' ';' <"$scratch/with")"
			done <"$scratch/alone"
			[ $name_of != twice ] || [ $kind = btrfs ] || [ "$(of_round 5 "$scratch/alone")" = "$(of_round 5 "$scratch/with")" ] ||
				fail "$kind, $word: the second error is told to others: $(tr '\n' ';' <"$scratch/with")"
			grep -v ' 5$' "$scratch/with" | sort >"$scratch/first"
			[ -z "$(cut -d' ' -f1 "$scratch/first" | grep -v any | uniq -d)" ] || fail "$kind, $name_of, $word: told twice"
			told="$told, $word $(wc -l <"$scratch/with")"
		done
		say "$kind, $name_of: told alone $(wc -l <"$scratch/alone")$told"
	done
done
[ -n "$shown" ] || skip "$why"
