#!/bin/sh
# SPDX-License-Identifier: MIT
# The layout of all C code is what clang-format makes of it (.clang-format). Versions differ in details, so that one is
# asked: Debian 12's.
set -eu
cd "${1:-${srcdir:-.}}"
version=14
format=$(command -v clang-format-$version) || {
	echo "clang-format-$version is not installed"
	exit 77
}
files=$(find . -name build\* -prune -o -name _build -prune -o -name '*.[ch]' -print | sort) # _build: make distcheck's
[ -n "$files" ] || { echo "format.sh: no files in $PWD"; exit 1; }
# shellcheck disable=SC2086  # a list
if ! "$format" --dry-run --Werror $files 2>&1; then
	echo "to lay it out: clang-format-$version -i \$(git ls-files '*.[ch]')"
	exit 1
fi
