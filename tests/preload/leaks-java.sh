#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Who leaks, in Java: class, method and line, also through a pool of threads; and Lucene's readers
# that nobody closes, whose files are long deleted.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
# shellcheck source=tests/preload/leaks-told.sh
. "$TESTS_SRC/preload/leaks-told.sh"
[ -n "$(jdks)" ] || skip "no JDK with a compiler"
# How many maps of deleted files Lucene is to have; 6,000 in make check-long-record.
maps=${LEAKS_MAPS:-1000}
index_folder=$(mktemp -d "/dev/shm/mapherd-test.XXXXXX") || index_folder=$scratch/index
later "rm -rf '$index_folder'"
jars=/usr/share/java/lucene-core-4.10.4.jar:/usr/share/java/lucene-analyzers-common-4.10.4.jar

# line_of FILE TEXT: the line that has it.
line_of() { grep -n -F "$2" "$TESTS_SRC/preload/$1" | cut -d: -f1; }
refresh=$(line_of LeakReaders.java 'open.add(')
archive=$(line_of LeakBuffers.java 'held.add(channel')
index=$(line_of LeakBuffers.java 'Object buffer =')

# A reader maps three files, and all but the last reader's are deleted.
of_lucene() {
	"$1/bin/javac" -cp "$jars" -d "$scratch" "$TESTS_SRC/preload/LeakReaders.java" 2>"$scratch/err" ||
		fail "$(cat "$scratch/err")"
	rm -rf "$index_folder"
	mkdir -p "$index_folder"
	mkfifo "$scratch/in" "$scratch/out"
	no_records
	# shellcheck disable=SC2086
	env $recording "$1/bin/java" -cp "$scratch:$jars" LeakReaders "$index_folder" $((maps / 3 + 2)) <"$scratch/in" >"$scratch/out" &
	process=$!
	exec 9>"$scratch/in"
	read -r seen <"$scratch/out" || fail "Lucene ends early"
	"$MAPHERD" leaks --json $process >"$scratch/told" || fail "no answer"
	"$MAPHERD" leaks --by deleted --top 3 $process >"$scratch/text" || fail "no answer"
	grep -q "hint: a JVM .*jcmd $process GC.run" "$scratch/text" || fail "no hint at a collection: $(cat "$scratch/text")"
	"$MAPHERD" leaks --older 1s $process | grep -q jcmd && fail "a hint at what is asked for"
	"$1/bin/jcmd" $process GC.run >/dev/null || fail "jcmd does not run"
	"$MAPHERD" leaks --json --by deleted $process >"$scratch/collected" || fail "no answer"
	exec 9>&-
	wait $process || fail "it ends with $?"
	rm "$scratch/in" "$scratch/out"
	expect "head['deleted_mappings'] >= $maps"
	# What was not collected is still there, and none has come.
	expect "head['deleted_mappings'] >= [json.loads(l) for l in open('$scratch/collected')][0]['deleted_mappings'] >= $maps"
	# Merging maps files too, which the collector has not come by yet.
	expect "sum(g['deleted_mappings'] for g in groups if any(f['name'] == 'LeakReaders.refresh' and f.get('line') == $refresh for f in g['stack'])) >= $maps"
	grep -q '(deleted)' "$scratch/text" || fail "$(cat "$scratch/text")"
	say "Lucene: $seen of the kernel's maps are of deleted files; $(grep -c . "$scratch/told") lines"
}

for home in $(jdks); do
	release=$(basename "$home")
	"$home/bin/javac" -d "$scratch" "$TESTS_SRC/preload/LeakBuffers.java"
	recorded "$home/bin/java" -cp "$scratch" LeakBuffers "$scratch/file" || fail "$release ends with $?"
	told --json
	expect "groups[0]['mappings'] == 700 and groups[1]['mappings'] == 400"
	expect "any(f.get('line') and f['name'] == 'LeakBuffers\$Archive.open' and f['line'] == $archive for f in groups[0]['stack'])"
	expect "any(f.get('line') and f['name'] == 'LeakBuffers\$Index.lookUp' and f['line'] == $index for f in groups[1]['stack'])"
	expect "any('ThreadPoolExecutor' in f['name'] for f in groups[1]['stack'])"
	say "$release: both are named"
	if [ ! -f "${jars%%:*}" ]; then
		say "not run: Lucene 4.10 (liblucene4.10-java)"
	else
		of_lucene "$home"
	fi
done
