/* SPDX-License-Identifier: MIT */
/* A client that shows a new token: which it stays for, for how long, and what is answered. */
#include "support/worker_rig.h"

#include "auth/auth.h"
#include "support/token_maker.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEAD   "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct auth *auth;

static int
start(void **state)
{
	char why[200];

	if (rig_start(state) != 0)
		return -1;
	rig.conf.auth = CONF_AUTH_JWT;
	rig.conf.heartbeat_interval_ms = 3600000; /* none comes in between */
	rig.conf.jwt_algorithm = CONF_HS256;
	rig.conf.jwt_key = (char *)SECRET;
	rig.conf.jwt_key_len = strlen(SECRET);
	rig.conf.jwt_expiry_warning_s = 10;
	if (auth_create(&auth, &rig.conf, why, sizeof(why)) != WSD_OK)
		fail_msg("%s", why);
	rig.w.clients.auth = auth;
	return 0;
}

static int
stop(void **state)
{
	auth_destroy(&auth);
	return rig_stop(state);
}

/* One whose token ends in 20 s. */
static struct client *
ann(void)
{
	struct client *c = rig_guest(&(struct client_guest){
		.slot = rig.slots,
		.serial = rig.slots + 1,
		.id = "ann",
		.expires_real_ms = rig_now_ms() + 20000,
	});

	assert_non_null(c);
	return c;
}

/* Shows a token that ends in so many seconds. more: further claims. */
static void
show(struct client *c, int64_t ends_in_s, const char *more, const char *secret)
{
	char payload[200], token[TOKEN_ROOM], message[TOKEN_ROOM + 100];
	int len = snprintf(payload, sizeof(payload), "{\"exp\":%lld%s}",
			   (long long)(rig_now_ms() / 1000) + (long long)ends_in_s, more);

	token_hmac(token, HEAD, payload, (size_t)len, secret, strlen(secret));
	snprintf(message, sizeof(message), "{\"type\":\"auth\",\"token\":\"%s\",\"id\":5}", token);
	fake_text(&c->wire, message);
}

static void
test_stays_for_the_new_one(void **state)
{
	struct client *c = ann();

	rig_pass(12000);
	assert_true(c->warned);
	show(c, 100, ",\"connection_id\":\"ann\"", SECRET);
	assert_said(c, "\"type\":\"auth_response\"");
	assert_said(c, "\"expiresIn\":99"); /* thousand and some, as exp is in whole seconds */
	assert_said(c, "\"id\":5");
	assert_false(c->warned);
	rig_pass(30000);
	assert_true(client_is_open(c));
	assert_false(c->warned);
	rig_pass(61000);
	assert_said(c, "\"type\":\"token_expiring\""); /* the new one's end has a warning of its own */
	rig_pass(10000);
	assert_said(c, "\"reason\":\"token_expired\"");
}

/* One that ends sooner holds as well. */
static void
test_stays_for_less(void **state)
{
	struct client *c = ann();

	show(c, 4, "", SECRET);
	assert_said(c, "\"type\":\"auth_response\"");
	rig_pass(5000);
	assert_said(c, "\"reason\":\"token_expired\"");
	assert_int_equal(rig_wire(c)->close_code, 1008);
}

static void
test_not_accepted(void **state)
{
	struct client *c = ann();
	uint32_t ends = c->expires_real_s;

	show(c, -1, "", SECRET);
	assert_said(c, "\"code\":\"invalid_token\"");
	assert_said(c, "\"id\":5");
	show(c, 100, "", "X" SECRET);
	assert_said(c, "\"code\":\"invalid_token\"");
	show(c, 100, ",\"connection_id\":\"bob\"", SECRET);
	assert_said(c, "\"code\":\"invalid_token\"");
	fake_text(&c->wire, "{\"type\":\"auth\",\"token\":\"\"}");
	assert_said(c, "\"code\":\"invalid_token\"");
	assert_int_equal(metrics_sum(METRIC_ERROR_INVALID_TOKEN), 4);
	assert_int_equal(c->expires_real_s, ends); /* and the one that it came with holds */
	assert_true(client_is_open(c));
	assert_int_equal(c->count, 0);
}

static void
test_no_token(void **state)
{
	struct client *c = ann();

	fake_text(&c->wire, "{\"type\":\"auth\"}");
	assert_said(c, "\"code\":\"invalid_message\"");
	fake_text(&c->wire, "{\"type\":\"auth\",\"token\":1}");
	assert_said(c, "\"code\":\"invalid_message\"");
	assert_true(client_is_open(c));
}

#define AUTH_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		AUTH_TEST(test_stays_for_the_new_one),
		AUTH_TEST(test_stays_for_less),
		AUTH_TEST(test_not_accepted),
		AUTH_TEST(test_no_token),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
