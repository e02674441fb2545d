/* SPDX-License-Identifier: MIT */
/* The scanner for server messages. */
#include "loadtest/scan.h"

#include "base/decimal.h"
#include "base/err.h"
#include "proto/json_scan.h"

#define NUMBER_MAX 999999999999999999ull

static struct slice
without_quotes(struct slice string)
{
	return (struct slice){ string.at + 1, string.len - 2 };
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
	struct json_walk walk = { .at = text, .end = text + len };
	struct slice key, value;
	int more;

	*out = (struct scan){ .type = SCAN_OTHER };
	while ((more = json_walk(&walk, JSON_SCAN_DEPTH_MAX, &key, &value)) > 0) {
		bool is_string = value.at[0] == '"';

		take_member(out, without_quotes(key), is_string ? without_quotes(value) : value, is_string);
	}
	return more == 0;
}
