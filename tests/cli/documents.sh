#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The documents: their links lead somewhere, the names in them are real, every option and event is explained, the
# README is short, and each command line of mapherd in them runs.
# shellcheck disable=SC2154,SC2016 # held: cli.sh; what Markdown quotes is no command
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
tree=$(cd "$TESTS_SRC/.." && pwd -P)
scratch=$(cd "$scratch" && pwd -P)
cd "$tree"
pages="$(echo *.md) tests/README.md $(echo doc/*.md)"
manuals=$(echo doc/*.[1-9])
[ "$(echo "$pages $manuals" | wc -w)" -ge 18 ] || fail "not all documents are read: $pages $manuals"

# check COMMAND...: it reads the pages in the current folder, and says what is wrong in them on standard output.
check() {
	"$@" >"$scratch/wrong"
	[ ! -s "$scratch/wrong" ] || fail "$(cat "$scratch/wrong")"
}
# notices COMMAND...: it has to complain, here where $scratch/bad.md is one of the pages.
notices() {
	[ -n "$("$@")" ] || fail "'$*' does not notice what is wrong in $(cat "$scratch/bad.md")"
}

# ---- the README can be read in one go ----

# too_long PAGE
too_long() {
	awk -v page="$1" 'length > 100 { print page ": line " FNR " has " length " characters, more than 100" }
		END { if (FNR > 120) print page ": " FNR " lines, more than 120" }' "$1"
}
check too_long README.md
for _ in $(seq 121); do echo; done >"$scratch/bad.md"
notices too_long "$scratch/bad.md"
printf '%0101d\n' 1 >"$scratch/bad.md"
notices too_long "$scratch/bad.md"

# ---- links ----

# anchors PAGE: the anchors of its headings.
anchors() {
	awk '/^```/ { code = !code } code { next }
		/^#+ / { sub(/^#+ +/, ""); $0 = tolower($0); gsub(/[^a-z0-9 _-]/, ""); gsub(/ /, "-"); print }' "$1"
}
# links PAGE: the targets of its links.
links() { grep -o '](\([^)]*\))' "$1" | sed 's/^](//; s/)$//'; }
# astray PAGE...: the links that lead nowhere.
astray() {
	for page in "$@"; do
		links "$page" | while IFS= read -r link; do
			path=${link%%#*} anchor=
			case $link in
			*://*) continue ;;
			*'#'*) anchor=${link#*#} ;;
			esac
			target=$page
			[ -z "$path" ] || target=$(dirname "$page")/$path
			if [ ! -e "$target" ]; then
				echo "$page: $link leads to no file"
			elif [ -n "$anchor" ] && ! anchors "$target" | grep -qxF -e "$anchor"; then
				echo "$page: $link leads to no heading"
			fi
		done
	done
}
# shellcheck disable=SC2086 # words
check astray $pages
# shellcheck disable=SC2086
[ "$(for page in $pages; do links "$page"; done | wc -l)" -ge 50 ] || fail "the links are not read"
echo '[x](nowhere.md)' >"$scratch/bad.md"
notices astray "$scratch/bad.md"
printf '# A heading\n[x](#another)\n' >"$scratch/bad.md"
notices astray "$scratch/bad.md"

# Each page can be found: from the README, or from a page that it links to.
reached=" README.md "
for page in README.md $(links README.md | grep '\.md' | sed 's/#.*//'); do
	for link in $(links "$page" | grep '\.md' | grep -v :// | sed 's/#.*//'); do
		reached="$reached$(realpath --relative-to=. "$(dirname "$page")/$link") "
	done
done
for page in $pages; do
	case $reached in
	*" $page "*) ;;
	*) fail "no link leads to $page" ;;
	esac
done

# paths PAGE...: files of the source that are named in `...` and are not there.
paths() {
	for page in "$@"; do
		grep -o '`[a-zA-Z0-9_./-]*`' "$page" | tr -d '`' | grep -E '^(doc|examples|include|src|tests)/' |
			while IFS= read -r path; do
				[ -e "$path" ] || echo "$page: there is no $path"
			done
	done
}
# shellcheck disable=SC2086
check paths $pages
echo '`tests/cli/nothing.sh`' >"$scratch/bad.md"
notices paths "$scratch/bad.md"

# ---- names ----

