#!/bin/sh
# SPDX-License-Identifier: MIT
# What no file should have: marks of unfinished work or of a merge, white space at the end of a line, carriage returns, no
# newline at the end, lines of C with more than 120 columns, C files without a licence line.
#
#	text.sh [TREE]
set -eu
LC_ALL=C
export LC_ALL
cd "${1:-${srcdir:-.}}"
list=${TMPDIR:-/tmp}/text.$$
trap 'rm -f "$list"' EXIT

# What is made during a build lies beside the sources if somebody builds there: only the kinds of file we write.
for place in src tests loadtest doc contrib debian systemd etc m4 .ci README.md NEWS Makefile.am configure.ac; do
	[ ! -e "$place" ] || find "$place" \( -name corpus -o -name 'libtool.m4' -o -name 'lt*.m4' \) -prune -o -type f \( \
		-name '*.[ch]' -o -name '*.def' -o -name '*.inc' -o -name '*.sh' -o -name '*.py' -o -name '*.js' -o \
		-name '*.md' -o -name '*.am' -o -name '*.ac' -o -name '*.m4' -o -name '*.in' -o -name '*.service' -o \
		-name '*.socket' -o -name '*.conf' -o -name '*.env' -o -name NEWS -o -path 'contrib/*' -o -path 'debian/*' \
		-o -path '.ci/*' \) -print
done | grep -vE '/(\.deps|\.libs|__pycache__|\.pytest_cache|node_modules)/' | sort > "$list"
[ -s "$list" ] || { echo "text.sh: no files in $PWD"; exit 1; }

xargs "${AWK:-awk}" -v most=120 '
function say(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

# Columns with tabs of eight; the later bytes of a UTF-8 character take none.
function columns(line,    part, n, i, at) {
	gsub(/[\200-\277]/, "", line)
	n = split(line, part, "\t")
	at = length(part[1])
	for (i = 2; i <= n; i++)
		at = at + 8 - at % 8 + length(part[i])
	return at
}

BEGIN {
	# in pieces, so that this file does not have them
	mark = "(^|[^A-Za-z0-9_])(TO" "DO|FIX" "ME|XX" "X)([^A-Za-z0-9_]|$)"
	merge = "^(<<<<" "<<< |>>>>" ">>> |====" "===$)"
}

FNR == 1 {
	files++
	code = FILENAME ~ /\.[ch]$/
	if (code && $0 !~ /SPDX-License-Identifier: MIT/)
		say("the first line should name the licence")
}

$0 ~ mark { say("a mark of unfinished work") }
$0 ~ merge { say("a mark of a merge") }
/[ \t]$/ { say("white space at the end of the line") }
code && columns($0) > most { say("more than " most " columns") }
/\r$/ { say("a carriage return") }

END {
	if (!bad)
		print files " files"
	exit bad
}
' < "$list" || exit 1

# awk does not tell whether the last line ended.
bad=0
while read -r file; do
	[ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] || { echo "$file: no newline at the end"; bad=1; }
done < "$list"
exit $bad
