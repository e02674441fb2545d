/* SPDX-License-Identifier: MIT */
/* What each type of message does, and what is answered to one that is none. */
#include "support/worker_rig.h"

static void
test_messages_are_counted(void **state)
{
	struct client *c = rig_client();

	assert_said(c, "\"type\":\"connection_established\"");
	fake_text(&c->wire, "{\"type\":\"message\",\"data\":1,\"id\":\"a\"}");
	assert_said(c, "\"type\":\"message_response\"");
	assert_said(c, "\"count\":1");
	assert_said(c, "\"id\":\"a\"");
	fake_text(&c->wire, "{\"type\":\"message\",\"data\":{\"x\":[]}}");
	assert_said(c, "\"count\":2");
	assert_int_equal(c->count, 2);
	assert_int_equal(metrics_sum(METRIC_MESSAGES), 2);
	assert_int_equal(rig_wire(c)->messages, 2);
	assert_int_equal(rig_wire(c)->texts, 3);
	assert_true(client_is_open(c));
}

static void
test_ping_tells_who_answers(void **state)
{
	struct client *c = rig_client();

	fake_text(&c->wire, "{\"type\":\"ping\",\"id\":7}");
	assert_said(c, "\"type\":\"pong\"");
	assert_said(c, "\"id\":7");
	assert_said(c, "\"instance\":\"rig\"");
	assert_int_equal(c->count, 0);
}

static void
test_disconnect_ends_the_session(void **state)
{
	struct client *c = rig_client();

	fake_text(&c->wire, "{\"type\":\"disconnect\"}");
	assert_said(c, "\"type\":\"goodbye\"");
	assert_said(c, "\"reason\":\"disconnect\"");
	assert_int_equal(rig_wire(c)->close_code, 1000);
	rig_end_turn();
	fake_network_ends(&c->wire);
	assert_int_equal(rig.left, 1);
	assert_true(rig.session_over);
}

static void
test_auth_where_no_token_is_needed(void **state)
{
	struct client *c = rig_client();

	fake_text(&c->wire, "{\"type\":\"auth\",\"token\":\"x.y.z\"}");
	assert_said(c, "\"code\":\"unsupported\"");
	assert_true(client_is_open(c));
}

static void
test_what_is_not_understood(void **state)
{
	static const struct {
		const char *text, *code;
		enum metric counter;
	} bad[] = {
		{ "{", "invalid_json", METRIC_ERROR_INVALID_JSON },
		{ "{\"data\":1}", "invalid_message", METRIC_ERROR_INVALID_MESSAGE },
		{ "{\"type\":\"message\"}", "invalid_message", METRIC_ERROR_INVALID_MESSAGE },
		{ "{\"type\":\"shout\"}", "unknown_type", METRIC_ERROR_UNKNOWN_TYPE },
	};
	struct client *c = rig_client();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int64_t before = metrics_sum(bad[i].counter);

		fake_text(&c->wire, bad[i].text);
		assert_said(c, "\"type\":\"error\"");
		assert_said(c, bad[i].code);
		assert_int_equal(metrics_sum(bad[i].counter), before + 1);
		assert_true(client_is_open(c));
	}
	assert_int_equal(c->count, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_messages_are_counted),        RIG_TEST(test_ping_tells_who_answers),
		RIG_TEST(test_disconnect_ends_the_session), RIG_TEST(test_auth_where_no_token_is_needed),
		RIG_TEST(test_what_is_not_understood),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
