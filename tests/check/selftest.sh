#!/bin/sh
# SPDX-License-Identifier: MIT
# The checks of this folder find what they are there to find: each one runs on a small tree with one fault in it.
set -eu
checks=$(cd "${srcdir:-.}" && pwd)/tests/check
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
bad=0 tried=0

# A tree without faults.
fresh() {
	rm -rf "${top:?}/tree"
	mkdir -p "$top/tree/src/base" "$top/tree/src/conf" "$top/tree/src/log" "$top/tree/src/worker" "$top/tree/src/front"
	cd "$top/tree"
	lic='/* SPDX-License-Identifier: MIT */'
	printf '%s\n#ifndef WSD_BASE_ERR_H\n#define WSD_BASE_ERR_H\n#define WSD_ERRORS(X) \\\n\tX(WSD_E_A, -1001, "a") \\\n\tX(WSD_E_B, -1002, "b")\n#endif\n' \
		"$lic" > src/base/err.h
	printf '%s\n#ifndef WSD_LOG_MESSAGE_IDS_H\n#define WSD_LOG_MESSAGE_IDS_H\n#define LOG_ID_A "%032x"\n#define LOG_ID_B "%032x"\n#endif\n' \
		"$lic" 1 2 > src/log/message_ids.h
	printf '%s\n#ifndef WSD_WORKER_CONN_H\n#define WSD_WORKER_CONN_H\n#define CONN_MAGIC 0x01u\n#endif\n' \
		"$lic" > src/worker/conn.h
	printf '%s\n#include "worker/conn.h"\n\n#include <stdio.h>\n\n#include <uv.h>\n\n#include "base/err.h"\n' \
		"$lic" > src/worker/conn.c
	for name in conf_priv conf; do
		guard=WSD_CONF_$(echo $name | tr a-z A-Z)_H
		printf '%s\n#ifndef %s\n#define %s\n#endif\n' "$lic" "$guard" "$guard" > src/conf/$name.h
	done
}

good() {
	fresh
	"$@" . > "$top/out" 2>&1 || { echo "$* fails on a tree without faults:"; cat "$top/out"; bad=1; }
	tried=$((tried + 1))
}

# finds "WHAT IT SAYS" CHECK: on the tree as it is now.
finds() {
	if "$2" . > "$top/out" 2>&1 || ! grep -qF "$1" "$top/out"; then
		echo "${2##*/} does not say \"$1\", but:"
		cat "$top/out"
		bad=1
	fi
	tried=$((tried + 1))
	fresh
}

good "$checks/includes.sh"
echo '#include "front/front.h"' >> src/worker/conn.c
finds 'src/worker may not include front' "$checks/includes.sh"
echo '#include <libwebsockets.h>' > src/front/front.c
finds '<libwebsockets.h> is not for src/front' "$checks/includes.sh"
echo '#  include <zlib.h>' >> src/worker/conn.c
finds '<zlib.h> is not for src/worker' "$checks/includes.sh"
echo '#include <libwebsockets.h>' >> src/worker/conn.c
finds '<libwebsockets.h> is not for src/worker' "$checks/includes.sh"
echo '#include "conf/conf_priv.h"' >> src/worker/conn.c
finds 'is private to conf' "$checks/includes.sh"
echo '#include "conf/conf.h"' >> src/base/err.h
finds 'src/base may not include conf' "$checks/includes.sh"
mkdir src/misc && echo '#include <stdio.h>' > src/misc/misc.c
finds 'src/misc is not in the list' "$checks/includes.sh"
echo '#include <stdio.h>' > src/conf/conf.c
finds 'the first header should be its own, conf/conf.h' "$checks/includes.sh"
echo '#include "conn.h"' >> src/worker/conn.c
finds 'should be written with its folder' "$checks/includes.sh"
rm -r src
finds 'no sources' "$checks/includes.sh"

good "$checks/ids.sh"
echo '#define BASE_MAGIC 0x01u' >> src/base/err.h
finds 'magic word 0x01 is that of' "$checks/ids.sh"
sed -i 's/-1002/-1001/' src/base/err.h
finds 'error code -1001 is that of' "$checks/ids.sh"
sed -i 's/2"/1"/' src/log/message_ids.h
finds 'message id 00000000000000000000000000000001 is that of' "$checks/ids.sh"
sed -i 's/2"/x"/' src/log/message_ids.h
finds '32 lower-case hex digits' "$checks/ids.sh"

