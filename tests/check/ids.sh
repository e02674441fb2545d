#!/bin/sh
# SPDX-License-Identifier: MIT
# What must be unique: the magic word of each kind of object, each MESSAGE_ID, each number of an error code.
#
#	ids.sh [TREE]
set -eu
cd "${1:-${srcdir:-.}}"
bad=0

# repeated WHAT: fails if the lines "VALUE NAME" hold a value twice, or if there are none.
repeated() {
	sort | "${AWK:-awk}" -v what="$1" '
	$1 == last { printf "%s %s is that of %s and of %s\n", what, $1, name, $2; bad = 1 }
	{ last = $1; name = $2; n++ }
	END { if (!bad) print n + 0, what "s, all different"; exit bad || !n }' || bad=1
}

find src loadtest -name '*.[ch]' -exec sed -n 's/^#define[ \t]*\([A-Z0-9_]*MAGIC\)[ \t]*\(0x[0-9a-fA-F]*\).*/\2 \1/p' {} + 2>/dev/null |
	tr A-F a-f > "${TMPDIR:-/tmp}/ids.$$"
trap 'rm -f "${TMPDIR:-/tmp}/ids.$$"' EXIT
[ ! -s "${TMPDIR:-/tmp}/ids.$$" ] || repeated "magic word" < "${TMPDIR:-/tmp}/ids.$$"

sed -n 's/^#define[ \t]*\(LOG_ID_[A-Z0-9_]*\)[ \t]*"\([^"]*\)".*/\2 \1/p' src/log/message_ids.h > "${TMPDIR:-/tmp}/ids.$$"
repeated "message id" < "${TMPDIR:-/tmp}/ids.$$"
if grep -vE '^[0-9a-f]{32} ' "${TMPDIR:-/tmp}/ids.$$"; then
	echo "a message id is 32 lower-case hex digits"
	bad=1
fi

sed -n 's/^\tX(\(WSD_E_[A-Z0-9_]*\), *\(-[0-9]*\),.*/\2 \1/p' src/base/err.h > "${TMPDIR:-/tmp}/ids.$$"
repeated "error code" < "${TMPDIR:-/tmp}/ids.$$"
exit $bad
