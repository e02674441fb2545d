/* SPDX-License-Identifier: MIT */
/* Commands of backends to clients, and what the answer says of how they went. */
#include "support/admin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "channel/command.h"

#define MESSAGES "POST /api/v1/connections/c00/messages HTTP/1.1"
#define LAST     "Connection: close\r\n"

static struct http_answer
post(const char *method, const char *body)
{
	char line[80];

	snprintf(line, sizeof(line), "POST /api/%s HTTP/1.1", method);
	return http_send(ADMIN_SIDE_ADMIN, "unix", line, LAST, body);
}

static void
answers(struct http_answer answer, int status, const char *body)
{
	assert_int_equal(answer.status, status);
	if (!strstr(answer.body, body))
		fail_msg("%s and not %s", answer.body, body);
	http_free(&answer);
}

#define CODE(n) "{\"error\":{\"code\":" #n ","

static void
test_how_it_went(void **state)
{
	static const struct {
		int rc;
		struct channel_command_result result;
		const char *command, *message; /* what is answered */
		int status;                    /* of the message */
	} cases[] = {
		{ WSD_OK, { .done = 1 }, "{\"result\":{}}", "sent", 202 },
		{ WSD_OK, { .done = 0 }, "{\"result\":{}}", "not_found", 404 },
		{ WSD_OK, { .moving = 1 }, CODE(100), "moving", 503 },
		{ WSD_OK, { .done = 1, .rc = WSD_E_FULL }, CODE(106), "queue_full", 503 },
		{ WSD_OK, { .rc = -ENOMEM }, CODE(100), "out of memory", 503 },
		{ WSD_E_TIMEOUT, { .done = 0 }, CODE(100), "timeout", 503 },
		{ WSD_E_BUSY, { .done = 0 }, CODE(100), "busy", 409 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig.script.rc = cases[i].rc;
		rig.script.result = cases[i].result;
		answers(post("disconnect", "{\"client\":\"c00\"}"), 200, cases[i].command);
		answers(http_send(ADMIN_SIDE_ADMIN, "unix", MESSAGES, LAST, "{\"a\":1}"), cases[i].status,
			cases[i].message);
	}
}

static void
test_what_is_passed_on(void **state)
{
	answers(post("disconnect", "{\"user\":\"al\\u00fc\",\"client\":\"c\",\"whitelist\":[\"a\",\"bb\"],"
				   "\"disconnect\":{\"code\":3500,\"reason\":\"no\"}}"),
		200, "result");
	assert_string_equal(rig.script.command,
			    "kind 3 client c user al\xc3\xbc spared a,bb, channel  data no code 3500");
	answers(post("refresh", "{\"client\":\"c\",\"expire_at\":7}"), 200, "result");
	assert_string_equal(rig.script.command, "kind 4 client c user  spared  channel  data  code 0 expires 7000");
	answers(post("refresh", "{\"client\":\"c\",\"expire_at\":7,\"expired\":true}"), 200, "result");
	assert_string_equal(rig.script.command, "kind 4 client c user  spared  channel  data  code 0 expires 1");
	answers(http_send(ADMIN_SIDE_ADMIN, "unix", MESSAGES, LAST, " {\"a\":1}"), 404, "not_found");
	assert_string_equal(rig.script.command, "kind 0 client c00 user  spared  channel  data  {\"a\":1} code 0");
}

/* A server that does not answer costs one time its patience, not that for each command of a batch. */
static void
test_late(void **state)
{
	rig.script.rc = WSD_E_TIMEOUT;
	answers(post("batch", "{\"commands\":[{\"disconnect\":{\"client\":\"a\"}},{\"disconnect\":{\"client\":\"b\"}},"
			      "{\"refresh\":{\"client\":\"c\"}}]}"),
		200, "{\"replies\":[{\"error\":{\"code\":100,");
	assert_int_equal(rig.script.commands, 1);
}

static void
test_no_channels(void **state)
{
	answers(post("subscribe", "{\"client\":\"a\",\"channel\":\"b\"}"), 200, CODE(108));
	answers(post("unsubscribe", "{\"client\":\"a\",\"channel\":\"b\"}"), 200, CODE(108));
	assert_int_equal(rig.script.commands, 0);
}

static int
set_up_few(void **state)
{
	static const struct admin_limits few = { .connections = { 4, 2 },
						 .of_one_client = { 2, 2 },
						 .backends = 3,
						 .idle_s = 10,
						 .kept_s = 1,
						 .request_ms = 10000 };

	admin_rig_start(NULL, &few);
	return 0;
}

/* They do not stand in others' places, and one that is kept for nothing goes some time. */
static void
test_kept(void **state)
{
	static const char ask[] = "POST /api/info HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
	int kept[3];
	char byte;

	for (unsigned i = 0; i < 3; i++) {
		char answer[1024] = "";
		size_t len = 0;

		kept[i] = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");
		http_write(kept[i], ask, sizeof(ask) - 1);
		while (!strstr(answer, "}]}}\n")) {
			ssize_t n = read(kept[i], answer + len, sizeof(answer) - 1 - len);

			assert_true(n > 0);
			len += (size_t)n;
		}
		assert_null(strstr(answer, "Connection: close"));
	}
	/* one more is served, and closed */
	http_is(http_send(ADMIN_SIDE_ADMIN, "unix", "POST /api/info HTTP/1.1", "", "{}"), 200, "nodes");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /healthz HTTP/1.1"), 200, "");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(read(kept[i], &byte, 1), 0);
		close(kept[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_how_it_went),
		ADMIN_TEST(test_what_is_passed_on),
		ADMIN_TEST(test_late),
		ADMIN_TEST(test_no_channels),
		cmocka_unit_test_setup_teardown(test_kept, set_up_few, admin_rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
