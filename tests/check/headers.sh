#!/bin/sh
# SPDX-License-Identifier: MIT
# Each header of src/ compiles alone, twice in a row, and has the guard that its place asks for.
#
#	CHECK_CC="cc -std=gnu11 ..." headers.sh [TREE]
set -eu
cd "${1:-${srcdir:-.}}"
: "${CHECK_CC:?is the compiler with its options}"

bad=0 count=0
for header in $(find src -name '*.h' | sort); do
	name=${header#src/}
	guard=WSD_$(printf %s "$name" | tr 'a-z/.' 'A-Z__')
	count=$((count + 1))
	grep -q "^#ifndef $guard\$" "$header" || { echo "$header: the guard should be $guard"; bad=1; }
	# shellcheck disable=SC2086 # the compiler comes with its options
	printf '#include "%s"\n#include "%s"\nint headers_check;\n' "$name" "$name" |
		$CHECK_CC -Isrc -fsyntax-only -x c - || { echo "$header: does not compile alone"; bad=1; }
done
echo "$count headers"
[ "$count" -gt 0 ] || bad=1
exit $bad
