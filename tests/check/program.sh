#!/bin/sh
# SPDX-License-Identifier: MIT
# systemd/program keeps what it is given, once, and clears what one that was killed has left.
set -eu
top=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed "s|@programsdir@|$work/kept|; s|@sbindir@|$work/sbin|" "$top/systemd/program.in" >"$work/program"
echo one >"$work/one"
echo two >"$work/two"

fail() {
	echo "$1; there is:"
	find "$work/kept"
	exit 1
}

first=$(sh "$work/program" keep "$work/one")
cmp -s "$work/one" "$first/wsd" || fail "one should have been kept in $first"
true & # its number is nobody's once it was waited for
gone=$!
wait "$gone"
mkdir "$work/kept/.$gone" "$work/kept/.$$"
echo half >"$work/kept/.$gone/wsd"
[ "$(sh "$work/program" keep "$work/one")" = "$first" ] || fail "one is kept already"
second=$(sh "$work/program" keep "$work/two")
[ ! -e "$work/kept/.$gone" ] || fail "what was left should be gone"
[ -d "$work/kept/.$$" ] || fail "what is under way should be left alone"
rmdir "$work/kept/.$$"
cmp -s "$work/two" "$second/wsd" || fail "two should have been kept in $second"
[ "$(find "$work/kept" -type f | wc -l)" = 2 ] || fail "nothing else should be kept"
echo "systemd/program keeps programs and clears what was left"
