/* SPDX-License-Identifier: MIT */
/* Who may see the metrics, give orders and set the log level. */
#include "support/admin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "log/log.h"

#define TOKEN "correct-horse"

static int
set_up_token(void **state)
{
	admin_rig_start(TOKEN, NULL);
	return 0;
}

/* A proxy on this machine does not open /metrics to the world; who is not a trusted proxy cannot claim to be
 * somebody else. */
static void
test_forwarded(void **state)
{
	static const struct {
		const char *peer, *headers;
		int status;
	} cases[] = {
		{ "127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n", 403 },
		{ "127.0.0.1", "x-forwarded-for: 127.0.0.1, 203.0.113.9\r\n", 403 },
		{ "127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 127.0.0.1\r\n", 403 },
		{ "127.0.0.1", "X-Forwarded-For: 203.0.113.9, 198.51.100.5\r\n", 200 },
		{ "127.0.0.1", "X-Forwarded-For: nonsense\r\n", 403 },
		{ "unix", "X-Forwarded-For: 203.0.113.9\r\n", 403 },
		{ "203.0.113.9", "X-Forwarded-For: 127.0.0.1\r\n", 403 },
		{ "203.0.113.9", "X-Forwarded-For: unix\r\n", 403 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer answer =
			http_send(ADMIN_SIDE_ADMIN, cases[i].peer, "GET /metrics HTTP/1.1", cases[i].headers, "");

		if (answer.status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].peer, cases[i].headers, answer.status);
		http_free(&answer);
	}
	/* and with many lines nobody knows */
	char many[2048] = "";

	for (unsigned i = 0; i < 20; i++)
		strcat(many, "X-Forwarded-For: 127.0.0.1\r\n");
	http_is(http_send(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /metrics HTTP/1.1", many, ""), 403, "");
}

static struct http_answer
drain_with(const char *peer, const char *headers)
{
	return http_send(ADMIN_SIDE_ADMIN, peer, "POST /api/v1/drain HTTP/1.1", headers, "");
}

static void
test_rights_without_token(void **state)
{
	http_is(drain_with("127.0.0.1", ""), 403, "unix socket only");
	http_is(drain_with("::1", "Authorization: Bearer \r\n"), 403, "unix socket only");
	http_is(drain_with("unix", "X-Forwarded-For: 127.0.0.1\r\n"), 403, "unix socket only");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "DELETE /api/v1/connections/x HTTP/1.1"), 403,
		"unix socket only");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "POST /api/v1/accept HTTP/1.1"), 403, "unix socket only");
	assert_int_equal(rig.script.drains + rig.script.disconnects + rig.script.accepts, 0);
	http_is(drain_with("unix", ""), 202, "{\"state\":\"draining\"}");
	assert_int_equal(rig.script.drains, 1);
}

static void
test_rights_with_token(void **state)
{
	static const char *const bad[] = { "",
					   "Authorization: Bearer\r\n",
					   "Authorization: Bearer \r\n",
					   "Authorization: Bearer correct-hors\r\n",
					   "Authorization: Bearer correct-horsecorrect-horse\r\n",
					   "Authorization: Bearer correct-horsf\r\n",
					   "Authorization: Basic " TOKEN "\r\n",
					   "Authorization: " TOKEN "\r\n",
					   "X-Authorization: Bearer " TOKEN "\r\n" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_answer answer = drain_with("203.0.113.1", bad[i]);

		assert_int_equal(answer.status, 401);
		assert_string_equal(http_header(&answer, "WWW-Authenticate"), "Bearer realm=\"wsd\"");
		http_is(answer, 401, "ADMIN_TOKEN");
	}
	assert_int_equal(rig.script.drains, 0);
	http_is(drain_with("203.0.113.1", "Authorization: Bearer " TOKEN "\r\n"), 202, "");
	http_is(drain_with("127.0.0.1", "authorization: bearer " TOKEN "\r\n"), 202, "");
	http_is(drain_with("unix", ""), 202, "");
	assert_int_equal(rig.script.drains, 3);
}

static const char *const personal[] = { "GET /api/v1/connections HTTP/1.1", "GET /api/v1/connections?limit=0 HTTP/1.1",
					"GET /api/v1/connections/x HTTP/1.1", "GET /api/v1/connections/%00 HTTP/1.1" };

/* Whether or not there is such a connection, and whatever else is asked. */
static void
test_who_is_connected_without_token(void **state)
{
	for (size_t i = 0; i < sizeof(personal) / sizeof(personal[0]); i++) {
		http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", personal[i]), 403, "unix socket only");
		http_is(http_send(ADMIN_SIDE_ADMIN, "unix", personal[i], "X-Forwarded-For: 127.0.0.1\r\n", ""), 403,
			"unix socket only");
	}
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", personal[0]), 200, "\"total\"");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /api/v1/handoff HTTP/1.1"), 200, "");
}

static void
test_who_is_connected_with_token(void **state)
{
	for (size_t i = 0; i < sizeof(personal) / sizeof(personal[0]); i++)
		http_is(http_ask(ADMIN_SIDE_ADMIN, "::1", personal[i]), 401, "ADMIN_TOKEN");
	http_is(http_send(ADMIN_SIDE_ADMIN, "::1", personal[0], "Authorization: Bearer " TOKEN "\r\n", ""), 200,
		"\"total\"");
}

static struct http_answer
put_level(const char *peer, const char *body)
{
	return http_send(ADMIN_SIDE_ADMIN, peer, "PUT /api/v1/log-level HTTP/1.1", "", body);
}

static void
test_log_level(void **state)
{
	static const char *const bad[] = { "",
					   "{}",
					   "{\"level\":\"loud\"}",
					   "{\"level\":7}",
					   "{\"level\":null}",
					   "{\"level\":\"\"}",
					   "{\"level\":\"info\\u0000\"}" };
	enum log_level before = log_get_level();

	http_is(put_level("127.0.0.1", "{\"level\":\"debug\"}"), 403, "unix socket only");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		http_is(put_level("unix", bad[i]), 400, "level: expected error, warn, notice, info or debug");
	assert_int_equal(log_get_level(), before);
	http_is(put_level("unix", "{\"level\":\"error\"}"), 200, "{\"level\":\"error\"}");
	assert_int_equal(log_get_level(), LOG_LEVEL_ERROR);
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /api/v1/log-level HTTP/1.1"), 200,
		"{\"level\":\"error\"}");
	log_set_level(before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_forwarded),
		ADMIN_TEST(test_rights_without_token),
		cmocka_unit_test_setup_teardown(test_rights_with_token, set_up_token, admin_rig_tear_down),
		ADMIN_TEST(test_who_is_connected_without_token),
		cmocka_unit_test_setup_teardown(test_who_is_connected_with_token, set_up_token, admin_rig_tear_down),
		ADMIN_TEST(test_log_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
