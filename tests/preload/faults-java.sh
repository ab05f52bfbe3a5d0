#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
# A JVM whose mapped files are truncated, or lie on a disk that is full, in every JDK: operation by
# operation. Alone it dies in code that HotSpot does not know, and loses stores in the rest.
# Preloaded, on a full disk it lives, in the interpreter and in the code of both compilers: no store is
# lost, force() throws until there is space, and FileLocks hold all the while. Of a truncated file, and
# of a full tmpfs, it dies as alone, and the log says why; where MAPHERD_SIGBUS=convert asks for zeros
# it lives on a truncated file.
# TESTS_LONG=1: every operation, in every mode, alone too, on every filesystem with holes.
# shellcheck disable=SC2154 # scratch, mnt and why are made by lib.sh
# shellcheck source=tests/lib.sh
. "${TESTS_SRC:?run by make check}/lib.sh"

locked="$TESTS_BIN/tests/preload/locked"
cd "$scratch"
scratch=$(pwd -P)
mkdir classes files spill
# A JVM that dies writes its report, and nothing else.
ulimit -c 0

reads="crc32 crc32c adler32 inflate deflate mismatch get get-bulk jni-read"
stores="put put-bulk put-view put-buffer cas add unsafe-put unsafe-set inflate-to deflate-to jni-fill"
reads_25="ffm-read ffm-mismatch"
stores_25="ffm-memset ffm-fill ffm-copy ffm-set"
modes="tiered int c1 c2"
sigbus=auto
full_modes="int c1 c2"

# What dies alone on a truncated file. The rest of Java's own code throws an InternalError.
dies="crc32 inflate jni-read"
[ -z "${TESTS_LONG:-}" ] ||
	dies="$dies crc32c adler32 deflate inflate-to deflate-to jni-fill"
dies_17="unsafe-set mismatch"
dies_25="ffm-read ffm-memset"

