#!/bin/sh
# SPDX-License-Identifier: MIT
# Each MESSAGE_ID has an entry in the message catalog and a line in wsd.fields(7), and no other has; each journal field that
# the sources write is in wsd.fields(7), and the catalog uses no other.
#
#	catalog.sh [TREE]
set -eu
LC_ALL=C
export LC_ALL
cd "${1:-${srcdir:-.}}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
man=doc/wsd.fields.7
bad=0

# same WHAT A B: fails if the two lists differ.
same() {
	diff "$work/$2" "$work/$3" >"$work/diff" && return
	sed -n "s|^< |$1 only in $2: |p; s|^> |$1 only in $3: |p" "$work/diff"
	bad=1
}

sed -n 's/^#define[ \t]*LOG_ID_[A-Z0-9_]*[ \t]*"\([^"]*\)".*/\1/p' src/log/message_ids.h | sort >"$work/sources"
sed -n 's/^-- \([0-9a-f]*\)$/\1/p' systemd/wsd.catalog | sort >"$work/catalog"
sed -n 's/^\.B \([0-9a-f]\{32\}\)$/\1/p' "$man" | sort >"$work/manual"
[ -s "$work/sources" ] || { echo "catalog.sh: no message ids found"; exit 1; }
same "message id" sources catalog
same "message id" sources manual

grep -rhoE 'LOG_(TEXT|NUMBER)\("WS_[A-Z_]*"' src | sed 's/.*"\(.*\)"/\1/' | sort -u >"$work/fields"
echo WS_INSTANCE | sort -u - "$work/fields" -o "$work/fields"
sed -n 's/^\.B \(WS_[A-Z_]*\)$/\1/p' "$man" | sort -u >"$work/described"
same "field" fields described
grep -oE '@WS_[A-Z_]*@' systemd/wsd.catalog | tr -d @ | sort -u >"$work/used"
comm -23 "$work/used" "$work/described" | sed 's/^/field of the catalog that no line has: /' >"$work/unknown"
[ ! -s "$work/unknown" ] || { cat "$work/unknown"; bad=1; }

# a subject and a program that says it, as catalog entries need
awk '/^-- / { id = $2; n++ } /^Subject: ./ { subject[id] = 1 } /^Defined-By: wsd$/ { by[id] = 1; entries++ }
	END { exit !(n == entries && length(subject) == n) }' systemd/wsd.catalog || { echo "an entry without Subject or Defined-By"; bad=1; }
[ $bad != 0 ] || echo "$(wc -l <"$work/sources") messages, $(wc -l <"$work/fields") fields"
exit $bad
