/* SPDX-License-Identifier: MIT */
/* Header fields: RFC 9112, 5 and RFC 9110, 5. Pure; any thread. */
#include "front/request_priv.h"

#define IN_REQUEST(member) (offsetof(struct request, member) + 1)

static const struct {
	const char *name;
	size_t member; /* IN_REQUEST() of the slice that also takes it; 0: none */
} fields[FIELD_COUNT] = {
	[FIELD_HOST] = { "host", IN_REQUEST(host) },
	[FIELD_ORIGIN] = { "origin", IN_REQUEST(origin) },
	[FIELD_KEY] = { "sec-websocket-key", IN_REQUEST(key) },
	[FIELD_VERSION] = { "sec-websocket-version", 0 },
	[FIELD_SUBPROTOCOLS] = { "sec-websocket-protocol", 0 },
	[FIELD_EXTENSIONS] = { "sec-websocket-extensions", 0 },
	[FIELD_UPGRADE] = { "upgrade", 0 },
	[FIELD_CONNECTION] = { "connection", 0 },
	[FIELD_CONTENT_LENGTH] = { "content-length", 0 },
	[FIELD_TRANSFER_ENCODING] = { "transfer-encoding", 0 },
	[FIELD_COOKIE] = { "cookie", 0 },
	[FIELD_AUTHORIZATION] = { "authorization", IN_REQUEST(authorization) },
	[FIELD_FORWARDED_FOR] = { "x-forwarded-for", 0 },
	[FIELD_FORWARDED_PROTO] = { "x-forwarded-proto", IN_REQUEST(forwarded_proto) },
	[FIELD_REQUEST_ID] = { "x-request-id", IN_REQUEST(request_id) },
	[FIELD_USER_AGENT] = { "user-agent", IN_REQUEST(user_agent) },
};

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* As libmicrohttpd counts them: commas part them, too. */
static unsigned
count_cookies(struct slice value)
{
	unsigned n = 1;

	for (size_t i = 0; i < value.len; i++)
		n += value.at[i] == ';' || value.at[i] == ',';
	return n;
}

static void
add_line(struct request_list *list, struct slice value)
{
	if (list->n_lines < REQUEST_LINES_MAX)
		list->lines[list->n_lines] = value;
	list->n_lines++;
}

/* Of a field that may have several lines. */
static void
keep_line(struct request_head *h, enum request_field field, struct slice value)
{
	switch (field) {
	case FIELD_SUBPROTOCOLS:
		add_line(&h->out->subprotocols, value);
		request_add_line(&h->subprotocols, value, false);
		break;
	case FIELD_EXTENSIONS:
		request_add_line(&h->extensions, value, true);
		break;
	case FIELD_UPGRADE:
		h->upgrade_websocket |= slice_lists(value, SLICE("websocket"));
		break;
	case FIELD_CONNECTION:
		h->connection_upgrade |= slice_lists(value, SLICE("upgrade"));
		break;
	case FIELD_TRANSFER_ENCODING:
		h->unknown_coding |= !slice_equal_nocase(value, "chunked");
		break;
	case FIELD_COOKIE:
		h->n_cookies += count_cookies(value);
		break;
	case FIELD_FORWARDED_FOR:
		add_line(&h->out->forwarded_for, value);
		break;
	default:
		break;
	}
}

static void
keep(struct request_head *h, struct slice name, struct slice value)
{
	for (int i = 0; i < FIELD_COUNT; i++) {
		if (!slice_equal_nocase(name, fields[i].name))
			continue;
		h->value[i] = value;
		h->seen[i]++;
		if (fields[i].member > 0)
			memcpy((char *)h->out + fields[i].member - 1, &value, sizeof(value));
		keep_line(h, (enum request_field)i, value);
		return;
	}
}

enum request_step
request_read_eol(struct request_head *h)
{
	if (h->at == h->end)
		return STEP_PARTIAL;
	if (*h->at == '\n')
		return request_refuse(h, 400, "lines must end in CR LF");
	if (*h->at != '\r')
		return request_refuse(h, 400, "malformed request line");
	if (h->end - h->at < 2)
		return STEP_PARTIAL;
	if (h->at[1] != '\n')
		return request_refuse(h, 400, "lines must end in CR LF");
	h->at += 2;
	return STEP_DONE;
}

static enum request_step
read_name(struct request_head *h, struct slice *name)
{
	name->at = h->at;
	while (h->at < h->end && ascii_is_token(*h->at))
		h->at++;
	name->len = (size_t)(h->at - name->at);
	if (h->at == h->end)
		return STEP_PARTIAL;
	if (name->len == 0 && is_blank(*h->at))
		return request_refuse(h, 400, "folded header lines are not allowed");
	if (name->len == 0 || *h->at != ':')
		return request_refuse(h, 400, "malformed header field name");
	h->at++;
	return STEP_DONE;
}

static enum request_step
read_value(struct request_head *h, struct slice *value)
{
	value->at = h->at;
	while (h->at < h->end && (*h->at == '\t' || ((unsigned char)*h->at >= ' ' && *h->at != 0x7f)))
		h->at++;
	value->len = (size_t)(h->at - value->at);
	*value = slice_trim(*value);
	if (h->at < h->end && *h->at != '\r' && *h->at != '\n')
		return request_refuse(h, 400, "control character in a header field");
	return request_read_eol(h);
}

static enum request_step
read_field(struct request_head *h)
{
	struct slice name, value;
	enum request_step step = read_name(h, &name);

	if (step == STEP_DONE)
		step = read_value(h, &value);
	if (step == STEP_DONE)
		keep(h, name, value);
	return step;
}

enum request_step
request_read_fields(struct request_head *h)
{
	for (unsigned lines = 0;; lines++) {
		enum request_step step;

		if (h->at == h->end)
			return STEP_PARTIAL;
		if (*h->at == '\r' || *h->at == '\n')
			return request_read_eol(h);
		if (lines == REQUEST_HEADERS_MAX)
			return request_refuse(h, 431, "too many header fields");
		step = read_field(h);
		if (step != STEP_DONE)
			return step;
	}
}
