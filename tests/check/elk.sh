#!/bin/sh
# SPDX-License-Identifier: MIT
# Each field of wsd.fields(7) has a type in the index template of contrib/elk, and each one that is a number there is made one
# on the way.
#
#	elk.sh [TREE]
set -eu
LC_ALL=C
export LC_ALL
cd "${1:-${srcdir:-.}}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

missing() {
	comm -23 "$work/$1" "$work/$2" >"$work/missing"
	[ ! -s "$work/missing" ] || { sed "s|^|$3: |" "$work/missing"; bad=1; }
}

sed -n 's/^\.B \(WS_[A-Z_]*\)$/\1/p' doc/wsd.fields.7 | sort -u >"$work/documented"
sed -n 's/^ *"\([@A-Z_a-z]*\)": { "type": "\([a-z]*\)".*/\1 \2/p' contrib/elk/component-template.json >"$work/types"
cut -d' ' -f1 "$work/types" | sort -u >"$work/typed"
sed -n 's/ \(byte\|integer\|long\)$//p' "$work/types" | sort -u >"$work/numbers"
sed -n 's/.*set \$!\([A-Z_]*\) = cnum(\$!\([A-Z_]*\));.*/\1 \2/p' contrib/elk/elasticsearch.conf >"$work/sets"
awk '$1 == $2 { print $1 }' "$work/sets" | sort -u >"$work/made"
[ -s "$work/documented" ] && [ -s "$work/numbers" ] || { echo "elk.sh: no fields found"; exit 1; }
missing documented typed "no type in contrib/elk/component-template.json"
missing numbers made "a number, but elasticsearch.conf doesn't make it one"
missing made numbers "made a number, but no number in the template"
[ $bad != 0 ] || echo "$(wc -l <"$work/documented") fields, $(wc -l <"$work/numbers") numbers"
exit $bad
