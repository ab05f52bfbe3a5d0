#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# report: the page opens in a browser without an error and asks nothing of anybody; searching, zooming
# and sorting work; what a record says is text and stays text. report_page.py has what is looked at
# in the browser.
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
make="$TESTS_BIN/tests/cli/recordmake"

misuse "no process is named" report
misuse "one process or record at a time" report 1 2
misuse "-o needs a value" report -o
misuse "unknown option '--folded'" report --folded 1
printf kept >"$scratch/kept"
expect 1 "$MAPHERD" report -o "$scratch/kept" "$scratch/nothing.record"
silent out
err_has "nothing.record: No such file"
grep -qx kept "$scratch/kept" || fail "a page that could not be made has overwritten a file"
expect 1 "$MAPHERD" report 999999999
one_line err
expect 1 "$MAPHERD" report -o "$scratch/no/where.html" $$
err_has "cannot be written"

# whole FILE: nothing in the page is loaded, and nothing but its own parts is markup.
whole() {
	[ "$(grep -o -i '<script' "$1" | wc -l)" = 2 ] || fail "$1: another script than the page's own"
	[ "$(grep -o -i '</script' "$1" | wc -l)" = 2 ] || fail "$1: a script ends early"
	grep -q -i -E '<(img|iframe|object|embed)' "$1" && fail "$1: an element that loads something"
	grep -o -i -E '[a-z]+://[^" ]*' "$1" | grep -v -x 'http://www.w3.org/2000/svg' && fail "$1: an address"
	grep -o '<link[^>]*>' "$1" | grep -v -x '<link rel="icon" href="data:,">' && fail "$1: something is linked"
	grep -q "default-src 'none'" "$1" || fail "$1: nothing forbids to load"
	return 0
}

# words FILE PATTERN: the page's head says it.
words() {
	sed -n '/<header>/,/<\/header>/s/<[^>]*>//gp' "$1" | grep -Eq -e "$2" || fail "$1 does not say '$2'"
}

# A process without the library: what the kernel tells.
truncate -s 1M "$scratch/file"
hold "$TESTS_BIN/tests/cli/holder" "$scratch/file" many 500
expect 0 "$MAPHERD" report -o "$scratch/plain.html" "$held"
silent out
words "$scratch/plain.html" '^Of the [0-9]+ maps [0-9]+ \([0-9]+&#160;%\) are of anonymous memory'
release
whole "$scratch/plain.html"

# What mapherd would make of it is what maps says.
parts=
i=0
while [ $i -lt 200 ]; do
	parts="$parts $i:1:rs"
	i=$((i + 1))
done
# shellcheck disable=SC2086
hold "$TESTS_BIN/tests/cli/holder" "$scratch/file" free $parts
expect 0 "$MAPHERD" maps "$held"
verdict=$(sed -n 's/^\(mapherd would cure this: about [0-9]* of [0-9]* maps would be left\.\).*$/\1/p' "$scratch/out")
[ "$verdict" ] || fail "maps promises no cure: $(cat "$scratch/out")"
expect 0 "$MAPHERD" report -o "$scratch/parts.html" "$held"
words "$scratch/parts.html" "Run it under mapherd: mapherd run PROGRAM. $verdict"
words "$scratch/parts.html" '19[0-9] fewer by placing: the parts of a file lie side by side'
words "$scratch/parts.html" '200 \(8[0-9]&#160;%\) are of .*/file'
release
whole "$scratch/parts.html"

# Names as hostile as they can be: of the program, a host, files, modules, classes, events.
now=$(date +%s)
evil='</script><script>top.hostile=1</script><img src=x onerror=top.hostile=1>"'"'"'&amp;'
odd=$(printf 'a\001b\033[2Jc\377d')
set -- "program=$evil" "host=<b>$evil" "arguments=java $evil $odd" status.bound=61204 \
	"since_ms=$((now - 9000))000" "leaks_ms=$((now - 9000))000" \
	"module=/opt/$evil.so" "module=/opt/program" "java=com/x$evil/Store,open$odd,Store.java,12" \
	"java=java/lang/Thread,run,Thread.java,840" "java=com/example/Cache,fill,Cache.java,7" \
	"file=/data/$evil" "file=/data/$odd.db" "file=/data/plain.db" \
	stack=j1,j2 stack=j3,j2 stack=1+0x100,2+0x200 stack=0x7f0012345678,2+0x200 \
	"event=1,2,$evil$odd" event=3,1,fault