"$MAPHERD" help options >"$scratch/options"
grep -o '^MAPHERD_[A-Z_]*' "$scratch/options" >"$scratch/names"
[ "$(wc -l <"$scratch/names")" -ge 20 ] || fail "the options are not read"
# Of the command and the library, besides the options; placeholders; and what the headers define.
printf '%s\n' MAPHERD_OPTIONS MAPHERD_LIBRARY MAPHERD_NAME MAPHERD_ >>"$scratch/names"
grep -oh 'MAPHERD_[A-Z_]*' include/mapherd/* >>"$scratch/names"
# unknown PAGE...: names that nothing has.
unknown() {
	for page in "$@"; do
		sed 's/\\//g' "$page" | grep -o 'MAPHERD_[A-Z_]*' | sort -u | grep -vxF -f "$scratch/names" | sed "s|^|$page: nothing is called |"
	done
}
# shellcheck disable=SC2046,SC2086
check unknown $(echo $pages | tr ' ' '\n' | grep -v '^tests/') $manuals
echo 'MAPHERD_NONSENSE' >"$scratch/bad.md"
notices unknown "$scratch/bad.md"

# values PAGE...: NAME=VALUE that mapherd run refuses. A VALUE of capitals stands for one.
values() {
	for page in "$@"; do
		sed 's/\\//g' "$page" | grep -oE "MAPHERD_[A-Z_]+=('[^']*'|[^] \`'\",;:()|]+(,[^] \`'\";:()|]+)*)" | sed "s/'//g; s/\.$//" | sort -u |
			while IFS= read -r setting; do
				case $setting in
				MAPHERD_OPTIONS=* | MAPHERD_LIBRARY=* | MAPHERD_NAME=* | *=[A-Z]*) continue ;;
				esac
				option=$(printf '%s' "${setting#MAPHERD_}" | sed 's/=.*//' | tr '[:upper:]' '[:lower:]')
				"$MAPHERD" run -n "--$option=${setting#*=}" true >/dev/null 2>&1 || echo "$page: $setting is refused"
			done
	done
}
# shellcheck disable=SC2086
check values README.md doc/*.md $manuals
echo '`MAPHERD_COLD=warm`' >"$scratch/bad.md"
notices values "$scratch/bad.md"

sh doc/options.sh <"$scratch/options" >"$scratch/options.md"
diff -u doc/options.md "$scratch/options.md" >&2 || fail "doc/options.md is not that of src/tell/options.def: run 'make options-page'"
cut -d= -f1 "$scratch/options" | grep '^MAPHERD_' | while read -r option; do
	grep -qx "## $option" doc/options.md || fail "doc/options.md does not explain $option"
done

# Events: each has a row that says its level and what to do, and no other has one.
"$MAPHERD" help events | awk '/^[a-z_]+$/ { name = $0; getline; sub(/,.*/, ""); print name, $1 }' >"$scratch/events"
[ "$(wc -l <"$scratch/events")" -ge 30 ] || fail "the events are not read"
# rows_of_events PAGE
rows_of_events() { sed -n '/^## Events/,$p' "$1" | sed -n 's/^| `\([a-z_]*\)` | \([a-z]*\) | ..* | ..* |$/\1 \2/p'; }
rows_of_events doc/operations.md | diff "$scratch/events" - >&2 || fail "doc/operations.md, Events: not those of 'mapherd help events'"
sed '/^| `fault` /d' doc/operations.md | rows_of_events /dev/stdin | cmp -s "$scratch/events" - && fail "an event that is not explained is not noticed"

# The words by which a row's line is known in the log are those that a test asserts.
sed -n 's/^| `\([a-z_]*\)` | [a-z]* | "\(.*\)" | .* | .*$/\1|\2/p' doc/operations.md >"$scratch/words"
[ "$(wc -l <"$scratch/words")" = "$(wc -l <"$scratch/events")" ] || fail "doc/operations.md, Events: a row has no words of its line"
while IFS='|' read -r event words; do
	grep "^$event	" tests/preload/events.txt | grep -qF -- "$words" || fail "doc/operations.md: no line of $event has '$words'"
done <"$scratch/words"

# Alerts: each has a row.
sed -n 's/^ *- alert: //p' examples/prometheus/mapherd.rules.yml >"$scratch/alerts"
[ -s "$scratch/alerts" ] || fail "the alerts are not read"
while read -r alert; do
	grep -q "^| .*$alert" doc/operations.md || fail "doc/operations.md does not say what to do about the alert $alert"
done <"$scratch/alerts"

