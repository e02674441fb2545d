#!/bin/sh
# SPDX-License-Identifier: MIT
# Which folder may include which: the layers of the code as data. Fails on any other edge, on a library's header outside its
# fence, on a private header used by another folder, and on a source file that has a header and does not start with it.
#
#	includes.sh [TREE]
set -eu
LC_ALL=C
export LC_ALL
cd "${1:-${srcdir:-.}}"

# FOLDER: folders of src/ it may include / libraries' headers (* at the end stands for the rest)
edges='
src/base:     / openssl/crypto.h
src/kept:     base /
src/keeper:   base kept /
src/log:      base / systemd/sd-journal.h
src/sysd:     base / systemd/sd-daemon.h
src/metrics:  base /
src/conf:     base kept /
src/proto:    base /
src/channel:  base / json-c/*
src/broker:   base log metrics channel / uthash.h
src/wsclient: base proto / openssl/*
src/loop:     base log conf metrics / uv.h uthash.h
src/auth:     base conf proto / jwt.h openssl/*
src/wire:     base kept metrics proto loop / uv.h libwebsockets.h
src/client:   base kept log conf metrics proto loop auth wire channel broker / uv.h uthash.h
src/worker:   base kept metrics proto loop wire client channel / uv.h
src/front:    base kept log conf metrics proto loop auth / uv.h uthash.h
src/move:     base kept log proto loop sysd / uv.h
src/admin:    base log conf metrics proto channel broker loop / json-c/* microhttpd.h uthash.h
src/server:   base kept keeper log sysd metrics conf proto loop auth channel broker client worker front move admin / uv.h
src/wsd.c:    base keeper log sysd metrics conf auth server /
src/ctl:      base conf log proto wsclient / systemd/* curl/* json-c/*
src/wsctl.c:  base conf log ctl / curl/*
loadtest:     base proto wsclient / openssl/* curl/* json-c/* uv.h uthash.h
doc:          base conf metrics /
tests:        * / *
'

# What the C library and the kernel bring; "sys/" and the like stand for all below.
libc='assert byteswap complex ctype dirent dlfcn endian err errno error execinfo fcntl fenv float fnmatch ftw getopt glob grp
ifaddrs inttypes iso646 langinfo libgen limits locale malloc math mntent netdb poll pthread pwd regex resolv sched semaphore
setjmp search signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdio_ext stdlib stdnoreturn string strings
syscall sysexits syslog termios tgmath threads time uchar ucontext unistd utime utmp wchar wctype wordexp
sys/ net/ netinet/ arpa/ linux/ asm/'

find src loadtest doc tests -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) 2>/dev/null | sort > "${TMPDIR:-/tmp}/includes.$$"
trap 'rm -f "${TMPDIR:-/tmp}/includes.$$"' EXIT
[ -s "${TMPDIR:-/tmp}/includes.$$" ] || { echo "includes.sh: no sources in $PWD"; exit 1; }

xargs "${AWK:-awk}" -v edges="$edges" -v libc="$libc" '
function say(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

function folder_of(file,    part, n) {
	n = split(file, part, "/")
	if (part[1] != "src")
		return part[1]
	return part[1] "/" part[2]
}

# Does the list of words have this one, or its beginning followed by a star?
function listed(list, word,    item, n, i, head) {
	n = split(list, item, " ")
	for (i = 1; i <= n; i++) {
		if (item[i] == word)
			return 1
		head = substr(item[i], 1, length(item[i]) - 1)
		if (substr(item[i], length(item[i])) == "*" && substr(word, 1, length(head)) == head)
			return 1
	}
	return 0
}

function check_library(header,    stem) {
	stem = header
	sub(/\.h$/, "", stem)
	if (stem in system_header)
		return
	if (index(stem, "/") && (substr(stem, 1, index(stem, "/")) in system_header))
		return
	if (!listed(libraries[from], header))
		say("<" header "> is not for " from)
}

function check_ours(header,    to, private) {
	if (header == "config.h" || from == "tests")
		return
	to = header
	if (!sub(/\/[^\/]*$/, "", to)) {
		say("\"" header "\" should be written with its folder")
		return
	}
	if (to == own)
		return
	if (header ~ /_priv\.h$/)
		say("\"" header "\" is private to " to)
	else if (!listed(folders[from], to))
		say("\"" header "\": " from " may not include " to)
}

BEGIN {
	for (i = 1; i < ARGC; i++)
		files[ARGV[i]] = 1
	n = split(libc, word, /[ \n]+/)
	for (i = 1; i <= n; i++)
		system_header[word[i]] = 1
	n = split(edges, line, "\n")
	for (i = 1; i <= n; i++) {
		if (line[i] == "")
			continue
		name = substr(line[i], 1, index(line[i], ":") - 1)
		rest = substr(line[i], index(line[i], ":") + 1)
		folders[name] = substr(rest, 1, match(rest, / \/( |$)/) - 1)
		libraries[name] = substr(rest, RSTART + 2)
		known[name] = 1
	}
}

FNR == 1 {
	from = folder_of(FILENAME)
	own = from
	sub(/^src\//, "", own)
	first = 1
	twin = FILENAME
	if (twin !~ /^src\// || !sub(/\.c$/, ".h", twin))
		twin = ""
	if (!(from in known))
		say(from " is not in the list of folders")
}

/^[ \t]*#[ \t]*include[ \t]/ {
	count++
	rest = $0
	sub(/^[ \t]*#[ \t]*include[ \t]*/, "", rest)
	quote = substr(rest, 1, 1)
	header = substr(rest, 2)
	sub(/[">].*$/, "", header)
	if (first && (twin in files) && "src/" header != twin && header != own "/" own "_priv.h")
		say("the first header should be its own, " substr(twin, 5))
	first = 0
	if (quote == "<")
		check_library(header)
	else
		check_ours(header)
}

END {
	if (!bad)
		print count " includes, all allowed"
	exit bad
}
' < "${TMPDIR:-/tmp}/includes.$$"
