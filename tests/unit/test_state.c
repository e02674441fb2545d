/* SPDX-License-Identifier: MIT */
/* What travels with a connection: it arrives as it left, between versions too, and damage is refused. */
#include "proto/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/exact.h"

#define QUEUE               "\x81\x02hi\x81\x02ho"
#define QUEUE_LEN           8
#define TOKEN               "0123456789abcdef"
#define ID_FIELD(name, len) "\x01" len "\0\0\0" name
#define TOKEN_FIELD         "\x02\x10\0\0\0" TOKEN
#define LEAST               ID_FIELD("bob", "\x03") TOKEN_FIELD

static struct conn_state
sample(void)
{
	struct conn_state s = {
		.id = "bob",
		.token = TOKEN,
		.count = 0x123456789a,
		.count_at_open = 7,
		.age_ms = 1000,
		.idle_ms = 255,
		.heartbeat_in_ms = 256,
		.rate_spent = UINT64_MAX,
		.over_limit = UINT16_MAX,
		.resumed = true,
		.token_warned = true,
		.token_expires_real_ms = 1795514400000,
		.queue = QUEUE,
		.queue_len = QUEUE_LEN,
	};

	s.peer.family = ADDR_V4;
	s.peer.port = 65535;
	memset(s.peer.bytes, 0xab, sizeof(s.peer.bytes));
	return s;
}

static int
decode(struct conn_state *out, const char *data, size_t len)
{
	char *exact = exact_copy(data, len); /* a sanitizer sees what reads beyond */
	int rc = state_decode(out, exact, len);

	out->queue = NULL;
	free(exact);
	return rc;
}

static void
test_round_trip(void **state)
{
	struct conn_state in = sample(), out;
	char data[STATE_FIXED_MAX + QUEUE_LEN];
	size_t len = state_encode(data, &in);

	assert_true(len <= sizeof(data));
	assert_int_equal(state_decode(&out, data, len), WSD_OK);
	assert_string_equal(out.id, in.id);
	assert_memory_equal(out.token, in.token, sizeof(in.token));
	assert_int_equal(out.count, in.count);
	assert_int_equal(out.count_at_open, in.count_at_open);
	assert_int_equal(out.age_ms, in.age_ms);
	assert_int_equal(out.idle_ms, in.idle_ms);
	assert_int_equal(out.heartbeat_in_ms, in.heartbeat_in_ms);
	assert_true(out.rate_spent == in.rate_spent);
	assert_int_equal(out.over_limit, in.over_limit);
	assert_int_equal(out.peer.family, in.peer.family);
	assert_int_equal(out.peer.port, in.peer.port);
	assert_memory_equal(out.peer.bytes, in.peer.bytes, sizeof(in.peer.bytes));
	assert_true(out.resumed);
	assert_true(out.token_warned);
	assert_true(out.token_expires_real_ms == 1795514400000);
	assert_int_equal(out.queue_len, QUEUE_LEN);
	assert_memory_equal(out.queue, QUEUE, QUEUE_LEN);
}

static void
test_largest_fits(void **state)
{
	char data[STATE_FIXED_MAX];
	struct conn_state in = sample(), out;

	memset(in.id, 'x', CONNECTION_ID_MAX);
	in.count = in.count_at_open = UINT64_MAX;
	in.age_ms = in.idle_ms = in.heartbeat_in_ms = 1ull << 50;
	in.token_expires_real_ms = 1ull << 60;
	in.queue_len = 0;
	assert_true(state_encode(data, &in) <= sizeof(data));
	assert_int_equal(decode(&out, data, state_encode(data, &in)), WSD_OK);
	assert_int_equal(strlen(out.id), CONNECTION_ID_MAX);
}

/* A cut ends between two fields, and then the ones before must be enough, or it is refused. */
static void
test_every_truncation(void **state)
{
	struct conn_state in = sample(), out;
	char data[STATE_FIXED_MAX + QUEUE_LEN];
	size_t len = state_encode(data, &in), end = 0;

	for (size_t cut = 0; cut < len; cut++) {
		bool between = false;

		for (end = 0; end < cut; end += 5 + (unsigned char)data[end + 1])
			;
		between = end == cut && cut >= sizeof(LEAST) - 1;
		assert_int_equal(decode(&out, data, cut), between ? WSD_OK : WSD_E_MALFORMED);
	}
}

static void
test_absent_and_unknown_fields(void **state)
{
	static const char newer[] = "\x7f\x03\0\0\0new" LEAST "\x70\0\0\0\0";
	struct conn_state out;

	assert_int_equal(decode(&out, LEAST, sizeof(LEAST) - 1), WSD_OK);
	assert_int_equal(out.count + out.count_at_open + out.age_ms + out.idle_ms + out.heartbeat_in_ms, 0);
	assert_int_equal(out.rate_spent + out.over_limit + out.peer.port + out.queue_len, 0);
	assert_false(out.resumed);
	assert_false(out.token_warned);
	assert_int_equal(out.token_expires_real_ms, 0);
	assert_int_equal(decode(&out, newer, sizeof(newer) - 1), WSD_OK);
	assert_string_equal(out.id, "bob");
	assert_string_equal(out.user, "");
	assert_int_equal(out.subscriptions.len, 0);
}

/* Without what they say, the connection must not go on. */
static void
test_unknown_fields_that_matter(void **state)
{
	static const char newer[] = LEAST "\xff\0\0\0\0";
	struct conn_state out;

	assert_int_equal(decode(&out, newer, sizeof(newer) - 1), WSD_E_UNSUPPORTED);
}

