#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Everything from a clone to a verdict: builds, tests.
#
#   tests/run.sh [--install] [BUILDDIR]      (build-tests under the source, if none is given)
#
# --install installs the Debian packages that are missing first, as `examples/packages.sh tests` does.
# Without it nothing is installed: missing packages are listed, and the tests that need one of them
# are skipped.
#
# With CI=true the other builds are tested too: clang, the unit tests under AddressSanitizer and
# UBSan, aarch64, make distcheck. It says what it is doing: a line for each test when it ends, with
# its number, of how many, and the minutes since the start; and every minute what is under way, so that
# nobody, and no CI, takes it for hung. Its last line is "N passed, N failed, N skipped". What
# cannot run here is listed with its reason; a reason that tests/README.md does not know is a failure.
set -u
source_dir=$(cd "$(dirname "$0")/.." && pwd)
install=
if [ "${1:-}" = --install ]; then
	install=yes
	shift
fi
build=${1:-$source_dir/build-tests}
if [ $# -gt 1 ] || [ "${build#-}" != "$build" ]; then
	printf '%s\n' "usage: tests/run.sh [--install] [BUILDDIR]" >&2
	exit 2
fi
mkdir -p "$build" || exit 1
build=$(cd "$build" && pwd)
jobs=$(nproc)
quiet_minutes=13
passed=0
failed=0
skipped=0
# How tests say that something cannot run here, whole or in part.
not_here='^[A-Za-z0-9_.-]+: (cannot run here|not shown|not run|not on|the pages were not linted|vm\.max_map_count is)'
: >"$build/skipped"

say() { printf '== %s\n' "$*"; }

# ---- what is under way ----

began=$(date +%s)
# since SECOND: minutes and seconds since then.
since() {
	spent=$(($(date +%s) - $1))
	printf '%d:%02d' $((spent / 60)) $((spent % 60))
}

# pulse SHOW: beside what follows, until stop_pulse: calls SHOW every second, and every minute with
# "minute". What is under way stays in the foreground: a shell lets what it has in the background
# ignore ^C, and the tests would inherit that.
pulse() {
	rm -f "$build/ended"
	(
		seconds=0
		while [ ! -e "$build/ended" ] && kill -0 $$ 2>/dev/null; do
			sleep 1
			seconds=$((seconds + 1))
			if [ $((seconds % 60)) = 0 ]; then "$1" minute; else "$1" second; fi
		done
		"$1" last
	) &
	pulse_pid=$!
}
stop_pulse() {
	: >"$build/ended"
	wait "$pulse_pid"
}

# shellcheck disable=SC2317 # called by pulse
show_step() { [ "$1" != minute ] || printf '   %s  still: %s\n' "$(since "$began")" "$name"; }

# Lines of make check that were not shown yet, numbered; and which tests run: those with a log, and
# without a result.
shown=0
# shellcheck disable=SC2317 # called by pulse
show_tests() {
	grep -E '^(PASS|FAIL|SKIP|ERROR|XPASS|XFAIL): ' "$build/check.log" 2>/dev/null | tail -n +$((shown + 1)) >"$build/new"
	while read -r line; do
		shown=$((shown + 1))
		printf '%4d of %s  %6s  %s\n' "$shown" "$tests" "$(since "$began")" "$line"
	done <"$build/new"
	[ "$1" = minute ] || return 0
	running=
	for log in tests/*.log tests/*/*.log; do
		[ ! -e "$log" ] || [ -e "${log%.log}.trs" ] || running="$running ${log%.log}"
	done
	printf '             %6s  running:%s\n' "$(since "$began")" "${running:- (make builds)}"
}

# ---- the verdict ----

# step NAME COMMAND...: one part of the verdict; its output is shown if it fails.
step() {
	name=$1
	shift
	say "$name"
	pulse show_step
	step_end=0
	"$@" >"$build/step.log" 2>&1 </dev/null || step_end=$?
	stop_pulse
	if [ $step_end = 0 ]; then
		passed=$((passed + 1))
		return 0
	fi
	failed=$((failed + 1))
	tail -n 60 "$build/step.log"
	printf 'FAIL: %s\n' "$name"
	return 1
}

cannot() {
	skipped=$((skipped + 1))
	printf '%s: cannot run here: %s\n' "$1" "$2" | tee -a "$build/skipped"
}

verdict() {
	# Reasons have names and numbers in them; the list has patterns.
	# shellcheck disable=SC2016 # no command: what Markdown quotes
	sed -n 's/^- `\(.*\)`:.*/\1/p' "$source_dir/tests/README.md" >"$build/known"
	sort -u "$build/skipped" >"$build/skipped.sorted"
	if [ -s "$build/skipped.sorted" ]; then
		say "cannot run here"
		cat "$build/skipped.sorted"
	fi
	if grep -v -x -E -f "$build/known" "$build/skipped.sorted" >"$build/unknown"; then
		say "and of these tests/README.md knows nothing, which is a failure:"
		cat "$build/unknown"
		failed=$((failed + $(wc -l <"$build/unknown")))
	fi
	say "it took $(since "$began") minutes"
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
	exit
}

# Adds make check's own count to ours: each test wrote a .trs file.
count_tests() {
	find "$1" -name '*.trs' | sort >"$build/results"
	while IFS= read -r trs; do
		log=${trs%.trs}.log
		case $(sed -n 's/^:global-test-result: //p' "$trs") in
		PASS)
			if grep "error.*mapherd has made a [m]istake: [a-z_]* was" "$log"; then # a lock assertion that failed, kernel/lock.h
				failed=$((failed + 1))
				printf 'FAIL: %s\n' "${trs#"$1"/}"
			else
				passed=$((passed + 1))
			fi
			;;
		SKIP) skipped=$((skipped + 1)) ;;
		*)
			failed=$((failed + 1))
			printf 'FAIL: %s\n' "${trs#"$1"/}"
			tail -n 40 "$log"
			;;
		esac
		grep -h -E "$not_here" "$log" >>"$build/skipped"
	done <"$build/results"
}

