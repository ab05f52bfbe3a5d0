#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The house rules (doc/design.md, section 2), by what is in the files: includes, names and
# imports. Each rule is then broken in a copy, to see that it would be noticed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
tree=$(cd "$TESTS_SRC/.." && pwd)

# Every rule prints what breaks it, and nothing where all is well. They are given a source tree.

# The rooms, lowest first. A room knows itself, what is below it, and the public headers; the five capabilities
# and the sites stand side by side and do not know each other; entry knows all. The command is a program of its own.
lower="common kernel tell unwind space"
capabilities="herd limit disk sync trace sites"
includes_go_down() {
	(
		cd "$1/src"
		known=mapherd
		for room in $lower; do
			known="$known|$room"
			grep -n '#include "[a-z]*/' -r $room | grep -v -E "\"($known)/"
		done
		for room in $capabilities; do
			grep -n '#include "[a-z]*/' -r $room | grep -v -E "\"($known|$room)/"
		done
		known="$known|$(echo $capabilities | tr ' ' '|')"
		grep -n '#include "[a-z]*/' -r entry | grep -v -E "\"($known|entry)/"
		grep -n '#include "[a-z]*/' -r command | grep -v -E "\"($known|command)/"
		grep -n '"command/' -r command/lib | grep -v '"command/lib/'
		grep -n '"command/' -r command/host | grep -v -E '"command/(lib|host)/'
		grep -n '"command/' -r command/watch | grep -v -E '"command/(lib|watch)/'
		grep -n '"command/' -r command/disk | grep -v -E '"command/(lib|watch|disk)/'
		grep -n '"command/' -r command/leaks | grep -v -E '"command/(lib|watch|leaks)/'
		grep -n '"command/' -r command/report | grep -v -E '"command/(lib|watch|leaks|report)/'
	) || true
}

# A file and its header know no file that knows them, however many lie between. tsort(1) names the loops.
no_circles() {
	(
		cd "$1/src"
		grep -r '^#include "[a-z]*/' . --include='*.[ch]' |
			sed -n 's#^\./\(.*\)\.[ch]:\#include "\(.*\)\.h"#\1 \2#p' | awk '$1 != $2' | sort -u | tsort 2>&1 >/dev/null
	) || true
}

# sys.c alone talks to the kernel, and alone knows how. The command is an ordinary program.
one_door_to_the_kernel() {
	(
		cd "$1/src"
		grep -n 'rawcall' -r . --include='*.[ch]' | grep -v -E '^\./kernel/(sys\.c|rawcall\.h|apart\.h):'
		grep -n -E '\bsyscall *\(|__asm__ +volatile|<sys/syscall\.h>' -r $lower $capabilities entry |
			grep -v -E '^(kernel/(sys\.c|rawcall\.h|apart\.h)|entry/direct\.c):' # which is libc's syscall to the program
	) || true
}

# hooks.c, opens.c and buffers.c alone define libc's names, by hook.h.
few_files_name_libc() {
	(cd "$1/src" && grep -n -E 'hooks\.def"|entry/hook\.h"|__asm__\("[a-z_]' -r . --include='*.[ch]' |
		grep -v -E '^\./(entry/(hook\.h|hooks\.c|opens\.c|buffers\.c)|kernel/(apart\.h|rawcall\.h|aside\.c)|unwind/frame\.h):') || true
}

# Each line of the log has as many values as its event has names, and each event has a line.
events_have_their_lines() {
	python3 - "$1/src" <<-'END'
		import pathlib, re, sys
		src = pathlib.Path(sys.argv[1])
		table = (src / "tell/events.def").read_text()
		names = {name: len(fields.split()) for name, fields in
		         re.findall(r'^EVENT\((\w+), \w+, \w+, "([^"]*)"', table, re.M)}
		used = set()
		for path in src.rglob("*.c"):
		    text = path.read_text()
		    used.update(re.findall(r'\bEVENT_(\w+)', text))
		    for event, strings in re.findall(r'log_line\w*\([^;]*?EVENT_(\w+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', text):
		        values = len(re.findall(r'%[lz]?[a-z]', strings.replace("%%", "")))
		        if values != names.get(event):
		            print(f"{path.name}: {event} has {values} values, and {names.get(event)} names")
		for event in sorted(set(names) - used):
		    print(f"{event} has no line")
		if len(names) < 20:
		    print("the table was not read")
	END
}

