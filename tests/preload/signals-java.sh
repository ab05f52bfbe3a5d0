#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
# HotSpot and SIGBUS: with the library it starts, checks itself, makes its InternalErrors and its
# crash reports as it does alone, with libjsig in front of the library, behind it, and without.
. "${TESTS_SRC:?run by make check}/lib.sh"
cd "$scratch"

jdks >jdks
[ -s jdks ] || skip "no JDK with a compiler"

# A native library with a handler of its own, as JNI code brings along.
cat >user.c <<'END'
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <dlfcn.h>
static void mine(int sig) { (void)sig; if (write(1, "the user's handler\n", 19)) _exit(5); _exit(6); }
__attribute__((constructor)) static void start(void)
{
    struct sigaction a = { .sa_handler = mine }, old, now;
    Dl_info info = { 0 };
    sigaction(SIGBUS, &a, &old);
    sigaction(SIGBUS, NULL, &now);
    if (old.sa_handler != SIG_DFL)
        dladdr((void *)old.sa_handler, &info);
    printf("before: %s, now: %s\n",
           info.dli_fname ? strrchr(info.dli_fname, '/') : "default", now.sa_handler == mine ? "mine" : "another");
    fflush(stdout);
}
END
${CC:-cc} -shared -fPIC -o "$scratch/libuser.so" user.c -ldl

# run PRELOAD OUT OPTION... : the exit status is the last line of OUT.
run() {
	preload=$1 out=$2
	shift 2
	rm -f file hs_err*.log
	ended=0
	LD_PRELOAD=$preload "$jdk/bin/java" -Xmx64m -Xshare:auto -XX:TieredStopAtLevel=1 \
		-XX:-CreateCoredumpOnCrash -cp "$scratch" "$@" >"$out" 2>"$out.err" || ended=$?
	printf 'status %s\n' "$ended" >>"$out"
}

# same TITLE ORDERS OPTION...: as alone, with libjsig in each of these orders.
same() {
	title=$1 orders=$2
	shift 2
	for jsig in $orders; do
		case $jsig in
		none) alone="" with=$MAPHERD_LIB ;;
		before) alone=$libjsig with="$libjsig:$MAPHERD_LIB" ;;
		behind) alone=$libjsig with="$MAPHERD_LIB:$libjsig" ;;
		esac
		run "$alone" alone "$@"
		run "$with" with "$@"
		cmp -s alone with ||
			fail "$jdk: $title, libjsig $jsig: $(diff alone with; head -n 20 with with.err)"
		grep -q '^library=1' with.err || fail "$jdk: the library is not in it: $(cat with.err)"
		if [ "$title" = check ] && grep -i -E 'warning.*(signal|handler)|SIG' with >found; then
			fail "$jdk: -Xcheck:jni, libjsig $jsig: $(cat found)"
		fi
	done
}

while read -r jdk; do
	libjsig=$jdk/lib/libjsig.so
	[ -f "$libjsig" ] || fail "$jdk has no libjsig.so"
	"$jdk/bin/javac" -nowarn -d . "$TESTS_SRC/preload/Truncated.java" 2>/dev/null ||
		fail "$jdk: javac"
	same plain "none before behind" Truncated access file
	[ "$(grep -c InternalError with)" -ge 5 ] || fail "$jdk: no InternalErrors: $(cat with)"
	same check "none before behind" -Xcheck:jni Truncated access file
	same chaining none -XX:-UseSignalChaining Truncated access file
	same allow none -XX:+AllowUserSignalHandlers Truncated access file
	same xrs none -Xrs Truncated access file
	same user "none before behind" Truncated user file "$scratch/libuser.so"
	grep -q -e "the user's handler" -e InternalError with || fail "$jdk: user: $(cat with)"

	# An unrelated crash: the report is written, and names the right signal.
	for preload in "" "$MAPHERD_LIB"; do
		run "$preload" crash Truncated crash file
		grep -q 'SIGSEGV' hs_err*.log || fail "$jdk: no crash report with '$preload'"
		sed -n '/status/p' crash >"crash.$(printf %s "$preload" | grep -c .)"
	done
	cmp crash.0 crash.1 || fail "$jdk: another exit status of a crash"
	say "$jdk: $(tail -n 1 crash.1) of a crash, $(grep -c InternalError with) errors in the last run"
done <jdks
