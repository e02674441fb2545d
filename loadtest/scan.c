/* SPDX-License-Identifier: MIT */
/* The scanner for server messages. */
#include "loadtest/scan.h"

#include "base/decimal.h"
#include "base/err.h"

#define NUMBER_MAX 999999999999999999ull

struct cursor {
	const char *at, *end;
};

static void
skip_space(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
		c->at++;
}

static bool
take(struct cursor *c, char want)
{
	skip_space(c);
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

/* Without its quotes, escapes left as they are. */
static bool
take_string(struct cursor *c, struct slice *out)
{
	if (!take(c, '"'))
		return false;
	out->at = c->at;
	for (; c->at < c->end; c->at++) {
		if (*c->at == '"') {
			out->len = (size_t)(c->at++ - out->at);
			return true;
		}
		if (*c->at == '\\' && ++c->at == c->end)
			return false;
	}
	return false;
}

/* An array or object, by counting brackets outside strings. */
static bool
skip_nested(struct cursor *c)
{
	struct slice text;
	unsigned depth = 0;

	while (c->at < c->end) {
		if (*c->at == '"') {
			if (!take_string(c, &text))
				return false;
			continue;
		}
		if (*c->at == '{' || *c->at == '[')
			depth++;
		else if ((*c->at == '}' || *c->at == ']') && --depth == 0)
			return c->at++, true;
		c->at++;
	}
	return false;
}

/* Strings come without quotes; was_string tells. */
static bool
take_value(struct cursor *c, struct slice *value, bool *was_string)
{
	skip_space(c);
	if (c->at == c->end)
		return false;
	*was_string = *c->at == '"';
	if (*was_string)
		return take_string(c, value);
	value->at = c->at;
	if (*c->at == '{' || *c->at == '[') {
		if (!skip_nested(c))
			return false;
	} else {
		while (c->at < c->end && *c->at != ',' && *c->at != '}' && *c->at != ' ')
			c->at++;
	}
	value->len = (size_t)(c->at - value->at);
	return value->len > 0;
}

static bool
number(struct slice value, uint64_t *out)
{
	return decimal_parse(value, NUMBER_MAX, out) == WSD_OK;
}

static enum scan_type
type_of(struct slice name)
{
	switch (name.len) {
	case 16:
		return slice_equal(name, "message_response") ? SCAN_RESPONSE : SCAN_OTHER;
	case 9:
		return slice_equal(name, "heartbeat") ? SCAN_HEARTBEAT : SCAN_OTHER;
	case 7:
		return slice_equal(name, "goodbye")   ? SCAN_GOODBYE
		       : slice_equal(name, "message") ? SCAN_MESSAGE
						      : SCAN_OTHER;
	case 5:
		return slice_equal(name, "error") ? SCAN_ERROR : SCAN_OTHER;
	case 22:
		return slice_equal(name, "connection_established") ? SCAN_ESTABLISHED : SCAN_OTHER;
	default:
		return SCAN_OTHER;
	}
}

static void
take_member(struct scan *out, struct slice key, struct slice value, bool was_string)
{
	switch (key.len) {
	case 2:
		if (memcmp(key.at, "id", 2) == 0)
			out->has_id = number(value, &out->id);
		break;
	case 4:
		if (memcmp(key.at, "type", 4) == 0 && was_string)
			out->type = type_of(value);
		else if (memcmp(key.at, "code", 4) == 0 && was_string)
			out->code = value;
		break;
	case 5:
		if (memcmp(key.at, "count", 5) == 0)
			out->has_count = number(value, &out->count);
		else if (memcmp(key.at, "total", 5) == 0)
			out->has_total = number(value, &out->total);
		break;
	case 7:
		if (memcmp(key.at, "session", 7) == 0 && was_string)
			out->session = value;
		else if (memcmp(key.at, "resumed", 7) == 0)
			out->resumed = slice_equal(value, "true");
		break;
	case 9:
		if (memcmp(key.at, "reconnect", 9) == 0)
			out->reconnect = slice_equal(value, "true");
		break;
	case 10:
		if (memcmp(key.at, "retryAfter", 10) == 0 && !number(value, &out->retry_after_ms))
			out->retry_after_ms = 0;
		break;
	default:
		break;
	}
}

bool
scan_message(const char *text, size_t len, struct scan *out)
{
	struct cursor c = { text, text + len };
	struct slice key, value;
	bool was_string;

	*out = (struct scan){ .type = SCAN_OTHER };
	if (!take(&c, '{'))
		return false;
	if (take(&c, '}'))
		return true;
	do {
		if (!take_string(&c, &key) || !take(&c, ':') || !take_value(&c, &value, &was_string))
			return false;
		take_member(out, key, value, was_string);
	} while (take(&c, ','));
	return take(&c, '}');
}