# ---- commands ----

# code PAGE...: the lines of code blocks, each behind PAGE:LINE and a tab.
code() {
	for page in "$@"; do
		case $page in
		*.md)
			awk -v page="$page" '/^ *```/ { fenced = !fenced; next }
				/^ *$/ { blank = 1; next }
				{ indented = match($0, /^ (    | *)/) && substr($0, 1, 4) == "    " && (blank || indented); blank = 0 }
				fenced || indented { sub(/^ +/, ""); print page ":" FNR "\t" $0 }' "$page"
			;;
		*)
			awk -v page="$page" '/^\.EX/ { code = 1; next } /^\.EE/ { code = 0 }
				code { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print page ":" FNR "\t" $0 }' "$page"
			;;
		esac
	done
}
# commands PAGE...: those that have to do with the command mapherd. Lines of its log and of its output are none.
commands() {
	code "$@" | awk -F '\t' '{
		line = $2
		sub(/(^| +)# .*/, "", line)
		if (line ~ /^[0-9-]+T[0-9:]+Z mapherd: / || line ~ /under mapherd  / || line ~ /^mapherd would / || line ~ /^git clone /)
			next
		if (line ~ /(^|[^a-zA-Z0-9_.\/-])mapherd( |$)/)
			print $1 "\t" line
	}'
}

# What stands for the programs, folders and processes of the documents.
mkdir "$scratch/bin" "$scratch/work" "$scratch/work/bin" "$scratch/shm" "$scratch/data" "$scratch/data/lmdb" "$scratch/prometheus" \
	"$scratch/spill" "$scratch/metrics" "$scratch/log" "$scratch/held"
ln -s "$MAPHERD" "$scratch/bin/mapherd"
for program in bin/java bin/ruby bin/php bin/postgres bin/prometheus bin/make work/service work/elasticsearch work/bin/kafka-server-start.sh; do
	cat >"$scratch/$program" <<-'END'
		#!/bin/sh
		# The library is in this shell, or in the command beside it.
		grep -q libmapherd.so /proc/$$/maps && echo "with the library: $*"
	END
	chmod +x "$scratch/$program"
done
truncate -s 64K "$scratch/data/a.db" "$scratch/prometheus/queries.active"
# A static program that says it is Go, and has a table of its parts as Go's linker makes it.
cat >"$scratch/server.ld" <<-'END'
	PHDRS { table PT_PHDR PHDRS; text PT_LOAD FILEHDR PHDRS; note PT_NOTE; }
	SECTIONS {
		. = 0x400000 + SIZEOF_HEADERS;
		.text : { *(.text) } :text
		.note.go.buildid : { *(.note.go.buildid) } :text :note
		/DISCARD/ : { *(.comment) *(.note.gnu*) *(.note.GNU*) *(.eh_frame) }
	}
END
cat >"$scratch/server.c" <<-'END'
	__asm__(".globl _start\n_start: nop\n"
	        ".pushsection .note.go.buildid, \"a\", %note\n.balign 4\n.long 4, 4, 4\n.ascii \"Go\\0\\0like\"\n.popsection");
END
${CC:-cc} -nostdlib -static -Wl,-T,"$scratch/server.ld" -Wl,--build-id=none -o "$scratch/work/server" "$scratch/server.c" || fail "no static program is built"
hold env LD_PRELOAD="$MAPHERD_LIB" MAPHERD_LEAKS=on MAPHERD_DIR="$scratch/shm" "$TESTS_BIN/tests/cli/holder" "$scratch/held" files 100
record=$(echo "$scratch/shm/"*.record)
[ -f "$record" ] || fail "the process that is held has no record"
copy=$scratch/work/earlier
mkdir "$scratch/cgroup"
echo "$held" >"$scratch/cgroup/cgroup.procs"
cp "$record" "$copy"

