/* SPDX-License-Identifier: MIT */
/* Connections listed, looked up and closed through the HTTP interface. */
#include "support/admin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

static void
test_list(void **state)
{
	struct http_answer answer;
	struct json_object *json, *list, *value;

	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections HTTP/1.1"), 200,
		"{\"connections\":[],\"total\":0,\"next\":null}");
	assert_int_equal(rig.script.limit, 100);
	rig.script.have = 5;
	answer = http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections?limit=2&after=c01&prefix=c HTTP/1.1");
	json = json_tokener_parse(answer.body);
	assert_true(json_object_object_get_ex(json, "connections", &list));
	assert_int_equal(json_object_array_length(list), 2);
	assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 0), "connectionId", &value));
	assert_string_equal(json_object_get_string(value), "c02");
	json_object_put(json);
	http_is(answer, 200, "\"total\":5,\"next\":\"c03\"}");
	assert_string_equal(rig.script.after, "c01");
	assert_string_equal(rig.script.prefix, "c");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections?after=%630%33&limit=1000 HTTP/1.1"), 200,
		"\"next\":null}");
	assert_string_equal(rig.script.after, "c03");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections?after=&prefix= HTTP/1.1"), 200, "");
}

static void
test_bad_parameters(void **state)
{
	static const char *const cases[][2] = {
		{ "limit=0", "limit: expected a number" },
		{ "limit=1001", "limit: expected" },
		{ "limit=", "limit: expected" },
		{ "limit", "limit: expected" },
		{ "limit=%31", "limit: expected" },
		{ "limit=-1", "limit: expected" },
		{ "limit=99999999999999999999", "limit: expected" },
		{ "limit=1&limit=2", "limit: given twice" },
		{ "after=a%00b", "after: expected" },
		{ "after=a/b", "after: expected" },
		{ "after=%zz", "after: expected" },
		{ "after=%4", "after: expected" },
		{ "prefix=%C3%A4", "prefix: expected" },
		{ "prefix=a+b", "prefix: expected" },
		{ "offset=3", "offset: unknown parameter" },
		{ "%22=3", "%22: unknown parameter" },
	};
	char line[512], longest[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "GET /api/v1/connections?%s HTTP/1.1", cases[i][0]);
		http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", line), 400, cases[i][1]);
	}
	assert_int_equal(rig.script.pages, 0);
	memset(longest, 'a', sizeof(longest));
	snprintf(line, sizeof(line), "GET /api/v1/connections?after=%.128s HTTP/1.1", longest);
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", line), 200, "");
	snprintf(line, sizeof(line), "GET /api/v1/connections?after=%.129s HTTP/1.1", longest);
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", line), 400, "after: expected");
	snprintf(line, sizeof(line), "GET /api/v1/connections/%.129s HTTP/1.1", longest);
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", line), 400, "id: expected 1 to 128");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections/a%2fb HTTP/1.1"), 400, "id: expected");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections/a%00 HTTP/1.1"), 400, "id: expected");
	assert_int_equal(rig.script.finds, 0);
}

static void
test_one(void **state)
{
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections/c%303 HTTP/1.1"), 200,
		"{\"connectionId\":\"c03\",\"client\":\"[2001:db8::1]:4242\",\"connectedAt\":\"2023-11-14T22:"
		"13:20.123Z\","
		"\"idleMs\":5,\"messages\":7,\"queuedBytes\":9,\"worker\":1,\"resumed\":true}");
	assert_string_equal(rig.script.id, "c03");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "DELETE /api/v1/connections/A.b_c~d-e HTTP/1.1"), 200,
		"{\"connectionId\":\"A.b_c~d-e\",\"disconnected\":true}");
	assert_string_equal(rig.script.id, "A.b_c~d-e");
	assert_int_equal(rig.script.disconnects, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_list),
		ADMIN_TEST(test_bad_parameters),
		ADMIN_TEST(test_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
