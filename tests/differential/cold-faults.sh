#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The test of the differential test with cold mappings: faults that are planted into limit/cold*.c, one at a time, are caught.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/differential/pair.sh
. "$TESTS_SRC/differential/pair.sh"
kernel_since 6.11 || skip "$(uname -r): what lies at an address can be asked for since Linux 6.11"
src=$TESTS_SRC/../src
folder=$scratch/here
mkdir "$folder"
! mount_fs tmpfs 64M || folder=$mnt
# What is cold takes memory for its table and its queue, and 64 spare maps, and a keeper has a stack.
own_maps=80
export MAPHERD_OPTIONS=cold=on:cold_warm=1:reserve=0

# build FILE SED: the library with that change, in $scratch/faulty/libmapherd.so.
objects=$(ls "$TESTS_BIN"/src/entry/.libs/libmapherd_la-*.o)
build() {
	rm -rf "$scratch/faulty"
	mkdir "$scratch/faulty"
	sed -e "$2" "$src/limit/$1.c" >"$scratch/faulty/$1.c"
	! cmp -s "$src/limit/$1.c" "$scratch/faulty/$1.c" || fail "nothing in limit/$1.c is as '$2' wants it"
	cp "$TESTS_BIN/.libs/libmapherd-core.a" "$scratch/faulty/core.a"
	# shellcheck disable=SC2086 # words
	$CC -std=gnu17 -DHAVE_CONFIG_H -I"$TESTS_BIN" -I"$src" -I"$src/../include" -fvisibility=hidden -fno-strict-aliasing \
		-g -O2 -fPIC -c "$scratch/faulty/$1.c" -o "$scratch/faulty/libmapherd_core_la-$1.o" &&
		ar r "$scratch/faulty/core.a" "$scratch/faulty/libmapherd_core_la-$1.o" &&
		$CC -shared -fPIC $objects -Wl,--whole-archive "$scratch/faulty/core.a" -Wl,--no-whole-archive \
			-Wl,--version-script="$TESTS_BIN/hooks.map" -Wl,-z,now -Wl,-soname,libmapherd.so \
			-o "$scratch/faulty/libmapherd.so" || fail "limit/$1.c with '$2' cannot be built"
}

# caught NAME FILE SED [DRIVER ARGUMENT...]
caught() {
	fault=$1
	build "$2" "$3"
	shift 3
	for run in 1 2 3 4 5 6 ""; do
		[ -n "$run" ] || fail "the fault '$fault' is not seen"
		pair "$run" 2000 "$folder" "$scratch/faulty/libmapherd.so" --differs opens,cold "$@" || break
	done
	say "caught with seed $run: $fault; $(differs | head -n 1)"
}

pair 1 2000 "$folder" "$MAPHERD_LIB" --differs opens,cold || fail "an honest library is accused: $(differs)"
caught "the offset in the file is wrong" coldswitch '/^long coldswitch_map/,/^}/s/range_offset(r),/range_offset(r) + page_size,/'
caught "the protection is not given back" coldswitch 's/(int)(r->kind & REGION_PROT)/PROT_READ/'
caught "a shared mapping is a private one" coldswitch 's/REGION_SHARED ? MAP_SHARED : MAP_PRIVATE)/REGION_SHARED ? MAP_PRIVATE : MAP_PRIVATE)/'
caught "the last page stays cold" coldswitch '/^long coldswitch_map/,/^}/s/\.end = r->end,/.end = r->end - page_size * (r->end - r->start > page_size),/'
caught "the kernel is not asked what it has" coldswitch 's/^static bool is_there(.*/&\n{ (void)list; return e->of != NULL; }\nstatic bool is_really_there(int list, const struct expected *e) __attribute__((unused));\nstatic bool is_really_there(int list, const struct expected *e)/' --unseen 30
caught "advice is lost" coldturns 's/^    advise(r);/    (void)advise;/'
caught "a change of protection is forgotten" cold 's/r->kind = (r->kind & ~(clear.*/(void)set;/'
caught "the calls find the placeholder" cold '/^bool cold_begin_use/,/^}/s/turns_warm_all(start, end);//'
caught "what is locked becomes cold" coldwhich 's/return !(kind & ~(given_back | COLD | WATCHED)) \&\&/(void)given_back; return/'
caught "the first piece of a mapping closes the file" coldset 's/^    if (--h->pieces)$/    if (h->pieces-- == 0)/'
caught "mremap moves the placeholder" cold '/^void cold_forgo(/,/^}/s/if (!cold_tracks()/if (true/'
caught "what becomes warm is readable only" coldswitch 's/changed ? shown : w->prot/PROT_READ/'
