/* SPDX-License-Identifier: MIT */
/* What a request of the channels' API says. */
#include "admin/api_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct api_request request;
static char *text; /* without a zero: a sanitizer sees what is read too far */

static struct slice
exactly(const char *json)
{
	size_t len = strlen(json);

	free(text);
	text = malloc(len ? len : 1);
	assert_non_null(text);
	memcpy(text, json, len);
	return (struct slice){ text, len };
}

static int
end(void **state)
{
	free(text);
	text = NULL;
	return 0;
}

static void
good(const char *json)
{
	bool wrong_type;
	const char *why = api_request_parse(exactly(json), &request, &wrong_type);

	if (why)
		fail_msg("%s: %s", json, why);
	assert_false(wrong_type);
}

static void
bad(const char *json, bool of_wrong_type)
{
	bool wrong_type;

	if (!api_request_parse(exactly(json), &request, &wrong_type))
		fail_msg("%s was taken", json);
	assert_int_equal(wrong_type, of_wrong_type);
}

static void
is(struct slice raw, const char *expected)
{
	if (!slice_equal(raw, expected))
		fail_msg("%.*s and not %s", (int)raw.len, raw.at, expected);
}

static void
test_members(void **state)
{
	good("{}");
	is(request.channel, "");
	good(" {\"channel\" : \"a:b\",\n\"data\": {\"z\": 1.0e5 , \"a\":[ ]} , \"skip_history\":true,\"limit\":-1} ");
	is(request.channel, "\"a:b\"");
	is(request.data, "{\"z\": 1.0e5 , \"a\":[ ]}"); /* as it stands there */
	assert_true(api_true(request.skip_history));
	assert_false(api_true(request.reverse));
	is(request.limit, "-1");
	good("{\"\\u0063hannel\":\"x\",\"channel2\":\"y\",\"nonsense\":{\"channel\":\"z\"}}");
	is(request.channel, "\"x\"");
	good("{\"channel\":\"x\",\"channel\":\"y\"}");
	is(request.channel, "\"y\"");
	good("{\"data\":null}");
	is(request.data, "null"); /* is a value, */
	good("{\"channel\":null,\"limit\":null,\"tags\":null}");
	is(request.channel, ""); /* and elsewhere nothing */
	is(request.tags, "");
	good("{\"tags\":{\"a\":\"1\",\"b\":\"\"}}");
	is(request.tags, "{\"a\":\"1\",\"b\":\"\"}");
}

static void
test_what_is_wrong(void **state)
{
	static const char *const texts[] = { "",         "{",          "[]",
					     "null",     "{}{}",       "{\"a\"}",
					     "{\"a\":}", "{\"a\":1,}", "{\"a\":\"\xff\"}",
					     "{'a':1}",  "{\"a\":01}", "{\"data\":\"\n\"}" };
	static const char *const types[] = { "{\"channel\":1}",         "{\"channel\":[\"a\"]}", "{\"limit\":\"1\"}",
					     "{\"skip_history\":1}",    "{\"tags\":[]}",         "{\"tags\":{\"a\":1}}",
					     "{\"tags\":{\"a\":null}}", "{\"channels\":\"a\"}",  "{\"since\":1}",
					     "{\"whitelist\":{}}",      "{\"disconnect\":\"x\"}" };
	char deep[300] = "{\"data\":";

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bad(texts[i], false);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		bad(types[i], true);
	memset(deep + strlen(deep), '[', API_DEPTH_MAX + 1);
	bad(deep, false);
}

static void
test_arrays(void **state)
{
	struct slice array = exactly("[ 1 ,\"a,]\", [2,3] , {\"b\":[]},null]"), value;
	const char *const expected[] = { "1", "\"a,]\"", "[2,3]", "{\"b\":[]}", "null" };

	assert_int_equal(api_count(array), 5);
	for (size_t i = 0; i < 5; i++) {
		assert_true(api_next_value(&array, &value));
		is(value, expected[i]);
	}
	assert_false(api_next_value(&array, &value));
	assert_int_equal(api_count(exactly("[ ]")), 0);
	assert_int_equal(api_count(exactly("")), 0);
}

static void
test_only_member(void **state)
{
	struct slice name, value;

	assert_true(api_only_member(exactly(" {\"publish\" : {\"a\":1} } "), &name, &value));
	is(name, "\"publish\"");
	is(value, "{\"a\":1}");
	assert_false(api_only_member(exactly("{}"), &name, &value));
	assert_false(api_only_member(exactly("{\"a\":1,\"b\":2}"), &name, &value));
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *raw;
		int64_t least;
		uint64_t most;
		int64_t value; /* -99: refused */
	} cases[] = {
		{ "", -1, 5, 3 },
		{ "0", -1, 5, 0 },
		{ "5", -1, 5, 5 },
		{ "6", -1, 5, -99 },
		{ "-1", -1, 5, -1 },
		{ "-2", -1, 5, -99 },
		{ "-1", 0, 5, -99 },
		{ "1.0", -1, 5, -99 },
		{ "1e1", 0, 50, -99 },
		{ "-0", 0, 5, 0 },
		{ "9223372036854775807", 0, INT64_MAX, INT64_MAX },
		{ "9223372036854775808", 0, INT64_MAX, -99 },
		{ "99999999999999999999999999", 0, INT64_MAX, -99 },
		{ "-", -1, 5, -99 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t value;
		bool fine = api_number(exactly(cases[i].raw), cases[i].least, cases[i].most, 3, &value);

		if (fine != (cases[i].value != -99) || (fine && value != cases[i].value))
			fail_msg("%s: %d, %lld", cases[i].raw, fine, (long long)value);
	}
}

static void
test_bodies_of_one_value(void **state)
{
	assert_true(api_is_json(exactly(" {\"a\":1}\n")));
	assert_true(api_is_json(exactly("null")));
	assert_false(api_is_json(exactly("")));
	assert_false(api_is_json(exactly(" ")));
	assert_false(api_is_json(exactly("1 2")));
	assert_false(api_is_json(exactly("\"\xff\"")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_members, end), cmocka_unit_test_teardown(test_what_is_wrong, end),
		cmocka_unit_test_teardown(test_arrays, end),  cmocka_unit_test_teardown(test_only_member, end),
		cmocka_unit_test_teardown(test_numbers, end), cmocka_unit_test_teardown(test_bodies_of_one_value, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
