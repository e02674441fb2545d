/* SPDX-License-Identifier: MIT */
/* What backends do with clients, as main posts it to a worker. */
#include "client/backend.h"

#include "channel/command.h"
#include "support/worker_rig.h"

static const char rules[] =
	"{\"channel\":{\"without_namespace\":{},\"namespaces\":["
	"{\"name\":\"hist\",\"history_size\":10,\"history_ttl\":\"100s\",\"force_recovery\":true,\"presence\":true}]}}";

static int
start(void **state)
{
	char *why = NULL;

	assert_int_equal(broker_create(&rig_broker,
				       &(struct broker_setup){ .log_bytes = 1 << 20, .channels_max = 8, .log_fd = -1 }),
			 WSD_OK);
	rig_rules = channel_rules_now_create(channel_rules_parse(rules, sizeof(rules) - 1, &why));
	assert_non_null(rig_rules);
	assert_null(why);
	return rig_start(state);
}

static int
stop(void **state)
{
	int rc = rig_stop(state);

	broker_destroy(&rig_broker);
	channel_rules_now_destroy(&rig_rules);
	return rc;
}

#define BACKEND_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

static struct client *
guest(const char *id, const char *user)
{
	struct client *c =
		rig_guest(&(struct client_guest){ .slot = rig.slots, .serial = rig.slots + 1, .id = id, .user = user });

	assert_non_null(c);
	fake_said(&c->wire);
	return c;
}

static bool answered;

static void
on_answered(struct worker_command *command)
{
	answered = true;
}

/* seat: the one client's, or NULL: all that it is for. */
static struct channel_command_result
carry_out(const struct channel_command *what, const struct client *seat)
{
	struct worker_command command = { .what = what, .answered = on_answered };

	if (seat) {
		command.serial = seat->serial;
		command.slot = seat->slot;
	}
	answered = false;
	assert_int_equal(worker_command(&rig.w, &command), WSD_OK);
	rig_deliver();
	assert_true(answered);
	return command.result;
}

#define assert_result(result, n_done, n_moving, code) \
	do { \
		struct channel_command_result got = (result); \
		assert_int_equal(got.done, n_done); \
		assert_int_equal(got.moving, n_moving); \
		assert_int_equal(got.rc, code); \
	} while (0)

static void
test_who_is_meant(void **state)
{
	struct client *a = guest("a", "al"), *b = guest("b", "al"), *c = guest("c", "bo"), *d = guest("d", NULL);
	struct channel_command what = { .kind = CHANNEL_COMMAND_MESSAGE, .user = SLICE("al"), .data = SLICE("1") };

	assert_result(carry_out(&what, NULL), 2, 0, WSD_OK);
	assert_said(a, "{\"type\":\"message\",\"data\":1,\"timestamp\":\"");
	assert_said(b, "\"data\":1,");
	what.data = SLICE("2");
	what.client = SLICE("b");
	assert_result(carry_out(&what, NULL), 1, 0, WSD_OK);
	assert_said(a, "\"data\":1,");
	assert_said(b, "\"data\":2,");
	assert_result(carry_out(&what, a), 0, 0, WSD_OK); /* somebody else sits there by now */
	what.client = SLICE("c");
	assert_result(carry_out(&what, c), 0, 0, WSD_OK); /* another user's */
	what = (struct channel_command){ .kind = CHANNEL_COMMAND_MESSAGE, .client = SLICE("d"), .data = SLICE("3") };
	assert_result(carry_out(&what, d), 1, 0, WSD_OK);
	assert_said(d, "\"data\":3,");
	what = (struct channel_command){ .kind = CHANNEL_COMMAND_DISCONNECT,
					 .user = SLICE("al"),
					 .spared = SLICE("x\0a\0aa\0") };
	assert_result(carry_out(&what, NULL), 1, 0, WSD_OK);
	assert_true(client_is_open(a));
	assert_int_equal(rig_wire(b)->close_code, 1008);
	assert_true(client_is_open(c));
}

/* Nothing is lost without a word while a client changes its process. */
static void
test_moving(void **state)
{
	struct client *a = guest("a", "al"), *b = guest("b", "al");
	struct channel_command what = { .kind = CHANNEL_COMMAND_DISCONNECT, .user = SLICE("al") };

	client_hold(&rig.w.clients, a);
	assert_result(carry_out(&what, NULL), 1, 1, WSD_OK);
	assert_int_equal(rig_wire(b)->close_code, 1008);
	client_resume(&rig.w.clients, a);
	assert_result(carry_out(&what, NULL), 1, 0, WSD_OK); /* b is leaving already */
	assert_int_equal(rig_wire(a)->close_code, 1008);
}