# What .clang-format says. Each major version of clang-format puts some lines in another way: this one
# is Debian 12's.
formatter=14
can_format() { clang-format --version 2>/dev/null | grep -q "version $formatter\."; }
is_formatted() {
	(cd "$1" && find src include tests examples -name '*.[ch]' -exec clang-format --style=file --dry-run {} + 2>&1 |
		grep 'code should be clang-formatted') || true
}

# clang-format breaks no comment. A line with a text may be longer: it can be searched for.
lines_fit() {
	find "$1/src" "$1/include" -name '*.[ch]' -exec awk 'length($0) > 100 && !/"/ { print FILENAME ":" FNR }' {} +
}

# Each source file says whose it is, and under what license. page.c is generated.
are_licensed() {
	for line in 'SPDX-FileCopyrightText: [0-9]\{4\} ' 'SPDX-License-Identifier: Apache-2\.0'; do
		find "$1/src" "$1/include" "$1/tests" "$1/examples" "$1/packaging" "$1/doc" -type f ! -path '*/report/page.c' \
			\( -name '*.[ch1357]' -o -name '*.def' -o -name '*.java' -o -name '*.js' -o -name '*.css' -o -name '*.html' \
			-o -name '*.sh' -o -name '*.go' -o -name '*.py' -o -name '*.rb' -o -name '*.php' -o -name '*.am' -o -name '*.awk' -o -name '*.zsh' \
			-o -name '*.yml' -o -name '*.yaml' -o -name '*.spec' -o -path '*/completion/*' \) -exec grep -L "$line" {} + 2>/dev/null
	done || true
}

# ---- the built library ----

names_in_table() {
	sed -n 's/^HOOK(\([A-Za-z0-9_]*\),.*/\1/p' "$1/src/entry/hooks.def"
	printf 'mapherd_status\nmapherd_status_block\n'
}

exports_are_the_table() {
	names_in_table "$1" | sort >"$scratch/table"
	nm -D --defined-only "$2" | awk '{ print $3 }' | sort >"$scratch/exported"
	diff "$scratch/table" "$scratch/exported" || true
}

# What is not imported cannot be called: nothing here allocates, prints, or reads the locale. Each name that is
# imported is one of common/libc.h, and weak: a program whose libc does not have it starts all the same.
imports_are_few() {
	sed -n 's/^#pragma weak \([A-Za-z0-9_]*\)$/w \1/p' "$1/src/common/libc.h" | sort >"$scratch/table"
	nm -D --undefined-only "$2" | awk '{ print tolower($1), $2 }' | sort >"$scratch/imported"
	diff "$scratch/table" "$scratch/imported" || true
}

# No other library, and no version of a symbol: the same file is for every libc.
needs_no_library() {
	readelf -d "$1" | grep -E '\((NEEDED|RPATH|RUNPATH|VERNEED)\)' || true
	readelf -V "$1" | grep -E '^ +(0x)?[0-9a-f]+:.*(Version|Name):' || true
}

# The program's libc has addresses in it: of the handlers of a fork, and of redirected sites.
stays_loaded() {
	readelf -d "$1" | grep -q NODELETE || echo "dlclose unloads it"
}

# What src/entry/placed.c knows to relocate, where there is no loader.
loads_itself() {
	[ "$(uname -m)" = x86_64 ] || return 0
	readelf -rW "$1" | awk '/R_X86_64_/ { print $3 }' | grep -v -x -E 'R_X86_64_(RELATIVE|64|GLOB_DAT|JUMP_SLOT?|TPOFF64)' | sort -u || true
	[ "$(readelf -hW "$1" | sed -n 's/.*Entry point address: *//p')" != 0x0 ] || echo "it has no entry"
}

own_maps() {
	LD_PRELOAD=$1 grep -q libmapherd.so /proc/self/maps || echo "the library is not in it"
	with=$(LD_PRELOAD=$1 grep -c "" /proc/self/maps)
	without=$(grep -c "" /proc/self/maps)
	[ $((with - without)) -le 8 ] || echo "$((with - without)) maps more than without it"
}

holds() {
	broken=$("$@")
	[ -z "$broken" ] || fail "$1: $broken"
}
holds includes_go_down "$tree"
holds no_circles "$tree"
holds one_door_to_the_kernel "$tree"
holds few_files_name_libc "$tree"
if command -v python3 >/dev/null; then
	holds events_have_their_lines "$tree"
