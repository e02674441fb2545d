/* SPDX-License-Identifier: MIT */
/* The members of an object, one after the other. What values may be is tried with messages (test_message.c). */
#include "proto/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
check(const char *text, int end, const char *why, const char *expected)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1), seen[64] = ""; /* without the zero: a sanitizer sees what is read too far */
	struct json_walk walk = { .at = copy, .end = copy + len };
	struct slice name, value;
	int more;

	memcpy(copy, text, len);
	while ((more = json_walk(&walk, 2, &name, &value)) > 0)
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s=%.*s;", (int)name.len, name.at,
			 (int)value.len, value.at);
	assert_int_equal(more, end);
	assert_string_equal(seen, expected);
	assert_string_equal(walk.why ? walk.why : "", why);
	free(copy);
}

static void
test_objects(void **state)
{
	check("{}", 0, "", "");
	check(" { } \n", 0, "", "");
	check("{\"a\":1}", 0, "", "\"a\"=1;");
	check(" { \"a\" : \"}\" , \"\" : [ {} ] , \"a\":null } ", 0, "", "\"a\"=\"}\";\"\"=[ {} ];\"a\"=null;");
}

static void
test_what_is_none(void **state)
{
	static const char *const bad[] = { "{", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{a:1}", "{} {}", "{}}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(bad[i], -1, "not valid JSON", "");
	check("{\"a\":1", -1, "not valid JSON", "\"a\"=1;");
	check("{\"a\":1,}", -1, "not valid JSON", "\"a\"=1;");
	check("{\"a\":1 \"b\":2}", -1, "not valid JSON", "\"a\"=1;");
	check("{\"a\":1}x", -1, "not valid JSON", "\"a\"=1;");
	check("", -1, "not a JSON object", "");
	check("[]", -1, "not a JSON object", "");
	check("{\"a\":[[[]]]}", -1, "nested too deeply", "");
}

static void
text_is(const char *raw, size_t room, const char *expected)
{
	char out[64];
	size_t len = json_string_text(slice_of(raw), out, room);

	if (!expected) {
		assert_true(len == JSON_NO_TEXT);
		return;
	}
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(out, expected, len);
}

static void
test_what_a_string_says(void **state)
{
	text_is("\"\"", 0, "");
	text_is("\"abc\"", 3, "abc");
	text_is("\"abc\"", 2, NULL);
	text_is("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 64, "\"\\/\b\f\n\r\t");
	text_is("\"\\u0041\\u00e9\\u20ac\\uD83D\\ude00\"", 64, "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	text_is("\"\\ud83d\\ude00\"", 3, NULL);
	text_is("\"\\udbff\\udfff\"", 4, "\xf4\x8f\xbf\xbf");
	/* half of a pair */
	text_is("\"\\ud83d\"", 64, NULL);
	text_is("\"\\ude00\"", 64, NULL);
	text_is("\"\\ud83dx\"", 64, NULL);
	text_is("\"\\ud83d\\n12345\"", 64, NULL);
	text_is("\"\\ud83d\\ud83d\"", 64, NULL);
	text_is("\"\\ud83d\\u0041\"", 64, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_what_a_string_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
