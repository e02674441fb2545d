/* SPDX-License-Identifier: MIT */
/* A connection's clocks: heartbeats, silence, a client that takes nothing, the end of its token and of its closing. */
#include "support/worker_rig.h"

static void
test_heartbeats(void **state)
{
	struct client *c = rig_client();

	rig_pass(RIG_MINUTE_MS + 100); /* the first comes early by a part of its own */
	assert_said(c, "\"type\":\"heartbeat\"");
	assert_string_equal(rig_wire(c)->last_ping, "wsd");
	assert_int_equal(rig_wire(c)->pings, 1);
	fake_pong(&c->wire);
	rig_pass(RIG_MINUTE_MS);
	assert_int_equal(rig_wire(c)->pings, 2);
	assert_int_equal(metrics_sum(METRIC_HEARTBEATS), 2);
}

static void
test_silence(void **state)
{
	struct client *c = rig_client();

	rig_pass(3 * RIG_MINUTE_MS - 100);
	assert_true(client_is_open(c));
	rig_pass(200);
	assert_said(c, "\"reason\":\"timeout\"");
	assert_int_equal(rig_wire(c)->close_code, 1001);
	assert_int_equal(metrics_sum(METRIC_ERROR_TIMEOUT), 1);
}

static void
test_any_sign_of_life(void **state)
{
	struct client *pongs = rig_client(), *talks = rig_client(), *kernel = rig_client(), *silent = rig_client();

	rig_pass(2 * RIG_MINUTE_MS);
	fake_pong(&pongs->wire);
	fake_text(&talks->wire, "{\"type\":\"ping\"}");
	rig_wire(kernel)->silent_ms = RIG_MINUTE_MS; /* pings, or half a frame: nobody else sees them */
	rig_pass(RIG_MINUTE_MS + 100);
	assert_true(client_is_open(pongs));
	assert_true(client_is_open(talks));
	assert_true(client_is_open(kernel));
	assert_false(client_is_open(silent));
}

/* While this process stood still nobody asked the client to say anything. */
static void
test_silence_of_ours(void **state)
{
	struct client *c = rig_client();

	rig.w.loop.time += 4 * RIG_MINUTE_MS;
	rig.w.clients.awake_ms = rig_now_ms();
	wheel_run(&rig.w.clients.wheel, rig_now_ms());
	assert_true(client_is_open(c));
	rig_pass(3 * RIG_MINUTE_MS + 100);
	assert_int_equal(rig_wire(c)->close_code, 1001);
}

static void
test_client_that_takes_nothing(void **state)
{
	struct client *c = rig_client();

	fake_stall(&c->wire);
	rig_pass(RIG_MINUTE_MS);
	fake_take(&c->wire);
	rig_pass(2 * RIG_MINUTE_MS - 100);
	assert_true(client_is_open(c));
	rig_wire(c)->queue = "waits";
	rig_pass(200);
	assert_said(c, "\"reason\":\"slow client\"");
	assert_int_equal(rig_wire(c)->close_code, 1013);
	assert_true(rig_wire(c)->queue_dropped);
}

static void
test_token(void **state)
{
	uint64_t now_s = rig_now_ms() / 1000;
	struct client *c;

	rig.conf.jwt_expiry_warning_s = 10;
	c = rig_guest(&(struct client_guest){ .serial = 1, .id = "ann", .expires_real_ms = (now_s + 31) * 1000 });
	rig_pass(18000);
	assert_false(c->warned);
	rig_pass(4000);
	assert_said(c, "\"type\":\"token_expiring\"");
	assert_true(c->warned);
	rig_pass(7000);
	assert_true(client_is_open(c));
	rig_pass(4000);
	assert_said(c, "\"reason\":\"token_expired\"");
	assert_int_equal(rig_wire(c)->close_code, 1008);
}

/* Neither a queue that does not drain nor a client that does not answer holds it up. */
static void
test_closing_has_an_end(void **state)
{
	struct client *undrained = rig_client(), *silent = rig_client();
	struct fake_wire *of_undrained = rig_wire(undrained), *of_silent = rig_wire(silent);

	of_undrained->queue = "waits";
	client_bye(&rig.w.clients, undrained, CLIENT_BYE_OPERATOR, 0);
	client_bye(&rig.w.clients, silent, CLIENT_BYE_OPERATOR, 0);
	rig_pass(1000);
	assert_int_equal(wire_state(&undrained->wire), WIRE_LEAVING);
	assert_int_equal(wire_state(&silent->wire), WIRE_CLOSING);
	rig_pass(4900);
	assert_int_equal(rig.left, 2);
	assert_true(of_undrained->killed);
	assert_true(of_silent->killed);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_heartbeats),
		RIG_TEST(test_silence),
		RIG_TEST(test_any_sign_of_life),
		RIG_TEST(test_silence_of_ours),
		RIG_TEST(test_client_that_takes_nothing),
		RIG_TEST(test_token),
		RIG_TEST(test_closing_has_an_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
