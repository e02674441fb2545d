/* SPDX-License-Identifier: MIT */
#include "loadtest/request.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct text {
	char *at;
	size_t len, room;
	bool full;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at + t->len, t->room - t->len, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->room - t->len)
		t->full = true;
	else
		t->len += (size_t)n;
}

/* The value of the first --header of that name; NULL: there is none. */
static const char *
given(const struct options *o, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < o->n_headers; i++) {
		const char *line = o->headers[i];

		if (strncasecmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return NULL;
}

void
request_key(char key[HANDSHAKE_KEY_LEN + 1], char accept[WS_ACCEPT_LEN + 1], const struct options *o,
	    const uint8_t nonce[16])
{
	const char *own = given(o, "Sec-WebSocket-Key");

	ws_key(key, nonce);
	ws_accept(accept, own ? own : key);
}

static void
put_path(struct text *t, const struct options *o, const struct url *url, uint64_t n, const char *session)
{
	const char *template = o->path ? o->path : url->path[0] ? url->path : "/ws/chat/load-{n}";
	char path[URL_PATH_MAX];

	if (url_expand(path, sizeof(path), template, n, o->run) < 0) {
		t->full = true;
		return;
	}
	put(t, "%s", path);
	if (session)
		put(t, "%csession=%s", strchr(path, '?') ? '&' : '?', session);
}

size_t
request_write(char *out, size_t room, const struct options *o, const struct url *url, uint64_t n, const char *key,
	      const char *session)
{
	const struct {
		const char *name, *value;
	} ours[] = {
		{ "Host", url->authority },        { "Upgrade", "websocket" },
		{ "Connection", "Upgrade" },       { "Sec-WebSocket-Key", key },
		{ "Sec-WebSocket-Version", "13" }, { "Sec-WebSocket-Protocol", o->subprotocol },
	};
	struct text t = { .at = out, .room = room };

	put(&t, "GET ");
	put_path(&t, o, url, n, session);
	put(&t, " HTTP/1.1\r\n");
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (ours[i].value && !given(o, ours[i].name))
			put(&t, "%s: %s\r\n", ours[i].name, ours[i].value);
	for (unsigned i = 0; i < o->n_headers; i++)
		put(&t, "%s\r\n", o->headers[i]);
	put(&t, "\r\n");
	return t.full ? 0 : t.len;
}
