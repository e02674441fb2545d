/* SPDX-License-Identifier: MIT */
/* Characters one by one: against a plain decoder, and what a terminal would not show as it is. */
#include "base/utf8_char.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/plain_utf8.h"

static size_t
encode(char out[4], uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static void
test_every_code_point(void **state)
{
	char text[4];

	for (uint32_t code = 0; code < 0x120000; code++) {
		size_t len = encode(text, code);
		bool valid = plain_utf8_valid((const unsigned char *)text, len);

		assert_int_equal(utf8_char_len(text, len), valid ? len : 0);
		assert_int_equal(utf8_char_len(text, len - 1), 0);
		if (valid)
			assert_int_equal(utf8_char_code(text, len), code);
	}
}

static void
test_what_is_no_character(void **state)
{
	static const char *const bad[] = { "\x80",      "\xc0\x80",         "\xc3(", "\xe0\x80\x80",
					   "\xe2\x82(", "\xf0\x8f\xbf\xbf", "\xff" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(utf8_char_len(bad[i], strlen(bad[i])), 0);
	assert_int_equal(utf8_char_len("", 0), 0);
	assert_int_equal(utf8_char_len("a\xff", 2), 1);
}

static void
test_what_is_not_shown_as_it_is(void **state)
{
	static const uint32_t hidden[] = { 0,      0x1b,   0x7f,   0x80,    0x9b,   0x9f,   0xad,
					   0x61c,  0x200b, 0x200e, 0x200f,  0x2028, 0x202a, 0x202e,
					   0x2060, 0x2066, 0x2069, 0xe0001, 0xfeff };
	static const uint32_t shown[] = { ' ',    '~',    0xa0,   0xe9,   0x5d0,  0x627,
					  0x2010, 0x2027, 0x202f, 0x20ac, 0xfffd, 0x1f642 };

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		assert_false(utf8_char_shown(hidden[i]));
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_true(utf8_char_shown(shown[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_what_is_no_character),
		cmocka_unit_test(test_what_is_not_shown_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
