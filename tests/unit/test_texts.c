/* SPDX-License-Identifier: MIT */
/* Short texts as they come from outside: names, numbers, escapes, secrets, pieces of lists. */
#include "base/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ascii.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/percent.h"
#include "base/secret.h"

static void
test_connection_ids(void **state)
{
	char longest[CONNECTION_ID_MAX + 2];

	memset(longest, 'x', sizeof(longest));
	assert_true(name_is_connection_id((struct slice){ longest, CONNECTION_ID_MAX }));
	assert_false(name_is_connection_id((struct slice){ longest, CONNECTION_ID_MAX + 1 }));
	assert_true(name_is_connection_id(SLICE("azAZ09._~-")));
	for (int c = 0; c < 256; c++) {
		char text = (char)c;
		bool good = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-", c);

		assert_int_equal(name_begins_connection_id((struct slice){ &text, 1 }), good);
		assert_int_equal(name_is_connection_id((struct slice){ &text, 1 }), good && c != '.');
	}
	assert_false(name_is_connection_id(SLICE("")) || name_is_connection_id(SLICE("..")));
	assert_false(name_begins_connection_id(SLICE("")));
	assert_true(name_begins_connection_id(SLICE("..")) && name_is_connection_id(SLICE("...")));
}

static void
test_instances(void **state)
{
	assert_true(name_is_instance("blue") && name_is_instance("0-1"));
	assert_true(name_is_instance("12345678901234567890123456789012"));
	assert_false(name_is_instance("123456789012345678901234567890123"));
	assert_false(name_is_instance("") || name_is_instance("Blue") || name_is_instance("a.b"));
}

static void
check_number(const char *text, uint64_t most, int expected, uint64_t value)
{
	uint64_t out = 77;

	assert_int_equal(decimal_parse(slice_of(text), most, &out), expected);
	assert_int_equal(out, expected == WSD_OK ? value : 77);
}

static void
test_numbers(void **state)
{
	check_number("0", 0, WSD_OK, 0);
	check_number("007", 7, WSD_OK, 7);
	check_number("8", 7, WSD_E_RANGE, 0);
	check_number("18446744073709551615", UINT64_MAX, WSD_OK, UINT64_MAX);
	check_number("18446744073709551616", UINT64_MAX, WSD_E_RANGE, 0);
	check_number("99999999999999999999999x", 7, WSD_E_MALFORMED, 0);
	check_number("", 7, WSD_E_MALFORMED, 0);
	check_number("+1", 7, WSD_E_MALFORMED, 0);
	check_number(" 1", 7, WSD_E_MALFORMED, 0);
}

static void
check_decoded(const char *text, size_t size, int expected, const char *value)
{
	char out[16] = "before";

	assert_int_equal(percent_decode(slice_of(text), out, size), expected);
	assert_string_equal(out, value);
}

static void
test_escapes(void **state)
{
	check_decoded("", 1, 0, "");
	check_decoded("a+%62%C3", 16, 4, "a+b\xc3");
	check_decoded("%41%4a", 3, 2, "AJ");
	check_decoded("%41%4a", 2, WSD_E_TOO_LARGE, "");
	check_decoded("", 0, WSD_E_TOO_LARGE, "before");
	check_decoded("a%00b", 16, WSD_E_MALFORMED, "");
	check_decoded("a%", 16, WSD_E_MALFORMED, "");
	check_decoded("a%4", 16, WSD_E_MALFORMED, "");
	check_decoded("a%g1", 16, WSD_E_MALFORMED, "");
	check_decoded("a%1g", 16, WSD_E_MALFORMED, "");
}

static void
test_secrets(void **state)
{
	assert_true(secret_equal(SLICE("secret"), SLICE("secret")));
	assert_false(secret_equal(SLICE("secret"), SLICE("secres")));
	assert_false(secret_equal(SLICE("secret"), SLICE("xecret")));
	assert_false(secret_equal(SLICE("secret"), SLICE("secre")));
	assert_false(secret_equal(SLICE("secret"), SLICE("secrets")));
	assert_false(secret_equal(SLICE("secret"), SLICE("")));
}

static void
check_pieces(const char *text, const char *expected)
{
	struct slice rest = slice_of(text), piece;
	char seen[32] = "";

	while (slice_cut(&rest, ',', &piece))
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "<%.*s>", (int)piece.len, piece.at);
	assert_string_equal(seen, expected);
	assert_int_equal(rest.len, 0);
}

static void
test_pieces(void **state)
{
	check_pieces("", "");
	check_pieces("a", "<a>");
	check_pieces("a,bc", "<a><bc>");
	check_pieces(",a,,b,", "<><a><><b>");
	assert_true(slice_equal_nocase(SLICE("Upgrade"), "uPGRADE"));
	assert_false(slice_equal_nocase(SLICE("Upgrade"), "Upgrad") || slice_equal_nocase(SLICE("Up"), "Upgrade"));
}

static void
test_lists(void **state)
{
	assert_true(slice_lists(SLICE("upgrade"), SLICE("upgrade")));
	assert_true(slice_lists(SLICE("keep-alive ,\tUPGRADE "), SLICE("upgrade")));
	assert_true(slice_lists(SLICE(",,upgrade,"), SLICE("upgrade")));
	assert_false(slice_lists(SLICE(""), SLICE("upgrade")));
	assert_false(slice_lists(SLICE("upgrades"), SLICE("upgrade")));
	assert_false(slice_lists(SLICE("up grade"), SLICE("upgrade")));
	assert_false(slice_lists(SLICE("keep-alive upgrade"), SLICE("upgrade")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connection_ids), cmocka_unit_test(test_instances), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_escapes),        cmocka_unit_test(test_secrets),   cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