# plain LINE: with the names of this test in place of those of the document.
plain() {
	printf '%s\n' "$1" | sed "s|^sudo ||
		s|\$(pidof java)|$held|g
		s|\\bCOPY\\b|$copy|g; s|\\bRECORD\\b|$record|g; s|\\bPID\\b|$held|g
		s|\\bPROGRAM\\b|true|g; s|\\bFILE\\b|$scratch/spill|g; s|\\bFOLDER\\b|$scratch/spill|g; s|\\bNAME\\b|java|g; s|\\bOTHER\\b|java|g
		s|/dev/shm\\b|$scratch/shm|g; s|/var/tmp\\b|$scratch/spill|g; s|/var/lib/node_exporter/textfile\\b|$scratch/metrics|g
		s|/var/log/|$scratch/log/|g; s|/system.slice/service.service|$scratch/cgroup|
		s|\\([ ='\"]\\)/data\\b|\\1$scratch/data|g; s|\\([ ='\"]\\)/prometheus/|\\1$scratch/prometheus/|g
		s|mapherd top\\(.*\\)|mapherd top\\1 --json -d 1 \\| head -n 1 \\| grep '\"pid\":$held,'|"
}
# A spill file with a page for a file.
new_spill() {
	"$TESTS_BIN/tests/cli/spillmake" "$scratch/spill/mapherd-spill.made.1.x" pid=999999999 "file=$scratch/data/a.db" 2=b0 ||
		fail "spillmake"
}
# attempt LINE: runs it; 1 if it fails, or if a program that it starts has not got the library.
attempt() {
	rm -f "$scratch/spill/"*
	truncate -s 0 "$scratch/data/a.db"
	truncate -s 64K "$scratch/data/a.db"
	new_spill
	command=$(plain "$1")
	got=0
	(cd "$scratch/work" && unset MAPHERD && PATH="$scratch/bin:$PATH" exec timeout 60 sh -c "$command") >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
	case $command in
	*'mapherd doctor'*) [ "$got" -le 1 ] && grep -q '^ok ' "$scratch/out" ;;
	*'mapherd graft'*) [ "$(uname -m)" != x86_64 ] || { [ "$got" = 0 ] && grep -q libmapherd.so "$scratch/work/server.herded"; } ;;
	*'mapherd run -n'*) [ "$got" = 0 ] && grep -q 'LD_PRELOAD=' "$scratch/out" ;;
	*'mapherd run mapherd library --loaded'*) [ "$got" = 0 ] && grep -q herding "$scratch/out" ;;
	*'mapherd run'* | *LD_PRELOAD=*) [ "$got" = 0 ] && grep -q '^with the library' "$scratch/out" && [ ! -s "$scratch/err" ] ;;
	*) [ "$got" = 0 ] ;;
	esac
}
# The block of doc/design.md is a list of folders.
# shellcheck disable=SC2046,SC2086
commands $(echo $pages $manuals | tr ' ' '\n' | grep -vx doc/design.md) >"$scratch/commands"
while IFS="$(printf '\t')" read -r place line; do
	attempt "$line" || {
		sed 's/^/  /' "$scratch/out" "$scratch/err" >&2
		fail "$place: '$line' ended with $got, as '$command'"
	}
done <"$scratch/commands"
count=$(wc -l <"$scratch/commands")
[ "$count" -ge 50 ] || fail "only $count command lines were found in the documents"
say "$count command lines of the documents ran"
for verb in $("$MAPHERD" help | sed -n 's/^  mapherd \([a-z]*\) .*/\1/p'); do
	[ "$verb" = help ] || grep -q "mapherd $verb\b" "$scratch/commands" || fail "no document shows 'mapherd $verb'"
done
for wrong in 'mapherd maps --sort PID' 'mapherd mpas PID' 'mapherd run --preallok=off java' 'mapherd leaks'; do
	attempt "$wrong" && fail "'$wrong' in a document would not be noticed"
done

# In the text, too, `mapherd VERB --FLAG` names what there is.
# spans PAGE...
spans() {
	for page in "$@"; do
		tr '\n' ' ' <"$page" | grep -o '`mapherd [^`]*`' | tr -d '`' | sort -u | while read -r _ verb rest; do
			case $verb in -*) continue ;; esac
			"$MAPHERD" help "$verb" >"$scratch/verb" 2>/dev/null || { echo "$page: there is no 'mapherd $verb'"; continue; }
			[ "$verb" = run ] || for word in $rest; do
				case $word in
				-*) grep -q -e "$(printf '%s' "${word%%=*}" | sed 's/^-*/&/')\b" "$scratch/verb" || echo "$page: mapherd $verb has no $word" ;;
				esac
			done
		done
	done
}
# shellcheck disable=SC2086
check spans $pages
echo '`mapherd maps --sort`' >"$scratch/bad.md"
notices spans "$scratch/bad.md"
echo '`mapherd maps` and `mapherd mend it`' >"$scratch/bad.md"
notices spans "$scratch/bad.md"
release
