/* SPDX-License-Identifier: MIT */
/* Messages to the client about channels, which json-c can read. */
#include "proto/reply_channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/json_c.h"

#define TIMESTAMP "2026-11-23T18:46:00.123Z"
#define TIME_MS   1795459560123u

static struct text text;

static int
begin(void **state)
{
	text_reset(&text, 0);
	return 0;
}

static int
end(void **state)
{
	text_free(&text);
	return 0;
}

#define TEXT_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* JSON, the same text as expected but for the order of members. */
static void
text_is(const char *expected)
{
	struct json_object *value = json_c_parse(text.at, text.len);
	struct json_object *wanted = json_c_parse(expected, strlen(expected));

	assert_false(text.failed);
	assert_non_null(wanted);
	if (!json_object_equal(value, wanted))
		fail_msg("got %.*s", (int)text.len, text.at);
	json_object_put(value);
	json_object_put(wanted);
	text_reset(&text, 0);
}

static const struct reply_channel news = { .channel = { "news:a", 6 },
					   .epoch = "abcdefgh",
					   .offset = UINT64_MAX,
					   .timestamp = TIMESTAMP,
					   .id = { "\"7\"", 3 } };

static const struct reply_publication by_backend = {
	.data = { "{\"a\":[1,\"}\"]}", 13 }, .epoch = { "abcdefgh", 8 }, .offset = 7, .time_ms = TIME_MS
};

static void
test_publication(void **state)
{
	struct reply_publication p = by_backend;

	reply_publication(&text, news.channel, &p);
	text_is("{\"type\":\"publication\",\"channel\":\"news:a\",\"data\":{\"a\":[1,\"}\"]},\"offset\":7,"
		"\"epoch\":\"abcdefgh\",\"timestamp\":\"" TIMESTAMP "\"}");
	p.tags = SLICE("{\"t\":\"1\"}");
	p.from = (struct reply_who){ SLICE("ann"), SLICE("D\\\"\n"), SLICE("[1]"), SLICE("null") };
	reply_publication(&text, news.channel, &p);
	text_is("{\"type\":\"publication\",\"channel\":\"news:a\",\"data\":{\"a\":[1,\"}\"]},\"offset\":7,"
		"\"epoch\":\"abcdefgh\",\"from\":{\"client\":\"ann\",\"user\":\"D\\\\\\\"\\n\",\"connInfo\":[1],"
		"\"chanInfo\":null},\"tags\":{\"t\":\"1\"},\"timestamp\":\"" TIMESTAMP "\"}");
}

/* Backends may publish what is no JSON: it must not break the message around it. */
static void
test_bytes(void **state)
{
	static const struct {
		const char *data, *encoded;
	} samples[] = { { "", "" },
			{ "a", "YQ==" },
			{ "ab", "YWI=" },
			{ "abc", "YWJj" },
			{ "\"", "Ig==" },
			{ "1}", "MX0=" },
			{ "1 2", "MSAy" },
			{ "\"\xff\"", "Iv8i" },
			{ "{", "ew==" },
			{ "\xfb\xef\xbe", "++++" },
			{ "\xff\xff\xff", "////" } };

	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct reply_publication p = by_backend;
		char wanted[256];

		p.data = slice_of(samples[i].data);
		reply_publications_begin(&text, "x", (struct slice){ NULL, 0 });
		reply_publications_add(&text, &p);
		TEXT_PUT(&text, "]}");
		snprintf(wanted, sizeof(wanted),
			 "{\"type\":\"x\",\"publications\":[{\"b64data\":\"%s\",\"offset\":7,\"epoch\":\"abcdefgh\","
			 "\"timestamp\":\"" TIMESTAMP "\"}]}",
			 samples[i].encoded);
		text_is(wanted);
	}
}

static void
test_lists(void **state)
{
	reply_publications_begin(&text, "subscribed", news.channel);
	reply_publications_subscribed(&text, &news, false);
	text_is("{\"type\":\"subscribed\",\"channel\":\"news:a\",\"epoch\":\"abcdefgh\",\"offset\":"
		"18446744073709551615,"
		"\"recovered\":false,\"publications\":[],\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_publications_begin(&text, "subscribed", news.channel);
	reply_publications_add(&text, &by_backend);
	reply_publications_add(&text, &by_backend);
	reply_publications_subscribed(&text, &news, true);
#define ONE "{\"data\":{\"a\":[1,\"}\"]},\"offset\":7,\"epoch\":\"abcdefgh\",\"timestamp\":\"" TIMESTAMP "\"}"
	text_is("{\"type\":\"subscribed\",\"channel\":\"news:a\",\"epoch\":\"abcdefgh\",\"offset\":"
		"18446744073709551615,"
		"\"recovered\":true,\"publications\":[" ONE "," ONE "],\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_publications_begin(&text, "history", news.channel);
	reply_publications_add(&text, &by_backend);
	reply_publications_history(&text, &news);
	text_is("{\"type\":\"history\",\"channel\":\"news:a\",\"epoch\":\"abcdefgh\",\"offset\":18446744073709551615,"
		"\"publications\":[" ONE "],\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
}

static void
test_presence(void **state)
{
	struct reply_who ann = { .client = SLICE("ann"), .user = SLICE("a") }, bob = { .client = SLICE("bob") };

	reply_presence_begin(&text, news.channel);
	reply_presence_add(&text, &ann);
	reply_presence_add(&text, &bob);
	reply_presence_end(&text, &news);
	text_is("{\"type\":\"presence\",\"channel\":\"news:a\",\"clients\":[{\"client\":\"ann\",\"user\":\"a\"},"
		"{\"client\":\"bob\",\"user\":\"\"}],\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_joined(&text, &news, &bob);
	text_is("{\"type\":\"joined\",\"channel\":\"news:a\",\"info\":{\"client\":\"bob\",\"user\":\"\"},"
		"\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_left(&text, &news, &ann);
	text_is("{\"type\":\"left\",\"channel\":\"news:a\",\"info\":{\"client\":\"ann\",\"user\":\"a\"},"
		"\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
}

static void
test_others(void **state)
{
	struct reply_channel none = { .epoch = "", .timestamp = TIMESTAMP };

	reply_published(&text, &news);
	text_is("{\"type\":\"published\",\"channel\":\"news:a\",\"epoch\":\"abcdefgh\",\"offset\":18446744073709551615,"
		"\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_gap(&text, &news);
	text_is("{\"type\":\"gap\",\"channel\":\"news:a\",\"epoch\":\"abcdefgh\",\"offset\":18446744073709551615,"
		"\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_unsubscribed(&text, &news, 2000, "why");
	text_is("{\"type\":\"unsubscribed\",\"channel\":\"news:a\",\"code\":2000,\"reason\":\"why\","
		"\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_channel_error(&text, &news, "bad_request", "bad request");
	text_is("{\"type\":\"error\",\"code\":\"bad_request\",\"message\":\"bad request\",\"channel\":\"news:a\","
		"\"timestamp\":\"" TIMESTAMP "\",\"id\":\"7\"}");
	reply_channel_error(&text, &none, "bad_request", "bad request");
	text_is("{\"type\":\"error\",\"code\":\"bad_request\",\"message\":\"bad request\",\"timestamp\":\"" TIMESTAMP
		"\"}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_TEST(test_publication), TEXT_TEST(test_bytes),  TEXT_TEST(test_lists),
		TEXT_TEST(test_presence),    TEXT_TEST(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
