/* SPDX-License-Identifier: MIT */
/* The JSON of tokens: dates, names, lists, and what is no such JSON. */
#include "auth/auth_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/exact.h"

static bool
takes(const char *json, size_t len)
{
	struct token_claims claims;
	char *copy = exact_copy(json, len);
	bool good = claims_read(&claims, (struct slice){ copy, len });

	free(copy);
	return good;
}

static void
test_objects(void **state)
{
	static const char *const good[] = {
		"{}",
		" {} ",
		"{\"exp\":1}",
		"{\"a\":{\"exp\":1},\"exp\":2}",
		"{\"x\":1,\"x\":2}",
		"{\"exp\" : 1 , \"nbf\":2}",
		"{\"aud\":[\"a\",\"b\",[]]}",
		"{\"name\":\"Zo\xc3\xab\"}",
	};
	static const char *const bad[] = {
		"",
		" ",
		"[]",
		"1",
		"\"exp\"",
		"null",
		"{",
		"{}x",
		"{} {}",
		"{\"exp\":1",
		"{\"exp\"}",
		"{\"exp\":}",
		"{exp:1}",
		"{\"exp\":1,}",
		"{,}",
		"{\"exp\":01}",
		"{\"exp\":+1}",
		"{'exp':1}",
		"{\"exp\":NaN}",
		"{\"exp\":1,\"exp\":2}",
		"{\"exp\":1,\"nbf\":1,\"exp\":1}",
		"{\"\\u0065xp\":1,\"exp\":2}",
		"{\"sub\":\"a\",\"sub\":\"a\"}",
		"{\"connection_id\":\"a\",\"connection_id\":\"b\"}",
		"{\"sub\":\"\xff\"}",
		"{\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}",
		"{\"sub\":\"a\nb\"}",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!takes(good[i], strlen(good[i])))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (takes(bad[i], strlen(bad[i])))
			fail_msg("%s is taken", bad[i]);
	assert_false(takes("{\"sub\":\"a\0b\"}", 13));
	assert_false(takes("{}\0", 3));
	assert_false(takes("{\"exp\":1\0}", 10));
}

static void
test_every_piece_of_an_object_is_refused(void **state)
{
	static const char whole[] = "{\"exp\":12.5,\"aud\":[\"a\",{\"b\":null}],\"sub\":\"x\\u00e9\"}";

	for (size_t len = 0; len < sizeof(whole) - 1; len++)
		assert_false(takes(whole, len));
	assert_true(takes(whole, sizeof(whole) - 1));
}

static void
test_dates(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t ms;
	} cases[] = {
		{ "0", true, 0 },
		{ "1", true, 1000 },
		{ "1700000000", true, 1700000000000 },
		{ "1700000000.9999", true, 1700000000999 },
		{ "1700000000.0004", true, 1700000000000 },
		{ "1.7e9", true, 1700000000000 },
		{ "1.7e+09", true, 1700000000000 },
		{ "1.7E9", true, 1700000000000 },
		{ "17000000001e-1", true, 1700000000100 },
		{ "1.5e3", true, 1500000 },
		{ "1e-3", true, 1 },
		{ "1e-4", true, 0 },
		{ "1e-999999999999", true, 0 },
		{ "0e999999999999", true, 0 },
		{ "-0", true, 0 },
		{ "-0.0e5", true, 0 },
		{ "0.000000000000000000000000017e35", true, 1700000000000 },
		{ "1700000000.00000000000000000000000000000000001", true, 1700000000000 },
		{ "17000000000000000000000000000000000000000e-31", true, 1700000000000 },
		{ "999999999999", true, 999999999999000 },
		{ "999999999999.9999", true, 999999999999999 },
		{ "9.99999999999e11", true, 999999999999000 },
		{ "1000000000000", false, 0 },
		{ "1e12", false, 0 },
		{ "1e300", false, 0 },
		{ "1e999999999999", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999999999999999", false, 0 },
		{ "18446744073709551617e-20", true, 184 },
		{ "-1", false, 0 },
		{ "-1e-999", false, 0 },
		{ "\"1700000000\"", false, 0 },
		{ "true", false, 0 },
		{ "null", false, 0 },
		{ "[1]", false, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value;

		if (claims_date(&value, (struct slice){ cases[i].text, strlen(cases[i].text) }) != cases[i].good)
			fail_msg("%s", cases[i].text);
		if (cases[i].good)
			assert_int_equal(value, cases[i].ms);
	}
}

static bool
has(const char *raw, bool list)
{
	size_t len = strlen(raw);
	char *copy = exact_copy(raw, len);
	bool found = claims_has((struct slice){ copy, len }, "chat", list);

	free(copy);
	return found;
}

static void
test_names_and_lists(void **state)
{
	assert_true(has("\"chat\"", false));
	assert_true(has("\"ch\\u0061t\"", false));
	assert_true(has("\"chat\"", true));
	assert_true(has("[\"chat\"]", true));
	assert_true(has("[ 1 , {\"chat\":[]} , \"x\" , \"chat\" ]", true));
	assert_false(has("[\"chat\"]", false));
	assert_false(has("[[\"chat\"]]", true));
	assert_false(has("[]", true));
	assert_false(has("[ ]", true));
	assert_false(has("[\"chats\",\"cha\",\"\",\"CHAT\"]", true));
	assert_false(has("\"chat\\u0000\"", false));
	assert_false(has("\"\"", true));
	assert_false(has("{\"chat\":\"chat\"}", true));
	assert_false(has("1", true));
	assert_false(has("", true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_every_piece_of_an_object_is_refused),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_names_and_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
