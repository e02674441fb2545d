/* SPDX-License-Identifier: MIT */
/*
 * Judges a request head. Its syntax is refused byte by byte while it is read; what the fields mean together
 * is judged once all of them are there, in the order that the header file promises. Pure; any thread.
 */
#include "front/request.h"

#include "base/decimal.h"
#include "base/err.h"
#include "base/percent.h"
#include "front/request_priv.h"

#define CHAT_PATH "/ws/chat/"

enum request_step
request_refuse(struct request_head *h, int status, const char *why)
{
	h->out->kind = REQUEST_REFUSED;
	h->out->status = status;
	h->out->why = why;
	return STEP_REFUSED;
}

static bool
is_reg_name(char c)
{
	return ascii_is_unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=%", c));
}

/* uri-host [":" port], RFC 9110, 7.2; may be empty. */
static bool
valid_host(struct slice host)
{
	size_t i = 0;

	if (host.len > 0 && host.at[0] == '[') {
		for (i = 1; i < host.len && (ascii_is_unreserved(host.at[i]) || host.at[i] == ':');)
			i++;
		if (i == 1 || i == host.len || host.at[i++] != ']')
			return false;
	} else {
		while (i < host.len && is_reg_name(host.at[i]))
			i++;
	}
	if (i < host.len && host.at[i] == ':')
		for (i++; i < host.len && ascii_is_digit(host.at[i]);)
			i++;
	return i == host.len;
}

static enum request_step
judge_host(struct request_head *h)
{
	if (h->seen[FIELD_HOST] > 1)
		return request_refuse(h, 400, "more than one Host header");
	if (h->seen[FIELD_HOST] == 0 && h->minor > 0)
		return request_refuse(h, 400, "the Host header is missing");
	if (!valid_host(h->out->host))
		return request_refuse(h, 400, "malformed Host header");
	if (h->seen[FIELD_AUTHORIZATION] > 1)
		return request_refuse(h, 400, "more than one Authorization header");
	return STEP_DONE;
}

/* Blanks behind a value are allowed (RFC 9112, 5), and libmicrohttpd 0.9.75 takes them for a part of it. */
static bool
ends_in_blank(struct slice value)
{
	return value.at[value.len] != '\r';
}

static enum request_step
judge_encoding(struct request_head *h)
{
	if (h->minor == 0 || h->seen[FIELD_CONTENT_LENGTH] > 0 || ends_in_blank(h->value[FIELD_TRANSFER_ENCODING]))
		return request_refuse(h, 400, "bad Transfer-Encoding");
	if (h->unknown_coding)
		return request_refuse(h, 501, "Transfer-Encoding not implemented");
	if (h->seen[FIELD_TRANSFER_ENCODING] > 1)
		return request_refuse(h, 400, "bad Transfer-Encoding");
	return STEP_DONE;
}

/* Whoever reads the body later must not be able to disagree with a proxy about where it ends: RFC 9112, 6.3.
 */
static enum request_step
judge_body(struct request_head *h)
{
	uint64_t length;
	int rc;

	if (h->seen[FIELD_TRANSFER_ENCODING] > 0)
		return judge_encoding(h);
	if (h->seen[FIELD_CONTENT_LENGTH] == 0)
		return STEP_DONE;
	rc = decimal_parse(h->value[FIELD_CONTENT_LENGTH], REQUEST_BODY_MAX, &length);
	if (h->seen[FIELD_CONTENT_LENGTH] > 1 || rc == WSD_E_MALFORMED || ends_in_blank(h->value[FIELD_CONTENT_LENGTH]))
		return request_refuse(h, 400, "bad Content-Length");
	if (rc != WSD_OK)
		return request_refuse(h, 413, "the body is too large");
	return STEP_DONE;
}

/* libmicrohttpd takes them all apart, in the memory that it has for one request; where that is too small it does not
 * answer. */
static enum request_step
judge_parts(struct request_head *h)
{
	unsigned n = h->out->query.len > 0;

	for (size_t i = 0; i < h->out->query.len; i++)
		n += h->out->query.at[i] == '&';
	if (n > REQUEST_PARAMETERS_MAX)
		return request_refuse(h, 400, "too many parameters");
	if (h->n_cookies > REQUEST_COOKIES_MAX)
		return request_refuse(h, 431, "too many cookies");
	return STEP_DONE;
}

static bool
valid_session(const char *session, int len)
{
	if (len < 0)
		return len == WSD_E_UNKNOWN;
	return ascii_all(slice_of(session), ascii_is_token);
}

static enum request_step
judge_path(struct request_head *h)
{
	struct slice id = h->path;
	int len;

	if (id.len < sizeof(CHAT_PATH) - 1 || memcmp(id.at, CHAT_PATH, sizeof(CHAT_PATH) - 1) != 0)
		return request_refuse(h, 404, "no such WebSocket endpoint");
	id.at += sizeof(CHAT_PATH) - 1;
	id.len -= sizeof(CHAT_PATH) - 1;
	percent_decode(id, h->out->connection_id, sizeof(h->out->connection_id));
	if (!name_is_connection_id(slice_of(h->out->connection_id))) {
		h->out->connection_id[0] = '\0'; /* nothing unchecked leaves this file */
		return request_refuse(h, 400, "the connection id must be " CONNECTION_ID_RULE);
	}
	len = request_query(h->out->query, "session", h->out->session, sizeof(h->out->session));
	if (!valid_session(h->out->session, len)) {
		h->out->session[0] = '\0';
		return request_refuse(h, 400, "malformed session token");
	}
	return STEP_DONE;
}

