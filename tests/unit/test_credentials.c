/* SPDX-License-Identifier: MIT */
/* Where a token may stand in a request, and which it is when there are several. */
#include "front/front_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char room[AUTH_TOKEN_MAX + 1];

static struct slice
slice(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

/* offered: lines of the field, parted by '|'. */
static struct request_list
lines(const char *offered)
{
	struct request_list list = { .n_lines = 0 };

	for (; *offered; offered += strspn(offered, "|")) {
		list.lines[list.n_lines++] = (struct slice){ offered, strcspn(offered, "|") };
		offered += strcspn(offered, "|");
	}
	return list;
}

static void
finds(const char *authorization, const char *offered, const char *query, enum credentials expected, const char *token)
{
	struct request r = { .authorization = slice(authorization),
			     .subprotocols = lines(offered),
			     .query = slice(query) };
	struct slice found;

	assert_int_equal(credentials_find(&r, room, &found), expected);
	if (expected == CREDENTIALS_ONE && !slice_equal(found, token))
		fail_msg("%.*s instead of %s", (int)found.len, found.at, token);
}

static void
test_places(void **state)
{
	finds("", "", "", CREDENTIALS_NONE, NULL);
	finds("Bearer a.b.c", "", "", CREDENTIALS_ONE, "a.b.c");
	finds("bearer \t a.b.c", "", "", CREDENTIALS_ONE, "a.b.c");
	finds("Bearer", "", "", CREDENTIALS_ONE, "");
	finds("Bearerx a", "", "", CREDENTIALS_NONE, NULL);
	finds("Basic a", "", "", CREDENTIALS_NONE, NULL);
	finds("", "bearer.a.b.c", "", CREDENTIALS_ONE, "a.b.c");
	finds("", "wsd , bearer.a.b.c,x", "", CREDENTIALS_ONE, "a.b.c");
	finds("", "bearer.a.b.c|wsd", "", CREDENTIALS_ONE, "a.b.c");
	finds("", "wsd|x,bearer.a.b.c|y", "", CREDENTIALS_ONE, "a.b.c");
	finds("", "bearer.", "", CREDENTIALS_ONE, "");
	finds("", "Bearer.a", "", CREDENTIALS_NONE, NULL);
	finds("", "bearer", "", CREDENTIALS_NONE, NULL);
	finds("", ", ,,", "", CREDENTIALS_NONE, NULL);
	finds("", "", "token=a.b.c", CREDENTIALS_ONE, "a.b.c");
	finds("", "", "session=1&token=a%2Eb.c&x=1", CREDENTIALS_ONE, "a.b.c");
	finds("", "", "token", CREDENTIALS_ONE, "");
	finds("", "", "Token=a&tokens=b", CREDENTIALS_NONE, NULL);
	finds("", "", "token=%00", CREDENTIALS_ONE, "");
}

static void
test_several(void **state)
{
	finds("Bearer a", "bearer.a", "token=a", CREDENTIALS_ONE, "a");
	finds("Bearer a", "bearer.b", "", CREDENTIALS_CONFLICT, NULL);
	finds("Bearer a", "", "token=b", CREDENTIALS_CONFLICT, NULL);
	finds("", "bearer.a", "token=b", CREDENTIALS_CONFLICT, NULL);
	finds("", "bearer.a,bearer.b", "", CREDENTIALS_CONFLICT, NULL);
	finds("", "bearer.a,bearer.b,bearer.a", "", CREDENTIALS_CONFLICT, NULL);
	finds("", "bearer.a|bearer.a", "", CREDENTIALS_ONE, "a");
	finds("", "bearer.a|bearer.b", "", CREDENTIALS_CONFLICT, NULL);
	finds("Bearer a", "bearer.b", "token=a", CREDENTIALS_CONFLICT, NULL);
	finds("Bearer a", "", "token=", CREDENTIALS_CONFLICT, NULL);
}

static void
test_too_long(void **state)
{
	char query[2 * AUTH_TOKEN_MAX] = "token=";

	memset(query + 6, 'a', AUTH_TOKEN_MAX);
	finds("", "", query, CREDENTIALS_ONE, query + 6);
	query[6 + AUTH_TOKEN_MAX] = 'a';
	finds("", "", query, CREDENTIALS_ONE, ""); /* and so malformed */
}

static bool
offers_wsd(const char *offered)
{
	struct request_list list = lines(offered);

	return slice_equal(subprotocol_choose(NULL, &list), "wsd");
}

static void
test_offers(void **state)
{
	assert_true(offers_wsd("wsd"));
	assert_true(offers_wsd("a,\twsd ,b"));
	assert_true(offers_wsd("wsd|bearer.x"));
	assert_false(offers_wsd(""));
	assert_false(offers_wsd("WSD,wsdx,ws d"));
	assert_false(offers_wsd("ws|d"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
