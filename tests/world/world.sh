#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Real programs do the same alone and under the library, in every mode: output, exit status and the data that they
# write. programs.sh has the table of them.
#
# WORLD="git sqlite3"    these alone
# WORLD_MODES="cold"     these modes alone, of: protect limit observe high cold
#
# It prints a line for each program as soon as that has ended, and below it each difference. Not in the default suite:
# it takes long, and needs packages that tests/world/install.sh installs.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/workloads.sh
. "$TESTS_SRC/workloads.sh"
# shellcheck source=tests/world/programs.sh
. "$TESTS_SRC/world/programs.sh"

[ "$own_mounts" ] || skip "no mount namespace of its own (needs root)"
command -v ip >/dev/null || skip "no ip (iproute2)"
command -v dpkg-query >/dev/null || skip "no dpkg-query: the table names Debian's packages"
# What a program starts ends with it, and meets no server and no IPC of the machine.
own="unshare --pid --fork --kill-child --mount-proc --net --ipc"
$own true 2>/dev/null || skip "no namespaces for processes, network and IPC"

# Debian's own programs, of the versions that are shown.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

modes=${WORLD_MODES:-protect limit observe high cold}
# settings MODE: what is set for it. cold: with so few warm mappings that others do become cold.
settings() {
	case $1 in
	protect | limit | observe) echo "MAPHERD_MODE=$1" ;;
	high) echo MAPHERD_PRESSURE=high ;;
	cold) echo MAPHERD_COLD=on MAPHERD_COLD_WARM=8 ;;
	*) fail "WORLD_MODES: $1 is none of protect limit observe high cold" ;;
	esac
}
for mode in $modes; do settings "$mode" >/dev/null; done

# Users without rights start some of the programs.
chmod 755 "$scratch"
mkdir "$scratch/made" "$scratch/home"
mkdir -m 1777 "$scratch/tmp"
compared=0
differing=""
missing=""

# installed ITEM...: whether all are: packages, or paths (with a /), which may have a * in them. Else $lacking.
installed() {
	for lacking in "$@"; do
		case $lacking in
		*/*) # shellcheck disable=SC2086 # a pattern
			ls -d $lacking >/dev/null 2>&1 || return 1 ;;
		*) dpkg-query -W -f '${db:Status-Abbrev}' "$lacking" 2>/dev/null | grep -q '^ii' || return 1 ;;
		esac
	done
}

# once HOW NAME alone|preloaded SETTING...: leaves its results in $scratch/HOW, normalised.
once() {
	into=$scratch/$1
	shift
	rm -rf "$into" "$scratch/work" "${scratch:?}/home" "$scratch/tmp"
	mkdir "$into" "$scratch/home"
	mkdir -m 1777 "$scratch/tmp" "$scratch/work" "$scratch/work/kept"
	find /dev/shm -mindepth 1 -delete
	# shellcheck disable=SC2086 # $own is a list of words
	timeout -k 5 "${WORLD_SECONDS:-600}" env -i PATH="$PATH" HOME="$scratch/home" TMPDIR="$scratch/tmp" LC_ALL=C.UTF-8 \
		TZ=UTC TESTS_SRC="$TESTS_SRC" ${WORLD_SERVE:+WORLD_SERVE="$WORLD_SERVE"} LIBRARY="$MAPHERD_LIB" RESULTS="$into" WORK="$scratch/work" MADE="$scratch/made" \
		PEAK="$TESTS_BIN/tests/world/peak" $own sh "$TESTS_SRC/world/one.sh" "$@" >"$into/driver" 2>&1 || echo "hung, or not started" >"$into/status"
	[ ! -s "$into/driver" ] || cat "$into/driver" >&2
	# Lines of mapherd's log are a part of their own.
	grep -a "$stamp" "$into/err" >"$into/log" || true
	grep -a -v "$stamp" "$into/err" >"$into/err.rest" || true
	mv "$into/err.rest" "$into/err"
	sed -e "s;$scratch/;SCRATCH/;g" "$into/log" >"$into/log.rest" && mv "$into/log.rest" "$into/log"
	script=$(normal_of "$1")
	[ -z "$script" ] || find "$into/out" "$into/err" "$into/kept" -type f \( -path "$into/out" -o -path "$into/err" -o -name '*.txt' \) \
		-exec sed -E -i -e "$script" {} +
}

# strangers HOW NAME: the programs that the loader has started without the library, but for those that the table names.
strangers() {
	[ -n "$(ls "$scratch/$1/loader")" ] || echo "(no process)"
	find "$scratch/$1/loader" -type f -exec grep -L 'calling init: .*/libmapherd\.so' {} + |
		while read -r process; do
			sed -n 's/.*initialize program: //p' "$process" | tail -n 1
		done | sort -u | while read -r program; do
			case " $(without_of "$2") " in
			*" ${program##*/} "*) ;;
			*) echo "${program:-(a program that did not start)}" ;;
			esac
		done
}

# compare HOW: the first part that is not the same as alone, in $verdict, or "same"; what differs in $scratch/diff.
compare() {
	verdict=same
	for part in status out err kept log; do
		if [ "$part" = log ]; then
			[ -s "$scratch/$1/log" ] || continue
			cp "$scratch/$1/log" "$scratch/diff"
		else
			diff -r "$scratch/alone/$part" "$scratch/$1/$part" >"$scratch/diff" 2>&1 && continue
		fi
		verdict=$part
		return
	done
}