# prepare JDK: its release in $release, its options in $options, the programs in classes.
prepare() {
	jdk=$1
	release=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$jdk/release")
	sources="Faults.java FaultsOperations.java FullDisk.java"
	options="-Xmx256m -XX:-CreateCoredumpOnCrash -XX:ErrorFile=$scratch/death
		-XX:+DisplayVMOutputToStderr -Djni=$scratch/libfaults.so -Dlocked=$locked"
	all_reads=$reads
	all_stores=$stores
	if [ "$release" -ge 22 ]; then
		sources="$sources FaultsForeign.java"
		options="$options --enable-native-access=ALL-UNNAMED"
		all_reads="$reads $reads_25"
		all_stores="$stores $stores_25"
	fi
	if [ "$release" -ge 23 ]; then
		options="$options --sun-misc-unsafe-memory-access=allow"
	fi
	rm -rf classes/*
	# shellcheck disable=SC2086 # lists of words
	(cd "$TESTS_SRC/preload" && "$jdk/bin/javac" -nowarn -XDignore.symbol.file -d "$scratch/classes" $sources) \
		2>"$scratch/javac" || fail "$jdk: $(cat "$scratch/javac")"
	${CC:-cc} -shared -fPIC -O2 -I"$jdk/include" -I"$jdk/include/linux" \
		-o libfaults.so "$TESTS_SRC/preload/faults_jni.c"
}

# faults MODE ARGUMENT...: runs the program in $jdk, in that mode; what it says is in out and err.
faults() {
	case $1 in
	tiered) mode= ;;
	int) mode=-Xint ;;
	c1) mode="-XX:TieredStopAtLevel=1 -Xbatch -XX:+PrintCompilation -Dwarm=30" ;;
	c2) mode="-XX:-TieredCompilation -Xbatch -XX:+PrintCompilation -Dwarm=30" ;;
	esac
	shift
	rm -f death
	# shellcheck disable=SC2086 # lists of words
	"$jdk/bin/java" $options $mode -cp classes Faults "$@" >out 2>err
}

# dies MODE ARGUMENT...: it does, of SIGBUS; alone, and with the library, which says why.
dies() {
	for library in '' "$MAPHERD_LIB"; do
		rm -f log
		MAPHERD_LOG="$scratch/log"
		MAPHERD_SPILL_DIR="$scratch/nowhere"
		LD_PRELOAD=$library
		export MAPHERD_LOG MAPHERD_SPILL_DIR LD_PRELOAD
		result=0
		faults "$@" || result=$?
		unset MAPHERD_LOG MAPHERD_SPILL_DIR LD_PRELOAD
		[ "$result" != 0 ] || fail "$jdk, with '$library': it should die of $*, but: $(cat out)"
		[ -f death ] || fail "$jdk, $*, with '$library': it ended, but did not die: $(cat out err)"
		grep -q '^#  *SIGBUS' death || fail "$jdk, $*, with '$library': it died, but not of SIGBUS: $(head -5 death)"
	done
	grep -q 'SIGBUS: .*HotSpot decides' log || fail "$jdk, $*: no line says why: $(cat log)"
}

# loses_alone MODE ARGUMENT...: it dies, or stores are lost.
loses_alone() {
	if faults "$@"; then
		fail "$jdk: alone it should lose stores in $*, but: $(cat out)"
	fi
	[ -f death ] || grep -q 'stores are lost' out || fail "$jdk, $*: $(cat out err)"
}

# lives MODE ARGUMENT...: preloaded, everything is as it should be.
lives() {
	rm -f log
	MAPHERD_LOG="$scratch/log"
	MAPHERD_SPILL_DIR="$scratch/spill"
	MAPHERD_SIGBUS=$sigbus
	MAPHERD_ZEROS_STATUS=0
	LD_PRELOAD="$MAPHERD_LIB"
	export MAPHERD_LOG MAPHERD_SPILL_DIR MAPHERD_SIGBUS MAPHERD_ZEROS_STATUS LD_PRELOAD
	result=0
	faults "$@" || result=$?
	unset MAPHERD_LOG MAPHERD_SPILL_DIR MAPHERD_SIGBUS MAPHERD_ZEROS_STATUS LD_PRELOAD
	[ "$result" = 0 ] || fail "$jdk, $*: status $result: $(cat out; grep -v '^ ' err; cut -c 1-300 log)"
	grep -q '^library=1$' out || fail "$jdk, $*: the library is not in the JVM"
	grep -q '^all is well$' out || fail "$jdk, $*: $(cat out)"
	case $1 in
	c1 | c2) grep -q 'FaultsOperations::put ' err || fail "$jdk: nothing was compiled by $1" ;;
	esac
}

# ---- a truncated file ----

truncated() {
	dying=$dies
	[ "$release" -ge 22 ] && dying="$dying $dies_25" || dying="$dying $dies_17"
	for operation in $dying; do
		dies tiered truncated files "$operation"
	done
	dies int truncated files cas
	say "$jdk, truncated: dies of $dying, and interpreted of cas, with and without the library"
	sigbus=convert
	for mode_name in $modes; do
		case $mode_name,${TESTS_LONG:-} in
		tiered,* | *,1)
			# shellcheck disable=SC2086 # lists of words
			lives "$mode_name" truncated files $all_reads $all_stores
			;;
		int,*) lives int truncated files cas ;;
		*) continue ;;
		esac
		say "$jdk, truncated, $mode_name: $(grep -c ' right' out) got zeros"
	done
	sigbus=auto
}

# ---- a full disk ----

# new_disk OPERATION...: a new sparse file for each operation, and nothing free beside them.
new_disk() {
	remove_in "$mnt" ! -name lost+found
	rm -rf references
	mkdir "$mnt/files" references
	for operation; do
		truncate -s 1M "$mnt/files/$operation"
	done
	fill_disk "$mnt/filler"
}

# loses KIND MODE OPERATION: alone
loses() {
	mnt="$scratch/mnt.$1"
	new_disk "$3"
	loses_alone "$2" full "$mnt/files" references "$mnt/filler" "$3"
}

# keeps KIND MODE: preloaded, every operation
keeps() {
	mnt="$scratch/mnt.$1"
	# shellcheck disable=SC2086 # lists of words
	{
		new_disk $all_stores
		lives "$2" full "$mnt/files" references "$mnt/filler" $all_stores
	}
	umount "$mnt"
	mount -o loop "$scratch/$1.img" "$mnt"
	for operation in $all_stores; do
		cmp "$mnt/files/$operation" "references/$operation" >&2 ||
			fail "$jdk, $1, $2: bytes of $operation, after mounting again"
	done
	say "$jdk, $1 full, $2: $(grep -c ' right$' out) times every store was there"
}

full_disk() {
	for kind in $mounted; do
		[ "$kind" != tmpfs ] || continue # nothing is spilled there
		case $kind,${TESTS_LONG:-} in
		*,1)
			# A lost store takes btrfs milliseconds, and the interpreter alone loses one after another.
			alone_modes=$modes
			[ "$kind" != btrfs ] || alone_modes=tiered
			for mode_name in $alone_modes; do
				for one in $all_stores; do
					loses "$kind" "$mode_name" "$one"
				done
			done
			;;
		ext4,*)
			loses ext4 tiered jni-fill
			loses ext4 c2 put
			;;
		esac
		for mode_name in $full_modes; do
			keeps "$kind" "$mode_name"
		done
	done
}

# What has no space and cannot be spilled: native code dies of it, as alone.
without_spill() {
	for kind in tmpfs ext4; do
		case " $mounted " in
		*" $kind "*) ;;
		*) continue ;;
		esac
		mnt="$scratch/mnt.$kind"
		native=jni-fill
		[ "$release" -lt 22 ] || native="$native ffm-memset"
		for operation in $native; do
			new_disk "$operation"
			dies tiered full "$mnt/files" references "$mnt/filler" "$operation"
			if grep 'zeros' log; then fail "$jdk, $kind full: zeros"; fi
		done
		say "$jdk, $kind full, and no spill file: dies of $native, with and without the library"
	done
}

mounted=
kinds="tmpfs 2M ext4 40M"
[ -z "${TESTS_LONG:-}" ] || kinds="tmpfs 2M ext4 40M xfs 320M btrfs 256M"
# shellcheck disable=SC2086 # pairs of words
set -- $kinds
while [ $# -gt 0 ]; do
	if mount_fs "$1" "$2"; then
		mounted="$mounted $1"
	else
		say "not shown here: $1 ($why)"
	fi
	shift 2
done
jdks >jdks
[ -s jdks ] || skip "no JDK with a compiler"
while read -r jdk <&3; do
	prepare "$jdk"
	truncated
	without_spill
	full_disk
done 3<jdks