else
	say "not shown here: that log lines have the values of their events: needs python3"
fi
holds lines_fit "$tree"
holds are_licensed "$tree"
if can_format; then
	holds is_formatted "$tree"
else
	say "not shown here: the form of C files: needs clang-format $formatter"
fi
holds exports_are_the_table "$tree" "$MAPHERD_LIB"
holds imports_are_few "$tree" "$MAPHERD_LIB"
holds loads_itself "$MAPHERD_LIB"
holds needs_no_library "$MAPHERD_LIB"
holds stays_loaded "$MAPHERD_LIB"
holds own_maps "$MAPHERD_LIB"

# ---- each rule can be broken ----

# violate RULE FILE LINE: with that line in that file, the rule speaks.
violate() {
	mkdir -p "$scratch/copy/src" "$scratch/copy/include"
	cp -R "$tree/src/." "$scratch/copy/src/"
	cp "$tree/.clang-format" "$scratch/copy/"
	chmod -R u+w "$scratch/copy"
	printf '%s\n' "$3" >>"$scratch/copy/$2"
	[ -n "$("$1" "$scratch/copy")" ] || fail "$1 does not notice '$3' in $2"
	rm -rf "$scratch/copy"
}
violate includes_go_down src/common/fmt.c '#include "kernel/sys.h"'
violate includes_go_down src/kernel/procmaps.c '#include "space/model.h"'
violate includes_go_down src/space/count.c '#include "herd/placement.h"'
violate includes_go_down src/herd/placement.c '#include "disk/spill.h"'
violate includes_go_down src/herd/placement.c '#include "entry/engine.h"'
violate includes_go_down src/sites/site.c '#include "herd/placement.h"'
violate includes_go_down src/entry/engine.c '#include "command/lib/print.h"'
violate includes_go_down src/command/main.c '#include "entry/engine.h"'
violate includes_go_down src/command/lib/print.c '#include "command/watch/target.h"'
violate includes_go_down src/command/leaks/live.c '#include "command/report/space.h"'
violate no_circles src/space/tree.h '#include "space/windows.h"'
violate one_door_to_the_kernel src/space/count.c '#include "kernel/rawcall.h"'
violate one_door_to_the_kernel src/entry/engine.c 'long x(void) { return syscall(1); }'
violate lines_fit src/common/fmt.c "/* $(printf '%0100d' 0) */"
violate are_licensed src/common/none.h 'int x;'
! can_format || violate is_formatted src/common/fmt.c 'int  x;'
if command -v python3 >/dev/null; then
	violate events_have_their_lines src/space/count.c 'void x(void) { log_line(EVENT_maps, "%ld of %ld", 1L, 2L); }'
	violate events_have_their_lines src/tell/events.def 'EVENT(never, INFO, NOTHING, "", "")'
fi
violate few_files_name_libc src/entry/life.c 'int my_mmap(void) __asm__("mmap");'
violate few_files_name_libc src/entry/life.c '#include "entry/hook.h"'

# A library that exports, imports and needs what it must not.
# shellcheck disable=SC2086 # it may be several words
${CC:-cc} -shared -fPIC -o "$scratch/bad.so" -x c - -Wl,--no-as-needed -lm <<'END'
#include <stdio.h>
#include <stdlib.h>
void *mapherd_extra(void) { puts("x"); return malloc(1); }
END
[ -n "$(imports_are_few "$tree" "$scratch/bad.so")" ] || fail "imports are not compared"
for what in NEEDED 'Name: GLIBC'; do
	needs_no_library "$scratch/bad.so" | grep -q "$what" || fail "'$what' is not noticed in a bad library"
done
[ -n "$(exports_are_the_table "$tree" "$scratch/bad.so")" ] || fail "exports are not compared"
[ -n "$(stays_loaded "$scratch/bad.so")" ] || fail "stays_loaded does not notice a library that goes"
[ "$(uname -m)" != x86_64 ] || [ -n "$(loads_itself "$scratch/bad.so")" ] || fail "loads_itself does not notice a library without an entry"
[ -n "$(own_maps /nowhere.so 2>/dev/null)" ] || fail "own_maps does not notice a missing library"

say "$(names_in_table "$tree" | wc -l) exported names, $(nm -D --undefined-only "$MAPHERD_LIB" | wc -l) imported"
