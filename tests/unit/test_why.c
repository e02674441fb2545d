/* SPDX-License-Identifier: MIT */
/* Reasons: what others have said does not reach a terminal raw, and fits. */
#include "ctl/why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static struct why why;

static void
test_the_code_comes_back(void **state)
{
	assert_int_equal(why_set(&why, WSD_E_BUSY, "%s answered %d", "blue", 409), WSD_E_BUSY);
	assert_string_equal(why.text, "blue answered 409");
	assert_int_equal(why_set(&why, WSD_OK, "%s", ""), WSD_OK);
	assert_string_equal(why.text, "");
}

static void
test_control_characters(void **state)
{
	why_set(&why, 0, "%s", "a\x1b[2J\r\tb\x7f\x01\nc");
	assert_string_equal(why.text, "a [2J  b  \nc");
	why_set(&why, 0, "%s",
		"gr\xc3\xbc\xc3\x9f"
		"e");
	assert_string_equal(why.text, "gr\xc3\xbc\xc3\x9f"
				      "e");
	/* U+009B begins a sequence as ESC [ does, and so does its byte on a terminal without UTF-8 */
	why_set(&why, 0, "%s",
		"a\xc2\x9b"
		"2J \xc2\xa0\xe2\x82\xac\xf0\x9f\x99\x82");
	assert_string_equal(why.text, "a  2J \xc2\xa0\xe2\x82\xac\xf0\x9f\x99\x82");
	why_set(&why, 0, "%s",
		"a\x9b"
		"2J\xff\xe2\x82");
	assert_string_equal(why.text, "a 2J   ");
	/* U+202E turns what follows around, and U+200B is not seen at all */
	why_set(&why, 0, "%s",
		"a\xe2\x80\xae"
		"b\xe2\x80\x8b");
	assert_string_equal(why.text, "a   b   ");
}

static void
test_line_breaks_at_the_end_go(void **state)
{
	why_set(&why, 0, "%s", "one\n\ntwo\n\n\n");
	assert_string_equal(why.text, "one\n\ntwo");
	why_set(&why, 0, "%s", "\n\n");
	assert_string_equal(why.text, "");
}

static void
test_it_may_be_its_own_argument(void **state)
{
	why_set(&why, 0, "refused");
	why_set(&why, 0, "green: %s (%s)", why.text, why.text);
	assert_string_equal(why.text, "green: refused (refused)");
}

static void
test_too_long_is_cut(void **state)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	why_set(&why, 0, "%s", text);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
	why_set(&why, 0, "again: %s", why.text);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
	assert_true(strncmp(why.text, "again: xxx", 10) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_code_comes_back),       cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_line_breaks_at_the_end_go), cmocka_unit_test(test_it_may_be_its_own_argument),
		cmocka_unit_test(test_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
