/* SPDX-License-Identifier: MIT */
/* The scanner for server messages. */
#include "loadtest/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct scan m;

static bool
scan(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1); /* without the zero, so that a sanitizer sees what is read too far */
	bool ok;

	memcpy(copy, text, len);
	ok = scan_message(copy, len, &m);
	free(copy);
	return ok;
}

static void
test_responses(void **state)
{
	assert_true(scan("{\"type\":\"message_response\",\"count\":42,\"timestamp\":\"x\",\"id\":\"0000000007\"}"));
	assert_int_equal(m.type, SCAN_RESPONSE);
	assert_true(m.has_count && m.has_id);
	assert_int_equal(m.count, 42);
	assert_int_equal(m.id, 7);
	assert_true(scan(" { \"id\" : 12 , \"x\" : {\"count\":9,\"id\":[1,\"}\\\"\"]} , \"type\" : "
			 "\"message_response\" } "));
	assert_int_equal(m.id, 12);
	assert_false(m.has_count);
	assert_true(scan("{\"type\":\"message_response\",\"id\":\"not ours\",\"count\":-1}"));
	assert_false(m.has_id || m.has_count);
}

static void
test_the_other_types(void **state)
{
	assert_true(scan("{\"type\":\"connection_established\",\"connectionId\":\"a\",\"count\":3,"
			 "\"session\":\"tok\",\"resumed\":true}"));
	assert_int_equal(m.type, SCAN_ESTABLISHED);
	assert_true(m.resumed);
	assert_int_equal(m.session.len, 3);
	assert_true(scan("{\"type\":\"goodbye\",\"reason\":\"restart\",\"total\":9,\"reconnect\":true,"
			 "\"retryAfter\":1500}"));
	assert_int_equal(m.type, SCAN_GOODBYE);
	assert_true(m.reconnect);
	assert_int_equal(m.retry_after_ms, 1500);
	assert_true(m.has_total);
	assert_int_equal(m.total, 9);
	assert_true(scan("{\"type\":\"goodbye\",\"total\":\"many\",\"count\":3}"));
	assert_false(m.has_total);
	assert_true(scan("{\"type\":\"error\",\"code\":\"rate_limited\",\"message\":\"x\"}"));
	assert_int_equal(m.type, SCAN_ERROR);
	assert_int_equal(m.code.len, 12);
	assert_true(scan("{\"type\":\"heartbeat\"}"));
	assert_int_equal(m.type, SCAN_HEARTBEAT);
	assert_true(scan("{\"type\":\"something else\"}"));
	assert_int_equal(m.type, SCAN_OTHER);
	assert_true(scan("{}"));
	assert_int_equal(m.type, SCAN_OTHER);
	assert_true(scan("{\"type\":5}"));
	assert_int_equal(m.type, SCAN_OTHER);
}

static void
test_what_is_no_object(void **state)
{
	static const char whole[] = "{\"type\":\"goodbye\",\"a\":{\"b\":[1,\"\\\\\"]},\"c\":true}";
	static const char *const bad[] = { "",           "x",          "[]",    "{\"a\"}",
					   "{\"a\":}",   "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}",
					   "{\"a\":\"\\" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(scan(bad[i]));
	assert_true(scan(whole));
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		char piece[sizeof(whole)];

		memcpy(piece, whole, i);
		piece[i] = '\0';
		assert_false(scan(piece));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_the_other_types),
		cmocka_unit_test(test_what_is_no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
