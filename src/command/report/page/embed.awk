# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes the page's files into one C source: a list of lines for each file or group of files.
# awk -f embed.awk FILE...: page.html becomes page_html, page.css page_css, all .js together page_js.
function list(name) {
	if (now == name)
		return
	if (now != "")
		print "\tNULL,\n};"
	now = name
	print "\nconst char *const page_" name "[] = {"
}
BEGIN {
	print "/* Made by embed.awk from src/command/report/page: change it there. */"
	print "#include <stddef.h>\n\n#include \"command/report/report.h\""
}
{
	kind = FILENAME
	sub(/.*\./, "", kind)
	list(kind)
	line = $0
	gsub(/\\/, "&&", line)
	gsub(/"/, "\\\"", line)
	gsub(/\?\?/, "?\" \"?", line)
	print "\t\"" line "\","
}
END {
	print "\tNULL,\n};"
}