static enum request_step
judge_no_body(struct request_head *h)
{
	uint64_t length;

	if (h->seen[FIELD_TRANSFER_ENCODING] > 0 || h->seen[FIELD_CONTENT_LENGTH] > 1 ||
	    (h->seen[FIELD_CONTENT_LENGTH] == 1 && decimal_parse(h->value[FIELD_CONTENT_LENGTH], 0, &length) != WSD_OK))
		return request_refuse(h, 400, "a WebSocket handshake has no body");
	return STEP_DONE;
}

static enum request_step
judge_upgrade(struct request_head *h)
{
	if (!h->upgrade_websocket)
		return request_refuse(h, 426, "Upgrade: websocket is missing");
	if (!h->connection_upgrade)
		return request_refuse(h, 426, "Connection: upgrade is missing");
	return STEP_DONE;
}

/* Base64 of 16 bytes: 22 characters and two of padding. */
static bool
valid_key(struct slice key)
{
	if (key.len != 24 || memcmp(key.at + 22, "==", 2) != 0)
		return false;
	for (size_t i = 0; i < 22; i++)
		if (!ascii_is_alnum(key.at[i]) && key.at[i] != '+' && key.at[i] != '/')
			return false;
	return true;
}

static enum request_step
judge_websocket_fields(struct request_head *h)
{
	if (h->seen[FIELD_VERSION] != 1 || !slice_equal(h->value[FIELD_VERSION], "13"))
		return request_refuse(h, 426, "Sec-WebSocket-Version must be 13");
	if (h->seen[FIELD_KEY] != 1 || !valid_key(h->out->key))
		return request_refuse(h, 400, "Sec-WebSocket-Key must be base64 of 16 bytes");
	if (h->seen[FIELD_ORIGIN] > 1)
		return request_refuse(h, 400, "more than one Origin header");
	if (h->out->host.len == 0)
		return request_refuse(h, 400, "the Host header is empty");
	if (!request_valid_list(&h->subprotocols, h->seen[FIELD_SUBPROTOCOLS]))
		return request_refuse(h, 400, "malformed Sec-WebSocket-Protocol");
	if (h->out->subprotocols.n_lines > REQUEST_LINES_MAX)
		return request_refuse(h, 431, "too many lines of Sec-WebSocket-Protocol");
	if (!request_valid_list(&h->extensions, h->seen[FIELD_EXTENSIONS]))
		return request_refuse(h, 400, "malformed Sec-WebSocket-Extensions");
	return STEP_DONE;
}

static enum request_step
judge_handshake(struct request_head *h)
{
	static enum request_step (*const checks[])(struct request_head *) = { judge_path, judge_no_body, judge_upgrade,
									      judge_websocket_fields };

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		enum request_step step = checks[i](h);

		if (step != STEP_DONE)
			return step;
	}
	h->out->kind = REQUEST_WEBSOCKET;
	return STEP_DONE;
}

static enum request_step
judge_elsewhere(struct request_head *h)
{
	enum request_step step;

	if (h->upgrade_websocket && h->minor > 0) { /* HTTP/1.0 has no upgrade: RFC 9110, 7.8 */
		if (!slice_equal(h->out->method, "GET"))
			return request_refuse(h, 405, "a WebSocket handshake is a GET request");
		return request_refuse(h, 404, "no such WebSocket endpoint");
	}
	step = judge_parts(h);
	if (step == STEP_DONE)
		step = judge_body(h);
	if (step == STEP_DONE)
		h->out->kind = REQUEST_HTTP;
	return step;
}

static enum request_step
judge_whole(struct request_head *h)
{
	enum request_step step = judge_host(h);

	if (step != STEP_DONE)
		return step;
	return request_under_ws(h->path) ? judge_handshake(h) : judge_elsewhere(h);
}

void
request_judge(struct request *out, const char *head, size_t len)
{
	struct request_head h = { .out = out };
	enum request_step step;

	*out = (struct request){ .kind = REQUEST_PARTIAL };
	if (len == 0)
		return;
	h.at = head;
	h.end = head + (len < REQUEST_HEAD_MAX ? len : REQUEST_HEAD_MAX);
	step = request_read_line(&h);
	if (step == STEP_DONE)
		step = request_read_fields(&h);
	if (step == STEP_PARTIAL && len >= REQUEST_HEAD_MAX)
		step = request_refuse(&h, 431, "the request head is too large");
	if (step == STEP_DONE)
		step = judge_whole(&h);
	if (step == STEP_DONE)
		out->head_len = (size_t)(h.at - head);
}