one=$(printf %032x 1) two=$(printf %032x 2)
explained() {
	fresh
	mkdir systemd doc
	printf -- '-- %s\nSubject: a\nDefined-By: wsd\n\n@WS_INSTANCE@\n' "$one" "$two" > systemd/wsd.catalog
	printf '.TP\n.B WS_INSTANCE\n.B %s\n.B %s\n' "$one" "$two" > doc/wsd.fields.7
	"$checks/catalog.sh" . > "$top/out" 2>&1 || { echo "catalog.sh fails on a tree without faults:"; cat "$top/out"; bad=1; }
}
explained
sed -i "/$two/,\$d" systemd/wsd.catalog
finds "message id only in sources: $two" "$checks/catalog.sh"
explained
sed -i "/$one/d" doc/wsd.fields.7
finds "message id only in sources: $one" "$checks/catalog.sh"
explained
echo 'LOG_NUMBER("WS_NEW", 1)' >> src/worker/conn.c
finds 'field only in fields: WS_NEW' "$checks/catalog.sh"
explained
echo '@WS_NEVER@' >> systemd/wsd.catalog
finds 'field of the catalog that no line has: WS_NEVER' "$checks/catalog.sh"
explained
sed -i '/^Subject/d' systemd/wsd.catalog
finds 'without Subject' "$checks/catalog.sh"

# A field that is a number, one that is not, and where they go.
shipped() {
	fresh
	mkdir doc contrib contrib/elk
	printf '.B WS_LOST\n.B WS_INSTANCE\n' > doc/wsd.fields.7
	printf '"WS_LOST": { "type": "long" },\n"WS_INSTANCE": { "type": "keyword" }\n' > contrib/elk/component-template.json
	echo 'set $!WS_LOST = cnum($!WS_LOST);' > contrib/elk/elasticsearch.conf
}
shipped
"$checks/elk.sh" . > "$top/out" 2>&1 || { echo "elk.sh fails on a tree without faults:"; cat "$top/out"; bad=1; }
tried=$((tried + 1))
echo '.B WS_NEW' >> doc/wsd.fields.7
finds 'no type in contrib/elk/component-template.json: WS_NEW' "$checks/elk.sh"
shipped
echo 'set $!PRIORITY = cnum($!PRIORITY);' > contrib/elk/elasticsearch.conf
finds "a number, but elasticsearch.conf doesn't make it one: WS_LOST" "$checks/elk.sh"

described() {
	fresh
	mkdir -p doc tests/check
	printf 'src/base: /\nsrc/log: base /\nsrc/wsd.c: base log /\n' > tests/check/includes.sh
	printf '| `base/` | a | any |\n| `log/` | b | any |\n| `wsd.c` | c | main |\n' > doc/architecture.md
	echo '| `src/` | `base` and `log` |' > README.md
}
described
"$checks/modules.sh" . > "$top/out" 2>&1 || { echo "modules.sh fails on a tree without faults:"; cat "$top/out"; bad=1; }
tried=$((tried + 1))
echo 'src/new: base /' >> tests/check/includes.sh
finds 'new: a module of includes.sh alone (doc/architecture.md and' "$checks/modules.sh"
described
echo '| `new/` | d | any |' >> doc/architecture.md
finds 'new: a module of doc/architecture.md alone' "$checks/modules.sh"
described
sed -i 's/ and `log`//' README.md
finds 'log: a module of includes.sh alone (README.md and' "$checks/modules.sh"
described
sed -i 's/^src\/base: /&log /' tests/check/includes.sh
finds 'base may include log, which does not stand above it' "$checks/modules.sh"

good "$checks/text.sh"
echo 'int x; ' >> src/worker/conn.c
finds 'src/worker/conn.c:9: white space' "$checks/text.sh"
printf 'int x;\r\n' >> src/worker/conn.c
finds 'a carriage return' "$checks/text.sh"
printf 'int x;' >> src/worker/conn.c
finds 'no newline at the end' "$checks/text.sh"
echo "/* TO""DO */" >> src/worker/conn.c
finds 'a mark of unfinished work' "$checks/text.sh"
echo ">>>>"">>> theirs" >> src/worker/conn.c
finds 'a mark of a merge' "$checks/text.sh"
printf '\t%0113d\n' 0 >> src/worker/conn.c
finds 'more than 120 columns' "$checks/text.sh"
echo 'int x;' > src/worker/conn.c
finds 'should name the licence' "$checks/text.sh"

if command -v clang-format-14 >/dev/null; then
	cp "$checks/../../.clang-format" "$top"
	mkdir "$top/tests" "$top/loadtest" "$top/doc"
	good "$checks/format.sh"
	echo 'int  x;' >> src/worker/conn.c
	finds 'should be clang-formatted' "$checks/format.sh"
fi

if [ -n "${CHECK_CC:-}" ]; then
	good "$checks/headers.sh"
	echo 'size_t conf_n(void);' >> src/conf/conf.h
	finds 'src/conf/conf.h: does not compile alone' "$checks/headers.sh"
	sed -i s/WSD_CONF_CONF_H/CONF_H/ src/conf/conf.h
	finds 'the guard should be WSD_CONF_CONF_H' "$checks/headers.sh"
fi
echo "$tried trees"
exit $bad
