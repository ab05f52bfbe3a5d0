#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# What msync has promised is there after a power failure: with every word of MAPHERD_SYNC, and not
# with a library that skips one sync too many. WITNESS_CUTS: how often the power fails each time,
# WITNESS_KINDS: on which filesystems (make check-long-sync: 2,000 times, on all).
#
# One loss is a failure, and what shows it is kept: it can be replayed at any time. For this the
# log decides, and not the moment (replay.c). It was not so always: beside mount namespaces that
# others made, 6 of 200 cuts lost the file as a whole, with `plain` too. A namespace copies the mounts
# that it finds. While one held that of a cut, our umount was not the last; the kernel's own, when the
# namespace ended, marked the journal as empty, in the image of a later cut that lay in the same file.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/witness/witness.sh
. "$TESTS_SRC/witness/witness.sh"
need_disk
cuts=${WITNESS_CUTS:-60}
seed_of "${WITNESS_SEED:-}"
say "WITNESS_SEED=$seed"

# power KIND WORD [LIBRARY]: a run and its power failures; what replay says is in $said. 1:
# something was lost; 77: there is no such disk.
power() {
	new_disk "$1" || { say "not on $1: $why"; return 77; }
	result=0
	MAPHERD_SYNC=$2 LD_PRELOAD="$MAPHERD_LIB${3:+ $3}" "$W/storer" "$mnt/store" "$moment" \
		"$scratch/promises" $((cuts + cuts / 5 + 20)) "$seed" "$manner" \
		>"$scratch/counts" 2>"$scratch/err" || result=$?
	end_disk
	asked=$(sed -n 1p "$scratch/counts") cooled=$(sed -n 2p "$scratch/counts")
	case $result in
	0) ;;
	3) trouble "$(cat "$scratch/err")" ;;
	*) fail "$1, $2: the program ended with $result: $(cat "$scratch/err")" ;;
	esac
	said=$("$W/replay" "$image" "$log" "$scratch/promises" "$scratch/image.cut" "$1" "$mnt" "$cuts" \
		"$seed" store 2>"$scratch/err") || result=$?
	[ $result -le 1 ] || trouble "$1, $2: $(cat "$scratch/err")"
	said="$said; msyncs asked, widened, skipped: $asked"
	return $result
}

# keep KIND WORD: what a loss can be replayed from.
keep() {
	kept=$(mktemp -d "$TESTS_BIN/witness-lost-$1-$2.XXXXXX") || return 0
	cp --sparse=always "$image" "$log" "$scratch/promises" "$scratch/err" "$kept"
	printf 'replay %s/image %s/log %s/promises SCRATCH %s FOLDER %s %s store\n' \
		"$kept" "$kept" "$kept" "$1" "$cuts" "$seed" >"$kept/command"
	say "what was lost is kept in $kept"
}

for kind in ${WITNESS_KINDS:-ext4}; do
	# btrfs loses what msyncs promise that meet, also without the library (doc/sync.md).
	manner=together
	[ "$kind" != btrfs ] || manner=apart
	for word in plain auto fast; do
		lost=0
		power "$kind" "$word" || lost=$?
		[ $lost != 77 ] || continue 2
		[ $lost = 0 ] || {
			cat "$scratch/err" >&2
			keep "$kind" "$word"
			fail "$kind, $word: $said"
		}
		say "$kind, $word: $said"
		case $kind:$word:$asked in
		btrfs:*) ;; # as called
		*:auto:*" 0 "*) fail "$kind: nothing was widened" ;;
		*:fast:*" 0") ! kernel_since $multigrain || fail "$kind: nothing was skipped" ;;
		esac
	done
	if kernel_since 6.11; then
		# Each buffer is a mapping by itself, and two of them are warm.
		export MAPHERD_COALESCE=off MAPHERD_COLD=on MAPHERD_COLD_WARM=2
		power "$kind" auto || {
			cat "$scratch/err" >&2
			keep "$kind" cold
			fail "$kind, cold: $said"
		}
		unset MAPHERD_COALESCE MAPHERD_COLD MAPHERD_COLD_WARM
		[ "$cooled" -ge "$cuts" ] || fail "$kind: only $cooled mappings became cold"
		say "$kind, $cooled mappings made cold: $said"
	fi
	power "$kind" fast "$W/.libs/break.so" && fail "$kind: a library that skips one sync too many passes"
	case $said in
	*" 0 of them the whole file"*) ;;
	*) fail "$kind: a library that skips syncs has lost the file as a whole: $said" ;;
	esac
	say "$kind, broken on purpose: $said"
done
