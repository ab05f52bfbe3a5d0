# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The record of a program and what the command says of it. Sourced by leaks.sh and leaks-java.sh,
# after tests/lib.sh.
# shellcheck shell=sh disable=SC2154
: "${scratch:?comes from tests/lib.sh}"
command -v python3 >/dev/null || skip "no python3, which reads the JSON"

# env $recording COMMAND: its mappings are recorded. Words without blanks.
recording="LD_PRELOAD=$MAPHERD_LIB MAPHERD_LEAKS=on MAPHERD_DIR=$scratch/records"
no_records() {
	rm -rf "$scratch/records"
	mkdir "$scratch/records"
}

# recorded COMMAND...: the same, and its record is the one that told reads.
recorded() {
	no_records
	# shellcheck disable=SC2086
	env $recording "$@"
}

# told ARGUMENT...: mapherd leaks of the record, in $scratch/told.
told() {
	set -- "$@" "$scratch/records"/*.record
	"$MAPHERD" leaks "$@" >"$scratch/told" || fail "mapherd leaks says nothing of $(ls "$scratch/records")"
}

# expect CONDITION: of head, the first object, and groups, the rest.
expect() {
	python3 - "$scratch/told" "$1" <<-'PYTHON' || fail "not so: $1: $(head -c 3000 "$scratch/told")"
		import json, sys
		objects = [json.loads(line) for line in open(sys.argv[1])]
		head, groups = objects[0], [o for o in objects[1:] if o["type"] == "group"]
		sys.exit(not eval(sys.argv[2]))
	PYTHON
}
