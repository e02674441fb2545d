/* SPDX-License-Identifier: MIT */
#include "admin/api_request.h"

#include <stddef.h>

#include "base/decimal.h"
#include "base/err.h"
#include "proto/json_scan.h"
#include "proto/utf8.h"

static const struct {
	const char *name;
	size_t offset;
	enum api_kind kind;
} members[] = {
#define API_MEMBER(name, kind) { #name, offsetof(struct api_request, name), kind },
	API_MEMBERS(API_MEMBER)
#undef API_MEMBER
};

static bool
has_strings(struct slice object)
{
	struct json_walk walk = { .at = object.at, .end = object.at + object.len };
	struct slice name, value;

	while (json_walk(&walk, API_DEPTH_MAX, &name, &value) > 0)
		if (value.at[0] != '"')
			return false;
	return true;
}

static bool
is_of(struct slice value, enum api_kind kind)
{
	char c = value.at[0];

	switch (kind) {
	case API_STRING:
		return c == '"';
	case API_NUMBER:
		return c == '-' || (c >= '0' && c <= '9');
	case API_BOOLEAN:
		return c == 't' || c == 'f';
	case API_OBJECT:
		return c == '{';
	case API_STRINGS:
		return c == '{' && has_strings(value);
	case API_ARRAY:
		return c == '[';
	default:
		return true;
	}
}

static void
take(struct api_request *out, struct slice name, struct slice value, bool *wrong_type)
{
	for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!json_string_equal(name, members[i].name, strlen(members[i].name)))
			continue;
		if (value.at[0] == 'n' && members[i].kind != API_ANY)
			return;
		*wrong_type |= !is_of(value, members[i].kind);
		*(struct slice *)((char *)out + members[i].offset) = value;
		return;
	}
}

const char *
api_request_parse(struct slice text, struct api_request *out, bool *wrong_type)
{
	struct json_walk walk = { .at = text.at, .end = text.at + text.len };
	struct slice name, value;
	int rc;

	*out = (struct api_request){ .channel = { NULL, 0 } };
	*wrong_type = false;
	if (!utf8_valid(text.at, text.len))
		return "not valid UTF-8";
	while ((rc = json_walk(&walk, API_DEPTH_MAX, &name, &value)) > 0)
		take(out, name, value, wrong_type);
	if (rc < 0)
		return walk.why;
	return *wrong_type ? "a member is of a wrong type" : NULL;
}

bool
api_is_json(struct slice text)
{
	const char *end = text.at + text.len, *at = json_scan_space(text.at, end), *why;

	at = at < end && utf8_valid(text.at, text.len) ? json_scan_value(at, end, API_DEPTH_MAX, &why) : NULL;
	return at && json_scan_space(at, end) == end;
}

bool
api_next_value(struct slice *array, struct slice *value)
{
	const char *end, *at, *after, *why;

	if (array->len == 0)
		return false;
	end = array->at + array->len;
	at = json_scan_space(array->at, end);
	if (at < end && (*at == '[' || *at == ','))
		at = json_scan_space(at + 1, end);
	if (at >= end || *at == ']')
		return false;
	after = json_scan_value(at, end, API_DEPTH_MAX, &why);
	if (!after)
		return false;
	*value = (struct slice){ at, (size_t)(after - at) };
	*array = (struct slice){ json_scan_space(after, end), 0 };
	array->len = (size_t)(end - array->at);
	return true;
}

size_t
api_count(struct slice array)
{
	struct slice value;
	size_t n = 0;

	while (api_next_value(&array, &value))
		n++;
	return n;
}

bool
api_only_member(struct slice object, struct slice *name, struct slice *value)
{
	struct json_walk walk = { .at = object.at, .end = object.at + object.len };
	struct slice more[2];

	return json_walk(&walk, API_DEPTH_MAX, name, value) > 0 &&
	       json_walk(&walk, API_DEPTH_MAX, &more[0], &more[1]) == 0;
}

bool
api_number(struct slice raw, int64_t least, uint64_t most, int64_t fallback, int64_t *out)
{
	bool minus = raw.len > 0 && raw.at[0] == '-';
	uint64_t value;

	*out = fallback;
	if (raw.len == 0)
		return true;
	if (minus)
		raw.at++, raw.len--;
	if (decimal_parse(raw, minus ? (uint64_t)-least : most, &value) != WSD_OK)
		return false;
	*out = minus ? -(int64_t)value : (int64_t)value;
	return true;
}
