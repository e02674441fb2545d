/* SPDX-License-Identifier: MIT */
/*
 * Requests of the channels' API. What is found in one lies within it, is a JSON value of its kind, and the same as
 * json-c finds there; lists end, and have as many values as were counted.
 */
#include "admin/api_request.h"

#include <string.h>

#include "base/check.h"
#include "fuzz/fuzz.h"
#include "proto/json_scan.h"
#include "support/json_c.h"

static bool
lies_within(struct slice part, struct slice whole)
{
	return part.at >= whole.at && part.len <= whole.len && part.at + part.len <= whole.at + whole.len;
}

static void
check_value(struct slice value, struct slice text)
{
	const char *why;

	CHECK(value.len > 0 && lies_within(value, text));
	CHECK(json_scan_value(value.at, value.at + value.len, API_DEPTH_MAX, &why) == value.at + value.len);
	CHECK(api_is_json(value));
}

static bool
is_kind(struct slice value, enum api_kind kind)
{
	static const char first[] = { [API_STRING] = '"', [API_OBJECT] = '{', [API_STRINGS] = '{', [API_ARRAY] = '[' };

	switch (kind) {
	case API_ANY:
		return true;
	case API_NUMBER:
		return strchr("-0123456789", value.at[0]) != NULL;
	case API_BOOLEAN:
		return slice_equal(value, "true") || slice_equal(value, "false");
	default:
		return value.at[0] == first[kind];
	}
}

static void
check_array(struct slice array, struct slice text)
{
	size_t n = 0, most = api_count(array);
	struct slice value;

	while (api_next_value(&array, &value)) {
		struct slice name, inner;
		struct api_request nested;
		bool wrong_type;

		check_value(value, text);
		CHECK(++n <= most);
		if (value.at[0] != '{')
			continue;
		if (api_only_member(value, &name, &inner))
			check_value(inner, value);
		if (!api_request_parse(value, &nested, &wrong_type))
			CHECK(!wrong_type);
	}
	CHECK(n == most);
}

static void
check_number(struct slice raw)
{
	int64_t value;

	if (api_number(raw, -1, 1000, 7, &value))
		CHECK(value >= -1 && value <= 1000);
}

/* json-c's last member of that name, as ours; but numbers are all the same, since it has them as doubles. */
static void
compare(struct json_object *all, const char *name, struct slice value)
{
	struct json_object *theirs, *ours;

	if (!json_object_object_get_ex(all, name, &theirs) || !theirs || value.len == 0)
		return; /* a null behind it changes nothing */
	ours = json_c_parse(value.at, value.len);
	CHECK(json_object_get_type(ours) == json_object_get_type(theirs));
	if (json_object_is_type(ours, json_type_string))
		CHECK(strcmp(json_object_get_string(ours), json_object_get_string(theirs)) == 0);
	json_object_put(ours);
}

static void
look_at(const struct api_request *request, struct slice text)
{
	struct json_object *all = json_c_parse(text.at, text.len);

#define API_MEMBER(name, kind) \
	if (request->name.len > 0) { \
		check_value(request->name, text); \
		CHECK(is_kind(request->name, kind)); \
		compare(all, #name, request->name); \
	}
	API_MEMBERS(API_MEMBER)
#undef API_MEMBER
	json_object_put(all);
	check_array(request->channels, text);
	check_array(request->commands, text);
	check_array(request->whitelist, text);
	check_number(request->limit);
	check_number(request->code);
	CHECK(api_number(request->offset, 0, 5, 5, &(int64_t){ 0 }) || request->offset.len > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	struct api_request request;
	const char *why;
	bool wrong_type;

	why = api_request_parse(text, &request, &wrong_type);
	CHECK(!wrong_type || why);
	if (!why) {
		CHECK(api_is_json(text));
		look_at(&request, text);
	}
	return 0;
}