# 600, 300, 90 and 10 mappings; the fewest are the largest.
i=0
while [ $i -lt 1000 ]; do
	case $((i % 100)) in
	[0-5]?) set -- "$@" "map=$((0x7f0000000000 + i * 65536)),1,stack=1,file=1,age=$((9000 - i))" ;;
	[6-8]?) set -- "$@" "map=$((0x7f0000000000 + i * 65536)),2,stack=2,file=2,age=$((9000 - i)),offset=$((i * 8192))" ;;
	99) set -- "$@" "map=$((0x7f0000000000 + i * 65536)),16,stack=4,flags=3,age=10" ;;
	*)
		[ $((i % 100)) -ge 10 ] && set -- "$@" "map=$((0x7f0000000000 + i * 65536)),1,stack=3,file=3,age=5" ||
			set -- "$@" "map=$((0x7f0000000000 + i * 65536)),1,stack=1,file=1,age=$((9000 - i))"
		;;
	esac
	i=$((i + 1))
done
# Growing for the last two thirds of two and a half hours.
for level in 0 1 2 3 4 5 6 7; do
	span=$((1 << 2 * level))
	i=0
	while [ $i -lt 64 ] && [ $((i * span)) -lt 9000 ]; do
		age=$((i * span))
		[ $age -lt 6000 ] && count=$((61204 - age * 10)) || count=1204
		set -- "$@" "point=$level,$((now - age)),$count"
		i=$((i + 1))
	done
done
"$make" "$scratch/hostile.record" "$@"
expect 0 "$MAPHERD" report -o "$scratch/hostile.html" "$scratch/hostile.record"
silent out
silent err
whole "$scratch/hostile.html"
words "$scratch/hostile.html" 'a\\001b\\033\[2Jc[^d]+dProcess'
grep -q '61,204 of 65,530' "$scratch/hostile.html" || fail "the page does not say how close it is"
grep -q 'What to do' "$scratch/hostile.html" || fail "the page does not say what to do"
grep -q 'sysctl -w vm.max_map_count=1048576' "$scratch/hostile.html" || fail "the page does not say what to type"
words "$scratch/hostile.html" 'from 1,204 to 61,204: about [5-7][0-9][0-9] a minute'
expect 0 "$MAPHERD" report "$scratch/hostile.record"
[ "$(wc -c <"$scratch/out")" = "$(wc -c <"$scratch/hostile.html")" ] || fail "the page to standard output is another one"

# Arguments with line ends, and too many of them.
"$make" "$scratch/script.record" "arguments=sh -c $(printf 'one\n\ttwo') \\n"
expect 0 "$MAPHERD" report -o "$scratch/script.html" "$scratch/script.record"
words "$scratch/script.html" 'sh -c one\\n\\ttwo \\n'
"$make" "$scratch/long.record" "arguments=$(printf 'java %0600d' 0)"
expect 0 "$MAPHERD" report -o "$scratch/long.html" "$scratch/long.record"
words "$scratch/long.html" '00 \(cut here\)'

# Ten seconds old, and steep: what the chart shows is not called unknown.
young() { # young NAME STEP
	name=$1
	step=$2
	set -- "since_ms=$((now - 10))000" "touched_ms=${now}000" status.bound=30000
	i=0
	while [ $i -le 10 ]; do
		set -- "$@" "point=0,$((now - i)),$((30000 - i * step))"
		i=$((i + 1))
	done
	"$make" "$scratch/$name.record" leaks=0 leaks_ms=0 "$@"
	expect 0 "$MAPHERD" report -o "$scratch/$name.html" "$scratch/$name.record"
}
young steep 2900
words "$scratch/steep.html" 'The count has grown from 1,000 to 30,000 since .*, and the record is only 1[0-9] s old: whether they go on'
young flat 1
words "$scratch/flat.html" 'The record is only 1[0-9] s old: too young to tell whether they grow'

# Who leaks: the call in a library, and who outside of the library and the JDK made that call.
set -- java=sun/nio/ch/FileChannelImpl,map,FileChannelImpl.java,1036 \
	java=org/apache/lucene/store/MMapDirectory,openInput,MMapDirectory.java,228 \
	java=org/apache/lucene/index/SegmentReader,open,SegmentReader.java,99 \
	java=com/example/Search,run,Search.java,30 java=java/lang/Thread,run,Thread.java,840 \
	"file=/data/_1.cfs (deleted)" stack=j1,j2,j3,j4,j5
