/* SPDX-License-Identifier: MIT */
/* The request line: RFC 9112, 3. Pure; any thread. */
#include "front/request_priv.h"

#include "base/hex.h"

#define METHOD_MAX    7    /* the longest that is known */
#define TLS_HANDSHAKE 0x16 /* first byte of a ClientHello */

static enum request_step
judge_method(struct request_head *h)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE" };

	if (slice_equal(h->out->method, "PRI"))
		return request_refuse(h, 505, "HTTP/2 is not spoken here");
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (slice_equal(h->out->method, known[i]))
			return STEP_DONE;
	return request_refuse(h, 501, "method not implemented");
}

static enum request_step
read_method(struct request_head *h)
{
	const char *start = h->at;

	for (; h->at < h->end && ascii_is_token(*h->at); h->at++)
		if (h->at - start == METHOD_MAX)
			return request_refuse(h, 501, "method not implemented");
	if (h->at == h->end)
		return STEP_PARTIAL;
	if (h->at == start && *h->at == TLS_HANDSHAKE)
		return request_refuse(h, 400, "TLS is not spoken here");
	if (h->at == start || *h->at != ' ')
		return request_refuse(h, 400, "malformed request line");
	h->out->method = (struct slice){ start, (size_t)(h->at - start) };
	h->at++;
	return judge_method(h);
}

/* Only the path and query form, and "*" with OPTIONS: this is no proxy. */
static bool
starts_target(const struct request_head *h, char c)
{
	return c == '/' || (c == '*' && slice_equal(h->out->method, "OPTIONS"));
}

static void
split_target(struct request_head *h)
{
	struct slice target = h->out->target;
	const char *mark = memchr(target.at, '?', target.len);

	h->path = target;
	if (mark) {
		h->path.len = (size_t)(mark - target.at);
		h->out->query = (struct slice){ mark + 1, target.len - h->path.len - 1 };
	}
}

static enum request_step
read_target(struct request_head *h)
{
	const char *start = h->at;
	unsigned hex_due = 0; /* digits that an escape still needs */

	for (; h->at < h->end && (*h->at != ' ' || hex_due > 0); h->at++) {
		char c = *h->at;

		if (h->at == start ? !starts_target(h, c) : *start == '*')
			return request_refuse(h, 400, "malformed request target");
		if (hex_due > 0 && hex_value(c) < 0)
			return request_refuse(h, 400, "bad escape in the request target");
		if (c <= ' ' || c > '~' || c == '#')
			return request_refuse(h, 400, "bad character in the request target");
		hex_due = c == '%' ? 2 : hex_due > 0 ? hex_due - 1 : 0;
	}
	if (h->at == h->end)
		return STEP_PARTIAL;
	if (h->at == start)
		return request_refuse(h, 400, "malformed request target");
	h->out->target = (struct slice){ start, (size_t)(h->at - start) };
	h->at++;
	split_target(h);
	return STEP_DONE;
}

static enum request_step
read_version(struct request_head *h)
{
	static const char form[] = "HTTP/1.";

	for (const char *c = form;; c++, h->at++) {
		if (h->at == h->end)
			return STEP_PARTIAL;
		if (*c == '1' && *h->at != *c && ascii_is_digit(*h->at))
			return request_refuse(h, 505, "only HTTP/1.1 is spoken here");
		if (*c ? *h->at != *c : !ascii_is_digit(*h->at))
			return request_refuse(h, 400, "malformed HTTP version");
		if (!*c)
			break;
	}
	h->minor = *h->at++ - '0';
	return request_read_eol(h);
}

bool
request_under_ws(struct slice path)
{
	return path.len >= 4 && memcmp(path.at, "/ws/", 4) == 0;
}

enum request_step
request_read_line(struct request_head *h)
{
	static enum request_step (*const parts[])(struct request_head *) = { read_method, read_target, read_version };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		enum request_step step = parts[i](h);

		if (step != STEP_DONE)
			return step;
	}
	if (!request_under_ws(h->path))
		return STEP_DONE;
	if (!slice_equal(h->out->method, "GET"))
		return request_refuse(h, 405, "a WebSocket handshake is a GET request");
	if (h->minor == 0)
		return request_refuse(h, 505, "a WebSocket handshake needs HTTP/1.1");
	return STEP_DONE;
}
