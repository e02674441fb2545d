/* SPDX-License-Identifier: MIT */
/* Ends: what a client is told, with which code it is closed, how it is counted, and that main hears of each once. */
#include "client/client_priv.h"
#include "support/worker_rig.h"

static void
test_goodbyes(void **state)
{
	static const struct {
		enum client_bye bye;
		const char *reason;
		uint16_t code;
		bool reconnect, session_over;
	} byes[] = {
		{ CLIENT_BYE_DISCONNECT, "disconnect", 1000, false, true },
		{ CLIENT_BYE_SHUTDOWN, "shutdown", 1001, true, false },
		{ CLIENT_BYE_RESTART, "restart", 1012, true, false },
		{ CLIENT_BYE_REPLACED, "replaced", 4001, false, false },
		{ CLIENT_BYE_OPERATOR, "disconnected by operator", 1008, false, true },
		{ CLIENT_BYE_TIMEOUT, "timeout", 1001, true, false },
		{ CLIENT_BYE_SLOW, "slow client", 1013, true, false },
		{ CLIENT_BYE_ABUSE, "rate limit", 1008, false, false },
		{ CLIENT_BYE_BINARY, "rate limit", 1003, false, false },
		{ CLIENT_BYE_EXPIRED, "token_expired", 1008, true, false },
	};

	assert_int_equal(sizeof(byes) / sizeof(*byes), CLIENT_BYES);
	for (size_t i = 0; i < CLIENT_BYES; i++) {
		struct client *c = rig_client();
		char reason[64];

		client_bye(&rig.w.clients, c, byes[i].bye, 1500);
		snprintf(reason, sizeof(reason), "\"reason\":\"%s\"", byes[i].reason);
		assert_said(c, reason);
		assert_said(c, byes[i].reconnect ? "\"reconnect\":true" : "\"reconnect\":false");
		assert_int_equal(rig_wire(c)->close_code, byes[i].code);
		client_bye(&rig.w.clients, c, CLIENT_BYE_SHUTDOWN, 0); /* it is leaving: nothing changes */
		client_fail(&rig.w.clients, c, 1002, "too late");
		assert_int_equal(rig_wire(c)->close_code, byes[i].code);
		assert_int_equal(rig_wire(c)->texts, 2);
		rig_end_turn();
		fake_network_ends(&c->wire);
		assert_int_equal(rig.left, i + 1);
		assert_int_equal(rig.session_over, byes[i].session_over);
	}
}

static void
test_overrun_drops_the_queue_for_the_goodbye(void **state)
{
	struct client *c = rig_client();

	rig_wire(c)->queue = "waits";
	fake_overrun(&c->wire);
	assert_true(rig_wire(c)->queue_dropped);
	assert_said(c, "\"reason\":\"slow client\"");
	assert_int_equal(metrics_sum(METRIC_ERROR_SLOW_CLIENT), 1);
}

static void
test_broken_protocol_in_the_middle_of_a_message(void **state)
{
	struct client *c = rig_client();

	fake_piece(&c->wire, "{\"type\":", true, false, 10);
	assert_non_null(c->assembly);
	fake_broke(&c->wire, 1002);
	assert_null(c->assembly);
	assert_int_equal(rig_wire(c)->close_code, 1002);
	assert_int_equal(rig_wire(c)->texts, 1); /* no goodbye */
}

static void
test_ends_are_counted_by_their_codes(void **state)
{
	struct client *ours = rig_client(), *theirs = rig_client(), *lost = rig_client(), *odd = rig_client();

	assert_int_equal(metrics_sum(METRIC_CONNECTIONS), 4);
	client_bye(&rig.w.clients, ours, CLIENT_BYE_OPERATOR, 0);
	rig_pass(6000); /* it does not answer */
	fake_peer_closes(&theirs->wire, 1001);
	fake_network_ends(&lost->wire);
	fake_peer_closes(&odd->wire, 3333);
	assert_int_equal(rig.left, 4);
	assert_false(rig.session_over);
	assert_int_equal(metrics_sum(METRIC_CLOSED_1008), 1);
	assert_int_equal(metrics_sum(METRIC_CLOSED_1001), 1);
	assert_int_equal(metrics_sum(METRIC_CLOSED_1006), 1);
	assert_int_equal(metrics_sum(METRIC_CLOSED_OTHER), 1);
	assert_int_equal(metrics_sum(METRIC_REFUSED_INTERNAL), 0);
}

static void
test_half_a_message_is_no_leak(void **state)
{
	struct client *c = rig_client();

	fake_piece(&c->wire, "{\"type\":", true, false, 10);
	fake_network_ends(&c->wire);
	assert_int_equal(rig.left, 1);
}

static void
test_not_taken_up(void **state)
{
	fake_adopts(false);
	assert_null(rig_guest(&(struct client_guest){ .serial = 1, .id = "ann" }));
	assert_int_equal(rig.left, 1);
	assert_int_equal(metrics_sum(METRIC_REFUSED_INTERNAL), 1);
	assert_int_equal(metrics_sum(METRIC_OPENED), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_goodbyes),
		RIG_TEST(test_overrun_drops_the_queue_for_the_goodbye),
		RIG_TEST(test_broken_protocol_in_the_middle_of_a_message),
		RIG_TEST(test_ends_are_counted_by_their_codes),
		RIG_TEST(test_half_a_message_is_no_leak),
		RIG_TEST(test_not_taken_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
