#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The disk refuses a write: every msync that fails alone fails under the library, with every word
# of MAPHERD_SYNC; and it is told once. More fail where a sync was widened, for the kernel does not say
# which part of it was refused; but nothing is widened of a file that had an error.
#
# The kernel also writes back by itself: after some time, and when any process calls sync. Then the
# write is refused at another moment and another call is told. watch.c sees that, and such a run is
# made again.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/witness/witness.sh
. "$TESTS_SRC/witness/witness.sh"
need_disk
astray=4 # how errors.c ends then

# scene KIND NAME FILE [SETTING...]: on a new disk, for an error may stay with a filesystem; who was
# told goes to FILE. 1 if there is no such disk. On btrfs the first msync of a loop writes all of the
# file, and the kernel tells it or the second one, or both: what counts there is that one of each
# round is told.
scene() {
	fs=$1 what=$2 out=$3 runs=0
	shift 3
	wrote=part
	[ "$fs" != btrfs ] || wrote=whole
	while :; do
		new_disk "$fs" || return 1
		result=0
		env WITNESS_MOMENT="$moment" "LD_PRELOAD=$W/.libs/watch.so" "$@" \
			"$W/errors" "$mnt/file" "$moment" "$what" $wrote >"$out" || result=$?
		end_disk
		[ $result = $astray ] || break
		runs=$((runs + 1))
		say "$fs, $what: write-back began by itself; once more"
		[ $runs -lt 20 ] || trouble "write-back began by itself $runs times"
	done
	[ $result = 0 ] || fail "$fs, $what: the program ended with $result"
	[ "$fs" != btrfs ] || sed -i 's/^[0-9]*/any/' "$out"
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
			scene $kind $name_of "$scratch/with" "MAPHERD_SYNC=$word" \
				"LD_PRELOAD=$MAPHERD_LIB $W/.libs/watch.so" || trouble "$why"
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