static void
test_subscriptions(void **state)
{
	struct state_subscription a = { .channel = SLICE("news:a"), .epoch = "abcdefgh", .offset = UINT64_MAX - 1 };
	struct state_subscription b = { .epoch = "ABCDEFGH", .join_leave = true, .missed = true }, got;
	char name[STATE_CHANNEL_MAX], list[2 * STATE_SUBSCRIPTION_MAX], *data;
	struct conn_state in = sample(), out;
	struct slice rest;
	size_t len;

	memset(name, 'x', sizeof(name));
	b.channel = (struct slice){ name, sizeof(name) };
	len = state_put_subscription(list, &a);
	len += state_put_subscription(list + len, &b);
	strcpy(in.user, "\xc3\xa9 \"\\");
	in.subscriptions = (struct slice){ list, len };
	data = malloc(state_size(&in));
	assert_int_equal(decode(&out, data, state_encode(data, &in)), WSD_OK);
	free(data);
	assert_string_equal(out.user, in.user);
	assert_int_equal(out.queue_len, in.queue_len);
	assert_int_equal(out.subscriptions.len, len);
	rest = (struct slice){ list, len };
	assert_int_equal(state_next_subscription(&rest, &got), WSD_OK);
	assert_true(slice_equal(got.channel, "news:a"));
	assert_memory_equal(got.epoch, "abcdefgh", STATE_EPOCH_LEN);
	assert_true(got.offset == UINT64_MAX - 1 && !got.join_leave && !got.missed);
	assert_int_equal(state_next_subscription(&rest, &got), WSD_OK);
	assert_int_equal(got.channel.len, STATE_CHANNEL_MAX);
	assert_true(got.offset == 0 && got.join_leave && got.missed);
	assert_int_equal(state_next_subscription(&rest, &got), WSD_E_CLOSED);
	for (size_t cut = 1; cut < len; cut++) {
		rest = (struct slice){ list, cut };
		while (state_next_subscription(&rest, &got) == WSD_OK)
			;
		assert_int_equal(state_next_subscription(&rest, &got),
				 cut == STATE_SUBSCRIPTION_MAX - STATE_CHANNEL_MAX + 6 ? WSD_E_CLOSED
										       : WSD_E_MALFORMED);
	}
}

static void
test_last_of_two_counts(void **state)
{
	static const char twice[] = LEAST "\x03\x01\0\0\0\x05" ID_FIELD("al", "\x02") "\x03\x01\0\0\0\x06";
	struct conn_state out;

	assert_int_equal(decode(&out, twice, sizeof(twice) - 1), WSD_OK);
	assert_string_equal(out.id, "al");
	assert_int_equal(out.count, 6);
}

#define BAD(text) \
	{ \
		LEAST text, sizeof(LEAST text) - 1 \
	}

static void
test_bad_values(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ TOKEN_FIELD, sizeof(TOKEN_FIELD) - 1 },
		{ ID_FIELD("bob", "\x03"), 8 },
		BAD(ID_FIELD("", "\0")),
		BAD(ID_FIELD("a/b", "\x03")),
		BAD(ID_FIELD("a\0b", "\x03")),
		BAD("\x02\x01\0\0\0x"), /* token's length */
		BAD("\x03\0\0\0\0"),    /* a number of no bytes */
		BAD("\x03\x09\0\0\0"
		    "123456789"),          /* of too many */
		BAD("\x04\x01\0\0\0\x01"), /* count at open beyond count */
		BAD("\x05\x08\0\0\0"
		    "\0\0\0\0\0\0\x05\0"), /* age */
		BAD("\x09\x03\0\0\0"
		    "\0\0\x01"),           /* over_limit */
		BAD("\x0a\x01\0\0\0\x7f"), /* address family */
		BAD("\x0b\x04\0\0\0"
		    "abcd"), /* address */
		BAD("\x0c\x03\0\0\0"
		    "\0\0\x01"),           /* port */
		BAD("\x0d\x01\0\0\0\x02"), /* resumed */
		BAD("\x0e\xff\xff\xff\xff"
		    "abcd"), /* queue beyond the end */
		BAD("\x0e"),
		BAD("\x20\x08\0\0\0"
		    "\0\0\0\0\0\0\0\xff"), /* end of a token */
		BAD("\x21\x01\0\0\0\x02"), /* warned of it */
	};
	struct conn_state out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode(&out, bad[i].data, bad[i].len), WSD_E_MALFORMED);
}

static void
test_sessions(void **state)
{
	struct session_state in = { .id = "bob", .token = TOKEN, .count = 300, .expires_in_ms = 900000 }, out;
	char data[2 * STATE_FIXED_MAX];
	size_t len = state_encode_session(data, &in), used = 0, second;

	strcpy(in.id, "alice");
	second = state_encode_session(data + len, &in);
	assert_int_equal(state_decode_session(&out, data, len + second, &used), WSD_OK);
	assert_int_equal(used, len);
	assert_string_equal(out.id, "bob");
	assert_int_equal(out.count, 300);
	assert_int_equal(out.expires_in_ms, 900000);
	assert_int_equal(state_decode_session(&out, data + len, second, &used), WSD_OK);
	assert_string_equal(out.id, "alice");
	assert_int_equal(state_decode_session(&out, data, 0, &used), WSD_E_CLOSED);
	for (size_t cut = 1; cut < len; cut++) {
		char *exact = exact_copy(data, cut);

		assert_int_equal(state_decode_session(&out, exact, cut, &used), WSD_E_MALFORMED);
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_largest_fits),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_absent_and_unknown_fields),
		cmocka_unit_test(test_unknown_fields_that_matter),
		cmocka_unit_test(test_subscriptions),
		cmocka_unit_test(test_last_of_two_counts),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