# ---- the tests ----

say "packages"
if [ "$install" ]; then
	"$source_dir/examples/packages.sh" tests || say "going on with what there is"
elif ! command -v dpkg-query >/dev/null; then
	say "not on Debian: what the tests need is listed in examples/packages.sh"
elif ! "$source_dir/examples/packages.sh" -n tests >"$build/missing"; then
	say "not installed (examples/packages.sh tests does that):" "$(tr '\n' ' ' <"$build/missing")"
fi

cd "$source_dir" || exit 1
[ -x configure ] || step bootstrap ./bootstrap || verdict
mkdir -p "$build/gcc" && cd "$build/gcc" || exit 1
step configure "$source_dir/configure" --enable-werror || verdict
step build make -j"$jobs" || verdict
tests=$(make -s count-tests)
say "make check: $tests tests, $jobs at a time; on a quiet machine with two cores it takes about $quiet_minutes minutes"
: >"$build/check.log"
pulse show_tests
make -k -j"$jobs" check </dev/null >"$build/check.log" 2>&1
stop_pulse
grep -q '^# TOTAL' "$build/check.log" || {
	tail -n 60 "$build/check.log"
	failed=$((failed + 1))
}
count_tests "$build/gcc"
[ "${CI:-}" = true ] || verdict

# The records of processes that tests have killed. Elsewhere there may be some that somebody wants.
[ ! -x mapherd ] || ./mapherd clean --older 0 /dev/shm >/dev/null 2>&1

# ---- the other builds ----

# shellcheck disable=SC2317 # these are called by step
# build_in NAME OPTION...: configures and builds in a folder of that name.
build_in() {
	mkdir -p "$build/$1" && cd "$build/$1" || return 1
	shift
	"$source_dir/configure" --enable-werror "$@" && make -j"$jobs"
}
# shellcheck disable=SC2317
units() {
	make -j"$jobs" check TESTS="$(cd "$source_dir" && find tests/unit -name 'test_*.c' | sed 's/\.c$//' | sort | tr '\n' ' ')"
}

if command -v clang >/dev/null; then
	step "clang, warnings are errors" build_in clang CC=clang
	step "fuzzers, 15 seconds each" make -C "$build/gcc" fuzz FUZZ_SECONDS=15
else
	cannot clang "there is no clang"
fi

step "unit tests under AddressSanitizer and UBSan: build" build_in sanitizers --enable-sanitizers &&
	step "unit tests under AddressSanitizer and UBSan" units

if command -v aarch64-linux-gnu-gcc >/dev/null; then
	if step "aarch64" build_in aarch64 --host=aarch64-linux-gnu CC=aarch64-linux-gnu-gcc; then
		if command -v qemu-aarch64 >/dev/null; then
			step "aarch64 under qemu" sh "$source_dir/tests/aarch64.sh" "$build/aarch64"
		else
			cannot aarch64 "there is no qemu-aarch64"
		fi
	fi
else
	cannot aarch64 "there is no aarch64-linux-gnu-gcc"
fi

# The tests ran above: distcheck is asked whether the tarball builds, installs and uninstalls.
cd "$build/gcc" || exit 1
step "make distcheck" make distcheck AM_DISTCHECK_CONFIGURE_FLAGS=--enable-werror TESTS=
verdict
