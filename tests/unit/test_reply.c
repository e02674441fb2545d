/* SPDX-License-Identifier: MIT */
/* Messages to the client, which json-c can read. */
#include "proto/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/message.h"
#include "support/json_c.h"

#define TIMESTAMP "2026-11-23T18:46:00.123Z"

static const struct slice no_id = { NULL, 0 };

/* Guarded by a byte behind it that no writer may touch. */
static char out[REPLY_MAX + 1];

static void
begin(void)
{
	memset(out, 0x55, sizeof(out));
}

/* What was written; nothing may be beyond REPLY_MAX. */
static struct slice
payload_of(size_t len)
{
	assert_true(len <= REPLY_MAX);
	assert_int_equal(out[REPLY_MAX], 0x55);
	return (struct slice){ out, len };
}

/* JSON, the same text as expected but for the order of members. */
static void
payload_is(size_t len, const char *expected)
{
	struct slice payload = payload_of(len);
	struct json_object *value = json_c_parse(payload.at, payload.len);
	struct json_object *wanted = json_c_parse(expected, strlen(expected));

	assert_non_null(value);
	assert_non_null(wanted);
	if (!json_object_equal(value, wanted))
		fail_msg("got %.*s", (int)payload.len, payload.at);
	json_object_put(value);
	json_object_put(wanted);
}

static void
test_established(void **state)
{
	struct reply_established r = { .connection_id = "c-1",
				       .count = 0,
				       .timestamp = TIMESTAMP,
				       .instance = "blue",
				       .session = "t0k",
				       .resumed = false,
				       .heartbeat_interval_ms = 30000 };

	begin();
	payload_is(reply_established(out, &r),
		   "{\"type\":\"connection_established\",\"connectionId\":\"c-1\",\"count\":0,\"timestamp\":"
		   "\"" TIMESTAMP "\",\"instance\":\"blue\",\"session\":\"t0k\",\"resumed\":false,"
		   "\"heartbeatInterval\":30000}");
	r.resumed = true;
	r.count = UINT64_MAX;
	begin();
	payload_is(reply_established(out, &r),
		   "{\"type\":\"connection_established\",\"connectionId\":\"c-1\",\"count\":"
		   "18446744073709551615,"
		   "\"timestamp\":\"" TIMESTAMP
		   "\",\"instance\":\"blue\",\"session\":\"t0k\",\"resumed\":true,\"heartbeatInterval\":30000}");
}

static void
test_heartbeat(void **state)
{
	begin();
	payload_is(reply_heartbeat(out, TIMESTAMP, "blue"),
		   "{\"type\":\"heartbeat\",\"timestamp\":\"" TIMESTAMP "\",\"instance\":\"blue\"}");
}

static void
test_response(void **state)
{
	begin();
	payload_is(reply_response(out, 1, TIMESTAMP, no_id),
		   "{\"type\":\"message_response\",\"count\":1,\"timestamp\":\"" TIMESTAMP "\"}");
	begin();
	payload_is(reply_response(out, 1234567890, TIMESTAMP, SLICE("\"m-\\u00e9\"")),
		   "{\"type\":\"message_response\",\"count\":1234567890,\"timestamp\":\"" TIMESTAMP
		   "\",\"id\":\"m-\\u00e9\"}");
	begin();
	payload_is(reply_response(out, 10, TIMESTAMP, SLICE("-12.5")),
		   "{\"type\":\"message_response\",\"count\":10,\"timestamp\":\"" TIMESTAMP "\",\"id\":-12.5}");
}

static void
test_pong(void **state)
{
	begin();
	payload_is(reply_pong(out, no_id, TIMESTAMP, "green"),
		   "{\"type\":\"pong\",\"timestamp\":\"" TIMESTAMP "\",\"instance\":\"green\"}");
	begin();
	payload_is(reply_pong(out, SLICE("3"), TIMESTAMP, "green"),
		   "{\"type\":\"pong\",\"timestamp\":\"" TIMESTAMP "\",\"instance\":\"green\",\"id\":3}");
}

static void
test_error(void **state)
{
	begin();
	payload_is(reply_error(out, "unknown_type", "unknown type", TIMESTAMP, SLICE("\"k\"")),
		   "{\"type\":\"error\",\"code\":\"unknown_type\",\"message\":\"unknown "
		   "type\",\"timestamp\":\"" TIMESTAMP "\",\"id\":\"k\"}");
	begin();
	payload_is(reply_error(out, "too_large", "", TIMESTAMP, no_id),
		   "{\"type\":\"error\",\"code\":\"too_large\",\"message\":\"\",\"timestamp\":\"" TIMESTAMP "\"}");
}

static void
test_goodbye(void **state)
{
	const struct reply_goodbye r = {
		.reason = "shutdown", .total = 42, .timestamp = TIMESTAMP, .reconnect = true, .retry_after_ms = 1500
	};

	begin();
	payload_is(reply_goodbye(out, &r),
		   "{\"type\":\"goodbye\",\"reason\":\"shutdown\",\"total\":42,\"timestamp\":\"" TIMESTAMP
		   "\",\"reconnect\":true,\"retryAfter\":1500}");
}

