#!/bin/sh
# SPDX-License-Identifier: MIT
# The modules that includes.sh knows are those of doc/architecture.md's table, where each stands below all that it may
# include, and those that README.md names.
#
#	modules.sh [TREE]
set -eu
LC_ALL=C
export LC_ALL
cd "${1:-${srcdir:-.}}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# same FILE LIST: both have what includes.sh has.
same() {
	for difference in $(sort "$work/known" | comm -23 - "$work/$2" | sed 's/$/:includes.sh/') \
		$(sort "$work/known" | comm -13 - "$work/$2" | sed "s|\$|:$1|"); do
		echo "${difference%:*}: a module of ${difference#*:} alone ($1 and tests/check/includes.sh should have the same)"
		bad=1
	done
}

sed -n "s|^src/\([^:]*\):.*|\1|p" tests/check/includes.sh >"$work/known"
sed -n 's/^| `\([a-z_.]*\)\/*` |.*/\1/p' doc/architecture.md >"$work/table"
sort "$work/table" >"$work/architecture"
same doc/architecture.md architecture
# programs of one file are not folders
sed -n '/^| `src\/` |/p' README.md | tr '`' '\n' | grep -x '[a-z]*' | sort -u >"$work/readme"
sed -i '/\.c$/d' "$work/known"
same README.md readme

sed -n 's|^src/\([^:]*\): *\([^/]*\)/.*|\1 \2|p' tests/check/includes.sh >"$work/edges"
while read -r from may; do
	for to in $may; do
		sed "/^$from\$/q" "$work/table" | grep -qx "$to" && continue
		echo "$from may include $to, which does not stand above it in doc/architecture.md"
		bad=1
	done
done <"$work/edges"
[ $bad != 0 ] || echo "$(wc -l <"$work/table") modules"
exit $bad