peak_of() { cat "$scratch/$1/peak" 2>/dev/null || echo -; }

# show_difference WHAT
show_difference() { sed -e "1,12!d" -e "s/^/    $1: /" -e 's/\(.\{200\}\).*/\1/' "$scratch/diff"; }

# differs NAME:WHERE: it is counted as a difference.
differs() { differing="$differing $1"; }

# prepare NAME: makes what it reads. $ready: that has been made. Not in a list with &&, where the shell would go on after a
# command that fails.
prepare() {
	rm -rf "$scratch/made"
	mkdir "$scratch/made"
	ready=yes
	has_function "make_$key" || return 0
	set +e
	(
		set -e
		cd "$scratch/made"
		MADE=$scratch/made
		"make_$key"
	) >"$scratch/make.log" 2>&1
	made=$?
	set -e
	[ $made = 0 ] || ready=""
	[ -z "$ready" ] || return 0
	printf '%s what it reads could not be made\n' "$row"
	tail -n 5 "$scratch/make.log" | sed 's/^/    /'
	differs "$1:made"
}

# alone_twice NAME: it ends as it should, and does the same twice, or there is nothing to compare with.
alone_twice() {
	once alone "$1" alone
	once again "$1" alone
	[ "$(cat "$scratch/alone/status")" = "$(status_of "$1")" ] || {
		printf '%s alone: status %s\n' "$row" "$(cat "$scratch/alone/status")"
		tail -n 5 "$scratch/alone/err" | sed 's/^/    /'
		differs "$1:alone"
		return 1
	}
	compare again
	[ $verdict = same ] || {
		printf '%s differs from itself: %s\n' "$row" "$verdict"
		show_difference alone
		differs "$1:itself"
		return 1
	}
}

# in_mode NAME MODE: $verdict is the word for the table; what there is to say goes into $scratch/told.
in_mode() {
	# shellcheck disable=SC2046 # a list of words
	once "$2" "$1" preloaded $(settings "$2")
	compare "$2"
	if [ $verdict != same ]; then
		named=$(named_of "$1" "$2" "$verdict")
		if [ "$named" ]; then
			printf '    %s: %s differs, which the manual names: %s\n' "$2" "$verdict" "$named" >>"$scratch/told"
			verdict="($verdict)"
		else
			show_difference "$2" >>"$scratch/told"
			differs "$1:$2"
		fi
	fi
	lonely=$(strangers "$2" "$1")
	if [ "$lonely" ]; then
		verdict="$verdict!"
		printf '    %s: the library was not in: %s\n' "$2" "$(echo "$lonely" | tr '\n' ' ')" >>"$scratch/told"
		differs "$1:$2"
	fi
}

# world NAME: one line of the table, and what there is to say.
world() {
	key=$(key_of "$1")
	# shellcheck disable=SC2046 # a list of words
	if ! installed $(needs_of "$1"); then
		missing="$missing $1($lacking)"
		return
	fi
	first=$(needs_of "$1")
	version=$(dpkg-query -W -f '${Version}' "${first%% *}" 2>/dev/null) || version=-
	row=$(printf '%-18s %-22.22s' "$1" "$version")
	prepare "$1"
	[ "$ready" ] && alone_twice "$1" || return 0
	: >"$scratch/told"
	peaks=$(printf '%7s' "$(peak_of alone)")
	for mode in $modes; do
		in_mode "$1" "$mode"
		row="$row $(printf '%-8s' "$verdict")"
		peaks="$peaks $(printf '%7s' "$(peak_of "$mode")")"
	done
	printf '%s %s\n' "$row" "$peaks"
	cat "$scratch/told"
	compared=$((compared + 1))
}

# What is compared can fail: a difference in each part is found, and so is a process without the library.
for part in status out err kept; do
	once alone "differs-$part" alone
	once protect "differs-$part" preloaded
	compare protect
	[ $verdict = "$part" ] || fail "another $part is not found: $verdict"
done
once alone stranger alone
[ "$(strangers alone stranger)" = cat ] || fail "a program without the library is not found"

for wanted in ${WORLD:-}; do
	case " $world_names " in *" $wanted "*) ;; *) fail "WORLD: there is no $wanted; there are:$world_names" ;; esac
done
heading=$(printf '%-18s %-22s' program version)
tails=$(printf '%7s' alone)
for mode in $modes; do
	heading="$heading $(printf '%-8s' "$mode")"
	tails="$tails $(printf '%7s' "$mode")"
done
printf '%s %s\n' "$heading" "$tails   (VMAs, the most of one process)"
for program in ${WORLD:-$world_names}; do world "$program"; done

echo
for program in ${WORLD:-$world_names}; do
	[ -z "$(normal_of "$program")" ] ||
		printf 'Made the same before it is compared, since %s differs from itself: %s\n' "$program" "$(why_of "$program")"
done
[ -z "$missing" ] || printf 'Not installed here:%s\n' "$missing"
printf 'Not in the table: %s\n' "$world_beyond"
say "$compared programs compared, differences:${differing:- none}"
[ -z "$differing" ] || exit 1
[ "$compared" != 0 ] || skip "none of the programs is installed"