i=0
while [ $i -lt 120 ]; do
	set -- "$@" "map=$((0x7f0000000000 + i * 8192)),1,stack=1,file=1"
	i=$((i + 1))
done
"$make" "$scratch/called.record" "$@"
expect 0 "$MAPHERD" report -o "$scratch/called.html" "$scratch/called.record"
words "$scratch/called.html" '120 \(100&#160;%\) were made by org.apache.lucene.store.MMapDirectory.openInput \(MMapDirectory.java:228\), called by com.example.Search.run \(Search.java:30\)'
words "$scratch/called.html" 'Look at org.apache.lucene.*: 120 of its mappings are still there. All of them are of files that are deleted'

# Mappings were not recorded, and the process is gone: what the last reading found.
"$make" "$scratch/counted.record" leaks=0 leaks_ms=0 status.bound=5000 holder=4000,/data/a.db holder=500,/data/b.db
expect 0 "$MAPHERD" report -o "$scratch/counted.html" "$scratch/counted.record"
words "$scratch/counted.html" 'When they were last read, most maps were of /data/a.db: 4,000'
words "$scratch/counted.html" 'To see who maps: mapherd run --leaks=on PROGRAM'

# Cold mappings: whether they thrash, and what to do then, by the average of a process that is gone.
cold() { # cold NAME WARMED EARLY [FIELD...]: in 100 s
	name=$1 warmed=$2 early=$3
	shift 3
	"$make" "$scratch/$name.record" leaks=0 leaks_ms=0 "since_ms=$((now - 100))000" "touched_ms=${now}000" \
		status.cold=9000 status.warm=1000 status.warmed="$warmed" status.cold_early="$early" "$@"
	expect 0 "$MAPHERD" report -o "$scratch/$name.html" "$scratch/$name.record"
}
cold slightly 200000 100000 status.bound=52000
words "$scratch/slightly.html" 'On average: 9,000 of 10,000 mappings are cold; 2,000 are made warm a second, 50&#160;% of them early'
words "$scratch/slightly.html" 'It thrashes: slightly more mappings are in use than are warm'
words "$scratch/slightly.html" 'Let more mappings be warm: that takes a larger limit'
words "$scratch/slightly.html" 'sysctl -w vm.max_map_count=1048576'
cold many 100000 49999 status.bound=1200
words "$scratch/many.html" 'It thrashes: more mappings are in use than are warm'
words "$scratch/many.html" 'MAPHERD_COLD_WARM allows fewer than the limit does; leave it out, or set it to more than 1,000'
cold fits 99900 99900 status.bound=1200 status.cold_failed=2
words "$scratch/fits.html" '999 are made warm a second, 100&#160;% of them early.* It does not thrash: what is in use fits'
words "$scratch/fits.html" ' 2 could not be mapped again'
grep -q 'Let more mappings be warm' "$scratch/fits.html" && fail "what does not thrash is told to"
# Of 1,048,576 maps, 952,000 are more than four fifths.
cold larger 200000 0 status.bound=52000 status.cold=900000
words "$scratch/larger.html" 'sysctl -w vm.max_map_count=2097152'
# Numbers that no process has.
most=18446744073709551615
cold absurd $most $most status.cold=$most status.warm=$most status.cold_failed=$most status.bound=$most
whole "$scratch/absurd.html"

# A record with nothing in it.
"$make" "$scratch/empty.record" leaks=0 leaks_ms=0
expect 0 "$MAPHERD" report -o "$scratch/empty.html" "$scratch/empty.record"
whole "$scratch/empty.html"

command -v python3 >/dev/null || skip "no python3"
command -v chromedriver >/dev/null || skip "no chromedriver"
mkdir "$scratch/browser"
got=0
python3 -B "$TESTS_SRC/cli/report_page.py" "$scratch/browser" "$scratch/hostile.html" "$scratch/plain.html" \
	"$scratch/empty.html" "$scratch/counted.html" || got=$?
[ $got != 77 ] || skip "no chromium"
[ $got = 0 ] || fail "the page is not as it should be"
