#!/bin/sh
# SPDX-License-Identifier: MIT
# The files of the web client as a C source with a table of them (page.h), on standard output.
#
#	embed.sh embed.sed FILE...
set -eu
LC_ALL=C
export LC_ALL
tool=$1
shift

echo '/* Made of the files of src/admin/page by the build. */'
echo '#include "admin/page.h"'
n=0
for file; do
	n=$((n + 1))
	echo "static const char file_${n}[] ="
	"${SED:-sed}" -f "$tool" "$file"
	echo ';'
done

echo 'const struct page_file page_files[] = {'
n=0
for file; do
	n=$((n + 1))
	case $file in
	*.html) type='text/html; charset=utf-8' ;;
	*.css) type='text/css; charset=utf-8' ;;
	*.js) type='text/javascript; charset=utf-8' ;;
	*.svg) type='image/svg+xml' ;;
	*) echo "embed.sh: of what type is $file?" >&2; exit 1 ;;
	esac
	tag=$(sha256sum "$file" | cut -c 1-16)
	echo "	{ \"${file##*/}\", \"$type\", \"\\\"$tag\\\"\", file_$n, sizeof(file_$n) - 1 },"
done
echo '	{ .name = 0 },'
echo '};'
