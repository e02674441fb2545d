/* SPDX-License-Identifier: MIT */
/* Texts that grow. */
#include "proto/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc.h"

static void
test_grows(void **state)
{
	struct text t = { .at = NULL };
	char expected[6 * 10001], *at = expected;

	for (unsigned i = 0; i < 10000; i++) {
		text_put_u64(&t, i);
		TEXT_PUT(&t, ",");
		at += sprintf(at, "%u,", i);
	}
	assert_false(t.failed);
	assert_int_equal(t.len, at - expected);
	assert_memory_equal(t.at, expected, t.len);
	text_reset(&t, t.room);
	assert_non_null(t.at);
	assert_int_equal(t.len, 0);
	TEXT_PUT(&t, "x");
	text_reset(&t, t.room - 1);
	assert_null(t.at);
	text_free(&t);
}

static void
test_nothing(void **state)
{
	struct text t = { .at = NULL };

	text_put(&t, NULL, 0);
	text_put_slice(&t, (struct slice){ NULL, 0 });
	assert_false(t.failed);
	assert_int_equal(t.len, 0);
	text_free(&t);
}

static void
test_numbers(void **state)
{
	struct text t = { .at = NULL };

	text_put_u64(&t, 0);
	text_put_u64(&t, UINT64_MAX);
	assert_int_equal(t.len, 21);
	assert_memory_equal(t.at, "018446744073709551615", 21);
	text_free(&t);
}

static void
test_strings(void **state)
{
	struct text t = { .at = NULL };

	text_put_string(&t, (struct slice){ "a\0\x1f\"\\\x7f\xc3\xa9z", 9 });
	assert_int_equal(t.len, strlen("\"a\\u0000\\u001f\\\"\\\\\x7f\xc3\xa9z\""));
	assert_memory_equal(t.at, "\"a\\u0000\\u001f\\\"\\\\\x7f\xc3\xa9z\"", t.len);
	text_free(&t);
}

/* What is missing is known at the end. */
static void
test_no_memory(void **state)
{
	struct text t = { .at = NULL };

	alloc.until_failure = 0;
	TEXT_PUT(&t, "abc");
	alloc.until_failure = INT_MAX;
	assert_true(t.failed);
	assert_int_equal(t.len, 0);
	text_reset(&t, 0);
	TEXT_PUT(&t, "abc");
	assert_false(t.failed);
	text_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),   cmocka_unit_test(test_nothing),   cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
