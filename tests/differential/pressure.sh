#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The differential test again, with what belongs to pressure forced: each level, guards, fill, and
# all together. The library differs on purpose then, in three ways and no more; they are written
# down, and looked past, in driver.h (struct differences), and each mode here names its own. What
# the design also allows, hints that are swallowed at the limit itself, is not forced here.
#
# The reserve is 0: at full pressure it would refuse file maps, which is what it is for.
# DIFF_MODE: one of the modes. How to replay and what else may be set: seeds.sh.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/differential/pair.sh
. "$TESTS_SRC/differential/pair.sh"
# shellcheck source=tests/differential/seeds.sh
. "$TESTS_SRC/differential/seeds.sh"

# The mode's options, in $options, and the differences that it brings, in $brings.
mode() {
	case $1 in
	raised) options=pressure=raised brings=guards,opens ;;
	high) options=pressure=high brings=guards,retained,opens ;;
	full) options=pressure=full brings=guards,retained,opens ;;
	guards) options=guards=on brings=guards ;;
	fill) options=coalesce=fill brings=retained,opens ;;
	join) options=coalesce=join brings=opens ;;
	all) options=pressure=full:guards=on:coalesce=fill brings=guards,retained,opens ;;
	cold) options=cold=on:cold_warm=1 brings=opens,cold ;; # a forked child opens anew what was warm at the fork
	*) fail "no mode $1" ;;
	esac
	# What is cold takes memory for its table and its queue, and 64 spare maps, and a keeper has a stack.
	own_maps=9
	[ "$1" != cold ] || own_maps=80
	options=$options:reserve=0
}

# Chunks of several opens of a file joined: with libraries that have the word.
modes="raised high full guards fill all cold"
! "$MAPHERD" help options | grep -q -w join || modes="$modes join"

# Seeds a mode: few here, many in make check-long.
plan=${DIFF_ON:+"$DIFF_ON:${DIFF_SEEDS:-1}"}
plan=${plan:-${TESTS_LONG:+tmpfs:12 overlay:6 ext4:2 xfs:2 btrfs:2 here:2}}
for entry in ${plan:-tmpfs:2 overlay:1}; do
	kind=${entry%:*} count=${entry#*:}
	stand_on "$kind"
	for mode in ${DIFF_MODE:-$modes}; do
		mode "$mode"
		export MAPHERD_OPTIONS="$options"
		seeds "$kind" "$count" "DIFF_MODE=$mode" "$brings"
		say "$kind, $mode: equal; the last seed made $(tail -n 1 "$scratch/did")"
	done
done

# A mode that did nothing would be equal too.
happened() { grep -q "[1-9][0-9]* $1" "$scratch/did"; }
[ -n "${DIFF_MODE:-}" ] || happened chunks || fail "no filled window was used"
since=$(printf '6.13\n%s\n' "$(uname -r)" | sort -V | head -n 1)
if [ "$since" != 6.13 ]; then
	say "no guards on this kernel: they came with Linux 6.13"
else
	[ -n "${DIFF_MODE:-}" ] || happened guards || fail "no guard was made"
fi
lacking
say "$(steps_made)"
