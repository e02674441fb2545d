/* SPDX-License-Identifier: MIT */
/* Pieces become messages: in what order, up to which size, and how many. */
#include "support/worker_rig.h"

#define MESSAGE "{\"type\":\"message\",\"data\":1}"

static void
test_one_frame_in_pieces(void **state)
{
	struct client *c = rig_client();

	fake_piece(&c->wire, "{\"type\":", true, false, 19);
	fake_piece(&c->wire, "\"message\",", false, false, 9);
	assert_int_equal(rig_wire(c)->texts, 1); /* nothing yet but the greeting */
	fake_piece(&c->wire, "\"data\":1}", false, true, 0);
	assert_said(c, "\"count\":1");
	assert_null(c->assembly);
	assert_false(rig_wire(c)->behind_pong); /* no ping can have come in between */
	assert_int_equal(metrics_sum(METRIC_RECEIVED), 1);
	assert_int_equal(metrics_sum(METRIC_RECEIVED_BYTES), strlen(MESSAGE));
}

static void
test_fragments_are_answered_behind_a_pong(void **state)
{
	struct client *c = rig_client();

	fake_piece(&c->wire, "{\"type\":\"message\",", true, false, 0);
	fake_piece(&c->wire, "", false, false, 0);
	fake_piece(&c->wire, "\"data\":1}", false, true, 0);
	assert_said(c, "\"count\":1");
	assert_true(rig_wire(c)->behind_pong);
}

static void
test_binary_is_refused(void **state)
{
	struct client *c = rig_client();

	fake_bytes(&c->wire, "\0\1", 2, true);
	assert_said(c, "\"code\":\"unsupported\"");
	fake_text(&c->wire, MESSAGE); /* and the next one is judged for itself */
	assert_said(c, "\"count\":1");
}

static void
test_text_that_is_not_utf8(void **state)
{
	struct client *c = rig_client();

	fake_text(&c->wire, "{\"type\":\"message\",\"data\":\"\xff\"}");
	assert_int_equal(rig_wire(c)->close_code, 1007);
	assert_int_equal(metrics_sum(METRIC_ERROR_INVALID_UTF8), 1);
	assert_int_equal(rig_wire(c)->texts, 1); /* no goodbye */
}

/* By what a frame announces, before memory is spent; by the sum of its fragments; and not by one that just fits. */
static void
test_too_large(void **state)
{
	struct client *announced = rig_client(), *summed = rig_client(), *fits = rig_client();

	rig.conf.max_message_bytes = strlen(MESSAGE);
	fake_text(&fits->wire, MESSAGE);
	assert_said(fits, "\"count\":1");

	fake_piece(&announced->wire, "{", true, false, strlen(MESSAGE));
	assert_said(announced, "\"code\":\"too_large\"");
	assert_int_equal(rig_wire(announced)->close_code, 1009);
	assert_null(announced->assembly);

	fake_piece(&summed->wire, MESSAGE, true, false, 0);
	assert_int_equal(rig_wire(summed)->close_code, 0);
	fake_piece(&summed->wire, " ", false, true, 0);
	assert_said(summed, "\"code\":\"too_large\"");
	assert_int_equal(rig_wire(summed)->close_code, 1009);
	assert_null(summed->assembly);
	assert_int_equal(metrics_sum(METRIC_ERROR_TOO_LARGE), 2);
}

static void
test_endless_empty_fragments(void **state)
{
	struct client *c = rig_client();

	fake_bytes(&c->wire, "\0\1", 2, true); /* what came before plays no part */
	fake_piece(&c->wire, "", true, false, 0);
	for (int i = 1; i < 1000; i++)
		fake_piece(&c->wire, "", false, false, 0);
	assert_true(client_is_open(c));
	fake_piece(&c->wire, "", false, false, 0);
	assert_int_equal(rig_wire(c)->close_code, 1008);
	assert_null(c->assembly);
}

/* A rate of one in 1000 s: time plays no part. What goes on after refusals is closed. */
static void
too_many(const char *message, bool binary, uint16_t code)
{
	struct client *c = rig_client();

	rig.conf.rate_message = (struct conf_rate){ .rate = 1, .burst = 3 };
	for (int i = 0; i < 3; i++)
		fake_bytes(&c->wire, message, strlen(message), binary);
	assert_int_equal(metrics_sum(METRIC_ERROR_RATE_LIMITED), 0);
	for (int i = 0; i < 3; i++) {
		fake_bytes(&c->wire, message, strlen(message), binary);
		assert_said(c, "\"code\":\"rate_limited\"");
		assert_true(client_is_open(c));
	}
	fake_bytes(&c->wire, message, strlen(message), binary);
	assert_said(c, "\"reason\":\"rate limit\"");
	assert_int_equal(rig_wire(c)->close_code, code);
	assert_int_equal(metrics_sum(METRIC_ERROR_RATE_LIMITED), 4);
}

static void
test_too_many_messages(void **state)
{
	too_many(MESSAGE, false, 1008);
}

static void
test_too_many_binary_messages(void **state)
{
	too_many(MESSAGE, true, 1003);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_one_frame_in_pieces), RIG_TEST(test_fragments_are_answered_behind_a_pong),
		RIG_TEST(test_binary_is_refused),   RIG_TEST(test_text_that_is_not_utf8),
		RIG_TEST(test_too_large),           RIG_TEST(test_endless_empty_fragments),
		RIG_TEST(test_too_many_messages),   RIG_TEST(test_too_many_binary_messages),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