/* What would overrun a client is refused, and costs it nothing. */
static void
test_no_room_for_a_message(void **state)
{
	struct client *a = guest("a", NULL);
	char *data = malloc(rig.conf.send_queue_bytes);
	struct channel_command what = { .kind = CHANNEL_COMMAND_MESSAGE,
					.client = SLICE("a"),
					.data = { data, rig.conf.send_queue_bytes } };

	memset(data, '1', rig.conf.send_queue_bytes);
	assert_result(carry_out(&what, a), 0, 0, WSD_E_FULL);
	assert_true(client_is_open(a));
	assert_string_equal(fake_said(&a->wire), "");
	what.data.len /= 4;
	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	free(data);
}

static void
test_subscribing(void **state)
{
	struct client *a = guest("a", NULL);
	struct channel_command what = { .kind = CHANNEL_COMMAND_SUBSCRIBE,
					.client = SLICE("a"),
					.channel = SLICE("hist:1") };

	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	assert_said(a, "{\"type\":\"subscribed\",\"channel\":\"hist:1\",\"publications\":[],\"epoch\":\"");
	fake_said(&a->wire);
	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	assert_string_equal(fake_said(&a->wire), "");
	what.channel = SLICE("2");
	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	what.channel = SLICE("3");
	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	what.channel = SLICE("4");
	assert_result(carry_out(&what, a), 0, 0, WSD_E_FULL); /* CHANNEL_LIMIT */
	what.kind = CHANNEL_COMMAND_UNSUBSCRIBE;
	fake_said(&a->wire);
	assert_result(carry_out(&what, a), 1, 0, WSD_OK); /* it is not in it, which is what was wanted */
	assert_string_equal(fake_said(&a->wire), "");
	what.channel = SLICE("hist:1");
	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	assert_said(a, "{\"type\":\"unsubscribed\",\"channel\":\"hist:1\",\"code\":2000,");
	what.kind = CHANNEL_COMMAND_SUBSCRIBE;
	what.channel = SLICE("none:1");
	assert_result(carry_out(&what, a), 0, 0, WSD_E_UNKNOWN);
}

static void
test_codes(void **state)
{
	static const struct {
		uint16_t code;
		bool back;
	} cases[] = { { 3000, true }, { 3499, true }, { 3500, false }, { 3999, false },
		      { 4000, true }, { 4499, true }, { 4500, false }, { 4999, false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client *c = guest("c", NULL);
		struct channel_command what = { .kind = CHANNEL_COMMAND_DISCONNECT,
						.client = SLICE("c"),
						.code = cases[i].code,
						.data = SLICE("no more") };

		assert_result(carry_out(&what, c), 1, 0, WSD_OK);
		assert_said(c, "{\"type\":\"goodbye\",\"reason\":\"no more\",");
		assert_said(c, cases[i].back ? "\"reconnect\":true" : "\"reconnect\":false");
		assert_int_equal(rig_wire(c)->close_code, cases[i].code);
		fake_network_ends(&c->wire);
		assert_int_equal(rig.session_over, !cases[i].back);
	}
}

static void
test_refreshing(void **state)
{
	struct client *a = guest("a", NULL);
	struct channel_command what = { .kind = CHANNEL_COMMAND_REFRESH,
					.client = SLICE("a"),
					.expires_real_ms = rig_now_ms() + 5000 };

	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	assert_said(a, "{\"type\":\"auth_response\",\"expiresIn\":");
	what.expires_real_ms = 0;
	fake_said(&a->wire);
	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	assert_string_equal(fake_said(&a->wire), "");
	rig_pass(10000);
	assert_true(client_is_open(a));
	what.expires_real_ms = rig_now_ms() + 5000;
	assert_result(carry_out(&what, a), 1, 0, WSD_OK); /* by the real clock again, which the loop asks */
	assert_true(client_is_open(a));
	rig_pass(20000);
	assert_said(a, "\"reason\":\"token_expired\"");
	a = guest("a", NULL);
	what.expires_real_ms = 1;
	assert_result(carry_out(&what, a), 1, 0, WSD_OK);
	assert_said(a, "\"reason\":\"token_expired\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BACKEND_TEST(test_who_is_meant), BACKEND_TEST(test_moving), BACKEND_TEST(test_no_room_for_a_message),
		BACKEND_TEST(test_subscribing),  BACKEND_TEST(test_codes),  BACKEND_TEST(test_refreshing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
