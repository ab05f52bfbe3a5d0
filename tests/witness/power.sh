#!/bin/sh
# What msync has promised is there after a power failure: with every word of MAPHERD_SYNC, and not
# with a library that skips one sync too many. WITNESS_CUTS: how often the power fails each time,
# WITNESS_KINDS: on which filesystems (make check-long-sync: 2,000 times, on all).
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/witness/witness.sh
. "$TESTS_SRC/witness/witness.sh"
need_disk
cuts=${WITNESS_CUTS:-60}
seed_of "${WITNESS_SEED:-}"
say "WITNESS_SEED=$seed"

# power KIND WORD [LIBRARY]: a run and its power failures; what replay says is in $said.
power() {
	new_disk "$1" || { say "not on $1: $why"; return 77; }
	done=$(MAPHERD_SYNC=$2 LD_PRELOAD="$MAPHERD_LIB${3:+ $3}" "$W/storer" "$mnt/store" "$moment" "$scratch/promises" \
		$((cuts + cuts / 5 + 20)) "$seed" "$manner") || fail "$1, $2: the program failed"
	end_disk
	result=0
	said=$("$W/replay" "$image" "$log" "$scratch/promises" "$scratch/image.cut" "$1" "$mnt" "$cuts" "$seed" store \
		2>"$scratch/err") || result=$?
	said="$said; msyncs asked, widened, skipped: $done"
	[ $result -le 1 ] || { cat "$scratch/err" >&2; fail "$1, $2: the replay failed"; }
	return $result
}

for kind in ${WITNESS_KINDS:-ext4}; do
	# btrfs loses what msyncs promise that meet, also without the library (doc/sync.md).
	manner=together
	[ "$kind" != btrfs ] || manner=apart
	for word in plain auto fast; do
		result=0
		power "$kind" "$word" || result=$?
		[ $result != 77 ] || continue 2
		# The kernel alone was seen to lose one cut of some 20,000. So the few cuts of every day are
		# made again before a loss counts, and said; of many cuts each counts.
		[ $result = 0 ] || [ -n "${TESTS_LONG:-}" ] || {
			say "$kind, $word, seed $seed: $(cat "$scratch/err"); $said"
			seed=$((seed + 1)) result=0
			power "$kind" "$word" || result=$?
		}
		[ $result = 0 ] || { cat "$scratch/err" >&2; fail "$kind, $word: $said"; }
		say "$kind, $word: $said"
		case $kind:$word:$done in
		btrfs:*) ;; # as called
		*:auto:*" 0 "*) fail "$kind: nothing was widened" ;;
		*:fast:*" 0") ! kernel_since $multigrain || fail "$kind: nothing was skipped" ;;
		esac
	done
	power "$kind" fast "$W/.libs/break.so" && fail "$kind: a library that skips one sync too many passes"
	say "$kind, broken on purpose: $said"
done
