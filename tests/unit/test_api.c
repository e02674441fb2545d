/* SPDX-License-Identifier: MIT */
/* What an instance says reaches the operator's terminal as text, in tables and as JSON, whatever it is. */
#include "ctl/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

static void
test_texts_are_clean(void **state)
{
	struct json_object *o = api_parse("{\"a\":\"x\\u001b]0;t\\u0007\\ny\\u009b2J\","
					  "\"list\":[{\"b\":\"\\u007f\xc3\xbc\"}],"
					  "\"n\\u001b[m\":1,\"c\":\"plain\",\"n\":7}");
	const char *text;

	assert_non_null(o);
	assert_string_equal(api_text(o, "a"), "x ]0;t  y  2J");
	assert_string_equal(api_text(o, "c"), "plain");
	assert_int_equal(api_number(o, "n"), 7);
	assert_int_equal(json_object_object_length(o), 4);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	assert_null(strstr(text, "\\u"));
	assert_null(strchr(text, 127));
	assert_non_null(strstr(text, "[{\"b\":\" \xc3\xbc\"}]"));
	json_object_put(o);
}

static void
test_no_json(void **state)
{
	assert_null(api_parse("{"));
	assert_null(api_parse(""));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_are_clean),
		cmocka_unit_test(test_no_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