static void
test_auth(void **state)
{
	begin();
	payload_is(reply_auth(out, 0, TIMESTAMP, no_id),
		   "{\"type\":\"auth_response\",\"expiresIn\":0,\"timestamp\":\"" TIMESTAMP "\"}");
	begin();
	payload_is(reply_auth(out, 90000, TIMESTAMP, SLICE("\"k\"")),
		   "{\"type\":\"auth_response\",\"expiresIn\":90000,\"timestamp\":\"" TIMESTAMP "\",\"id\":\"k\"}");
}

static void
test_token_expiring(void **state)
{
	begin();
	payload_is(reply_token_expiring(out, 60000, TIMESTAMP),
		   "{\"type\":\"token_expiring\",\"expiresIn\":60000,\"timestamp\":\"" TIMESTAMP "\"}");
	begin();
	payload_is(reply_token_expiring(out, UINT64_MAX, TIMESTAMP),
		   "{\"type\":\"token_expiring\",\"expiresIn\":18446744073709551615,\"timestamp\":\"" TIMESTAMP "\"}");
}

/* Ids of all lengths, so that payloads of 125, 126 and all others near by come up. */
static void
test_header_fits_every_length(void **state)
{
	static const uint64_t counts[] = { 0, 7, 1234567, UINT64_MAX };
	char id[MESSAGE_ID_MAX], expected[512];
	bool seen[256] = { false };

	memset(id, '8', sizeof(id));
	for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++)
		for (size_t id_len = 1; id_len <= sizeof(id); id_len++) {
			struct slice payload;
			int len = snprintf(expected, sizeof(expected),
					   "{\"type\":\"message_response\",\"count\":%llu,\"timestamp\":\"%"
					   "s\",\"id\":%.*s}",
					   (unsigned long long)counts[c], TIMESTAMP, (int)id_len, id);

			begin();
			payload = payload_of(reply_response(out, counts[c], TIMESTAMP, (struct slice){ id, id_len }));
			assert_int_equal(payload.len, len);
			assert_memory_equal(payload.at, expected, payload.len);
			if (payload.len < sizeof(seen))
				seen[payload.len] = true;

			begin();
			payload = payload_of(reply_pong(out, (struct slice){ id, id_len }, TIMESTAMP, "blue"));
			len = snprintf(expected, sizeof(expected),
				       "{\"type\":\"pong\",\"timestamp\":\"%s\",\"instance\":\"blue\",\"id\":%.*s}",
				       TIMESTAMP, (int)id_len, id);
			assert_int_equal(payload.len, len);
			assert_memory_equal(payload.at, expected, payload.len);
		}
	assert_true(seen[125] && seen[126]);
}

static void
fill(char *text, size_t len)
{
	memset(text, 'w', len);
	text[len] = '\0';
}

static void
test_longest_of_each(void **state)
{
	char id[MESSAGE_ID_MAX], connection[128 + 1], instance[32 + 1], session[64 + 1], why[128 + 1];
	struct slice id_slice = { id, sizeof(id) };
	const struct reply_established r = { .connection_id = connection,
					     .count = UINT64_MAX,
					     .timestamp = TIMESTAMP,
					     .instance = instance,
					     .session = session,
					     .resumed = false,
					     .heartbeat_interval_ms = UINT32_MAX };
	const struct reply_goodbye g = { .reason = instance,
					 .total = UINT64_MAX,
					 .timestamp = TIMESTAMP,
					 .reconnect = false,
					 .retry_after_ms = UINT32_MAX };

	memset(id, 'i', sizeof(id));
	id[0] = id[sizeof(id) - 1] = '"';
	fill(connection, sizeof(connection) - 1);
	fill(instance, sizeof(instance) - 1);
	fill(session, sizeof(session) - 1);
	fill(why, sizeof(why) - 1);

	for (int i = 0; i < 6; i++) {
		struct slice payload;
		struct json_object *value;

		begin();
		payload = payload_of(i == 0   ? reply_established(out, &r)
				     : i == 1 ? reply_goodbye(out, &g)
				     : i == 2 ? reply_error(out, instance, why, TIMESTAMP, id_slice)
				     : i == 3 ? reply_response(out, UINT64_MAX, TIMESTAMP, id_slice)
				     : i == 4 ? reply_heartbeat(out, TIMESTAMP, instance)
					      : reply_pong(out, id_slice, TIMESTAMP, instance));
		value = json_c_parse(payload.at, payload.len);
		assert_non_null(value);
		json_object_put(value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_established),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_pong),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_goodbye),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_token_expiring),
		cmocka_unit_test(test_header_fits_every_length),
		cmocka_unit_test(test_longest_of_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
