/* SPDX-License-Identifier: MIT */
/* Request ids: which of the client's are repeated, and what ours look like; the digits they are made of. */
#include "base/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"

static void
repeated(const char *sent, size_t len, bool expected)
{
	char id[REQUEST_ID_MAX + 1];

	request_id_choose(id, (struct slice){ sent, len });
	if (expected) {
		assert_int_equal(strlen(id), len);
		assert_memory_equal(id, sent, len);
	} else {
		assert_int_equal(strlen(id), 32);
		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	}
}

static void
test_which_is_repeated(void **state)
{
	char longest[REQUEST_ID_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	repeated(longest, REQUEST_ID_MAX, true);
	repeated(longest, REQUEST_ID_MAX + 1, false);
	repeated("Az09._-", 7, true);
	repeated(NULL, 0, false);
	repeated("a b", 3, false);
	repeated("a\0b", 3, false);
	repeated("\xc3\xa4", 2, false);
}

static void
test_hex(void **state)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	uint8_t bytes[256];
	char text[2 * sizeof(bytes) + 1];
	unsigned known = 0;

	for (int c = -128; c < 128; c++)
		known += hex_value((char)c) >= 0;
	assert_int_equal(known, 22);
	for (int i = 0; i < 32; i++)
		assert_int_equal(hex_value(digits[i]), i % 16);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	hex_encode(text, bytes, sizeof(bytes));
	assert_int_equal(strlen(text), 2 * sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		assert_int_equal(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]), i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_is_repeated),
		cmocka_unit_test(test_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
