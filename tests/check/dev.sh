#!/bin/sh
# SPDX-License-Identifier: MIT
# What contrib/dev installs for `bench`, with programs that stand for Debian's tools: Node from elsewhere is good enough, and
# where there is none to be had the benchmark runs without it.
set -eu
dev=$(cd "$(dirname "$0")/../.." && pwd)/contrib/dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tree/contrib" "$work/tree/loadtest/bench" "$work/bin"
cp "$dev" "$work/tree/contrib/dev"

# stub NAME SCRIPT: a program in the only folder of PATH, or in the tree.
stub() {
	case $1 in */*) at=$work/tree/$1 ;; *) at=$work/bin/$1 ;; esac
	printf '#!/bin/sh\n%s\n' "$2" >"$at"
	chmod +x "$at"
}

for tool in bash sh cat mkdir dirname tr sed id env nproc grep; do
	ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
# everything is installed but Node
# shellcheck disable=SC2016  # the stubs expand it
stub dpkg-query 'case $* in *nodejs* | *npm*) exit 1 ;; *) echo installed ;; esac'
stub make 'exit 0'
stub sudo 'exec "$@"'
stub configure 'exit 0'
mv "$work/bin/configure" "$work/tree/configure"
stub loadtest/bench/run 'echo the benchmark runs'
# shellcheck disable=SC2016
stub apt-get 'case $* in *install*) echo "apt-get: $*"; exit 100 ;; esac'

fail() {
	printf '%s, but contrib/dev bench said:\n%s\n' "$1" "$said"
	exit 1
}

bench() {
	said=$(PATH=$work/bin "$work/tree/contrib/dev" bench 2>&1) || fail "it should have gone on"
	case $said in *'the benchmark runs'*) ;; *) fail "there should be a benchmark" ;; esac
}

bench
case $said in *'going on without'*) ;; *) fail "it should have told what is missing" ;; esac
stub node ''
stub npm ''
bench
case $said in *installing*) fail "nothing should have been installed" ;; esac
echo "contrib/dev bench takes Node from wherever it is"
