/* SPDX-License-Identifier: MIT */
/* Messages from the client: what is accepted, what is refused and why, and what json-c thinks of the same
 * texts. */
#include "proto/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/exact.h"
#include "support/json_c.h"

struct expected {
	const char *text;
	enum message_fault fault;
	enum message_type type;
	const char *id, *data;
};

static const struct expected accepted[] = {
	{ "{\"type\":\"message\",\"data\":\"hi\"}", MESSAGE_OK, MESSAGE_MESSAGE, "", "\"hi\"" },
	{ "{\"type\":\"message\",\"data\":\"hi\",\"id\":\"m-1\"}", MESSAGE_OK, MESSAGE_MESSAGE, "\"m-1\"", "\"hi\"" },
	{ "{\"id\":17,\"data\":null,\"type\":\"message\"}", MESSAGE_OK, MESSAGE_MESSAGE, "17", "null" },
	{ "{\"id\":-0.5e+3,\"data\":[ ],\"type\":\"message\"}", MESSAGE_OK, MESSAGE_MESSAGE, "-0.5e+3", "[ ]" },
	{ " \t\r\n{ \"type\" : \"ping\" , \"id\" : \"\" } \n", MESSAGE_OK, MESSAGE_PING, "\"\"", "" },
	{ "{\"type\":\"disconnect\"}", MESSAGE_OK, MESSAGE_DISCONNECT, "", "" },
	{ "{\"token\":\"a.b.c\",\"type\":\"auth\",\"id\":1}", MESSAGE_OK, MESSAGE_AUTH, "1", "" },
	{ "{\"type\":\"message\",\"data\":{\"a\":[1,{\"b\":\"}\"}]},\"more\":[[],{}]}", MESSAGE_OK, MESSAGE_MESSAGE, "",
	  "{\"a\":[1,{\"b\":\"}\"}]}" },
	/* members within other members are not ours */
	{ "{\"x\":{\"type\":\"ping\",\"id\":1},\"type\":\"message\",\"data\":0}", MESSAGE_OK, MESSAGE_MESSAGE, "",
	  "0" },
	/* escapes in names and in the type */
	{ "{\"t\\u0079pe\":\"m\\u0065ss\\u0061ge\",\"d\\u0061t\\u0061\":1,\"\\u0069\\u0064\":2}", MESSAGE_OK,
	  MESSAGE_MESSAGE, "2", "1" },
	{ "{\"type\":\"\\u0070\\u0069\\u006E\\u006e\",\"type\":\"\\u0070\\u0069\\u006E\\u0067\"}", MESSAGE_OK,
	  MESSAGE_PING, "", "" },
	/* the last of a repeated member */
	{ "{\"type\":7,\"id\":null,\"type\":\"ping\",\"id\":\"b\"}", MESSAGE_OK, MESSAGE_PING, "\"b\"", "" },
	/* raw values stay as they were sent */
	{ "{\"type\":\"ping\",\"id\":\"\\ud83d\\ude00 \\ud800 \xf0\x9f\x98\x80\"}", MESSAGE_OK, MESSAGE_PING,
	  "\"\\ud83d\\ude00 \\ud800 \xf0\x9f\x98\x80\"", "" },
};

static const struct expected refused[] = {
	{ "{}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"data\":1,\"id\":3}", MESSAGE_INVALID, 0, "3", "" },
	{ "{\"type\":1}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"type\":[\"ping\"],\"id\":\"k\"}", MESSAGE_INVALID, 0, "\"k\"", "" },
	{ "{\"type\":\"message\",\"id\":\"k\"}", MESSAGE_INVALID, 0, "\"k\"", "" },
	{ "{\"type\":\"ping\",\"id\":null}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"type\":\"ping\",\"id\":true}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"type\":\"ping\",\"id\":{}}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"type\":\"ping\",\"id\":\"a\",\"id\":[]}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"type\":\"auth\",\"id\":1}", MESSAGE_INVALID, 0, "1", "" },
	{ "{\"type\":\"auth\",\"token\":1}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"type\":\"auth\",\"token\":\"a\",\"token\":null}", MESSAGE_INVALID, 0, "", "" },
	{ "{\"type\":\"subscribed\",\"id\":\"k\"}", MESSAGE_UNKNOWN_TYPE, 0, "\"k\"", "" },
	{ "{\"type\":\"\"}", MESSAGE_UNKNOWN_TYPE, 0, "", "" },
	{ "{\"type\":\"Ping\"}", MESSAGE_UNKNOWN_TYPE, 0, "", "" },
	{ "{\"type\":\"ping \"}", MESSAGE_UNKNOWN_TYPE, 0, "", "" },
	{ "{\"type\":\"pin\\u0067\\u0000\"}", MESSAGE_UNKNOWN_TYPE, 0, "", "" },
	{ "{\"type\":\"\\n\\u0069ng\"}", MESSAGE_UNKNOWN_TYPE, 0, "", "" },
	{ "{\"type\":\"\\u0170ing\"}", MESSAGE_UNKNOWN_TYPE, 0, "", "" }, /* 0x170 & 0xff is p */
	{ "", MESSAGE_INVALID_JSON, 0, "", "" },
	{ " ", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "[]", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "\"type\"", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "1", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "null", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "\xef\xbb\xbf{\"type\":\"ping\"}", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "{\"type\":\"ping\"}x", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "{\"type\":\"ping\"}{}", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "{\"type\":\"ping\"},", MESSAGE_INVALID_JSON, 0, "", "" },
	{ "{\"id\":\"k\",\"type\":\"ping\"", MESSAGE_INVALID_JSON, 0, "", "" },
	/* UTF-8 comes first, wherever it is and whatever else is wrong */
	{ "{\"type\":\"ping\",\"x\":\"\xff\"}", MESSAGE_BAD_UTF8, 0, "", "" },
	{ "\xff", MESSAGE_BAD_UTF8, 0, "", "" },
	{ "no JSON at all, and then \xed\xa0\x80", MESSAGE_BAD_UTF8, 0, "", "" },
	{ "{\"type\":\"ping\"} \xc3", MESSAGE_BAD_UTF8, 0, "", "" },
};

static void
check(const struct expected *e)
{
	struct message m;
	size_t len = strlen(e->text);
	char *text = exact_copy(e->text, len);

	if (message_parse(text, len, &m) != e->fault)
		fail_msg("another fault than expected (%s) for %s", m.why ? m.why : "none", e->text);
	if (e->fault == MESSAGE_OK)
		assert_int_equal(m.type, e->type);
	assert_true(slice_equal(m.id, e->id));
	if (e->fault == MESSAGE_OK)
		assert_true(slice_equal(m.data, e->data));
	assert_int_equal(m.why == NULL, e->fault == MESSAGE_OK);
	free(text);
}

/* What is wrong with it; NULL: nothing. */
static const struct {
	const char *text, *why;
} members[] = {
	{ "{\"type\":\"subscribe\"}", "channel is missing" },
	{ "{\"type\":\"subscribe\",\"channel\":7}", "channel must be a string" },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\"}", NULL },
	/* not of this type */
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"limit\":\"x\",\"token\":1,\"data\":1,\"since\":0}", NULL },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"joinLeave\":true}", NULL },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"joinLeave\":1}", "joinLeave must be true or false" },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"joinLeave\":null}", "joinLeave must be true or false" },
#define POSITION "must be an object with an epoch (at most 8 letters) and an offset (a whole number)"
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":true}", "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{}}", "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"epoch\":\"abcdefgh\"}}", "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"offset\":0}}", NULL },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"offset\":-1}}", "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"offset\":1.0}}", "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"offset\":\"1\"}}", "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"offset\":18446744073709551616}}",
	  "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"epoch\":\"abcdefghi\",\"offset\":1}}",
	  "recover " POSITION },
	{ "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"epoch\":1,\"offset\":1}}", "recover " POSITION },
	{ "{\"type\":\"publish\",\"channel\":\"a\"}", "data is missing" },
	{ "{\"type\":\"publish\",\"channel\":\"a\",\"data\":null,\"echo\":false}", NULL },
	{ "{\"type\":\"publish\",\"channel\":\"a\",\"data\":null,\"echo\":\"false\"}", "echo must be true or false" },
	{ "{\"type\":\"history\",\"channel\":\"a\",\"limit\":-1,\"reverse\":true}", NULL },
	{ "{\"type\":\"history\",\"channel\":\"a\",\"limit\":-2}", "limit must be a whole number, or -1 for all" },
	{ "{\"type\":\"history\",\"channel\":\"a\",\"limit\":2147483648}",
	  "limit must be a whole number, or -1 for all" },
	{ "{\"type\":\"history\",\"channel\":\"a\",\"limit\":1e1}", "limit must be a whole number, or -1 for all" },
	{ "{\"type\":\"history\",\"channel\":\"a\",\"since\":[]}", "since " POSITION },
	{ "{\"type\":\"history\",\"channel\":\"a\",\"reverse\":0}", "reverse must be true or false" },
	{ "{\"type\":\"unsubscribe\"}", "channel is missing" },
	{ "{\"type\":\"presence\"}", "channel is missing" },
};

static void
test_members(void **state)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		struct message m;
		enum message_fault fault = message_parse(members[i].text, strlen(members[i].text), &m);

		if (fault != (members[i].why ? MESSAGE_INVALID : MESSAGE_OK) ||
		    strcmp(m.why ? m.why : "", members[i].why ? members[i].why : "") != 0)
			fail_msg("%s: %s", members[i].text, m.why ? m.why : "accepted");
	}
}

static void
test_what_members_say(void **state)
{
	struct message_position position;

	assert_true(message_is(SLICE("true"), false));
	assert_false(message_is(SLICE("false"), true));
	assert_true(message_is((struct slice){ NULL, 0 }, true));
	assert_int_equal(message_limit(SLICE("-1")), -1);
	assert_int_equal(message_limit(SLICE("2147483647")), INT32_MAX);
	assert_int_equal(message_limit((struct slice){ NULL, 0 }), 0);
	message_position(SLICE("{ \"offset\" : 18446744073709551615, \"x\":{}, \"epoch\":\"\\u0061bcdefgh\" }"),
			 &position);
	assert_string_equal(position.epoch, "abcdefgh");
	assert_true(position.offset == UINT64_MAX);
	message_position(SLICE("{\"offset\":1}"), &position);
	assert_string_equal(position.epoch, "");
	assert_int_equal(position.offset, 1);
}

static void
test_accepted(void **state)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++)
		check(&accepted[i]);
}

static void
test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		check(&refused[i]);
}

static void
test_no_truncation_is_accepted(void **state)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++) {
		const char *brace = strrchr(accepted[i].text, '}');

		for (size_t len = 0; accepted[i].text + len <= brace; len++) {
			char *text = exact_copy(accepted[i].text, len);
			struct message m;

			assert_int_not_equal(message_parse(text, len, &m), MESSAGE_OK);
			free(text);
		}
	}
}

static void
test_no_zero_byte_is_accepted(void **state)
{
	static const char text[] = "{ \"type\": \"ping\", \"id\": 1, \"x\": [true, \"\\n\"] } ";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char zeroed[sizeof(text)];
		struct message m;

		memcpy(zeroed, text, sizeof(text));
		zeroed[i] = '\0';
		assert_int_equal(message_parse(zeroed, sizeof(text) - 1, &m), MESSAGE_INVALID_JSON);
	}
	struct message m;
	assert_int_equal(message_parse(text, sizeof(text), &m), MESSAGE_INVALID_JSON);
}

static enum message_fault
parse_nested(unsigned levels, char open, char close)
{
	char text[512];
	struct message m;
	int used = snprintf(text, sizeof(text), "{\"type\":\"message\",\"data\":");

	for (unsigned i = 0; i < levels; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, open == '{' ? "{\"\":" : "[");
	text[used++] = '0';
	for (unsigned i = 0; i < levels; i++)
		text[used++] = close;
	text[used++] = '}';
	return message_parse(text, (size_t)used, &m);
}

static void
test_depth(void **state)
{
	assert_int_equal(parse_nested(MESSAGE_DEPTH_MAX - 1, '[', ']'), MESSAGE_OK);
	assert_int_equal(parse_nested(MESSAGE_DEPTH_MAX, '[', ']'), MESSAGE_INVALID_JSON);
	assert_int_equal(parse_nested(MESSAGE_DEPTH_MAX - 1, '{', '}'), MESSAGE_OK);
	assert_int_equal(parse_nested(MESSAGE_DEPTH_MAX, '{', '}'), MESSAGE_INVALID_JSON);
	assert_int_equal(parse_nested(3, '[', '}'), MESSAGE_INVALID_JSON);
	assert_int_equal(parse_nested(3, '{', ']'), MESSAGE_INVALID_JSON);
}

static void
test_length_of_id(void **state)
{
	char text[512];
	struct message m;

	for (int room = MESSAGE_ID_MAX - 1; room <= MESSAGE_ID_MAX + 1; room++) {
		int len = snprintf(text, sizeof(text), "{\"type\":\"ping\",\"id\":\"%0*d\"}", room - 2, 7);

		if (room <= MESSAGE_ID_MAX) {
			assert_int_equal(message_parse(text, (size_t)len, &m), MESSAGE_OK);
			assert_int_equal(m.id.len, room);
		} else {
			assert_int_equal(message_parse(text, (size_t)len, &m), MESSAGE_INVALID);
			assert_int_equal(m.id.len, 0);
		}
	}
}

/* Values of a member: which are JSON. Marked is what some json-c sees otherwise than RFC 8259: it forgives
 * much, and 0.18 refuses integers beyond 64 bits. */
static const struct {
	const char *value;
	bool valid, json_c_differs;
} values[] = {
	{ "0", true, false },
	{ "-0", true, false },
	{ "10", true, false },
	{ "-1", true, false },
	{ "0.5", true, false },
	{ "1e5", true, false },
	{ "1E+05", true, false },
	{ "1.25e-7", true, false },
	{ "0e0", true, false },
	{ "123456789012345678901234567890", true, true },
	{ "1e400", true, false },
	{ "-1e-400", true, false },
	{ "", false, false },
	{ "-", false, false },
	{ "+1", false, false },
	{ ".5", false, false },
	{ "01", false, false },
	{ "00", false, true },
	{ "-01", false, true },
	{ "1.", false, true },
	{ "1.e5", false, true },
	{ "-.1", false, true },
	{ "1e", false, false },
	{ "1e+", false, false },
	{ "1e5.5", false, false },
	{ "1.2.3", false, false },
	{ "--1", false, false },
	{ "0x1", false, false },
	{ "1-1", false, false },
	{ "1 2", false, false },
	{ "1_0", false, false },
	{ "true", true, false },
	{ "false", true, false },
	{ "null", true, false },
	{ "tru", false, false },
	{ "True", false, false },
	{ "truex", false, false },
	{ "nul", false, false },
	{ "undefined", false, false },
	{ "NaN", false, true },
	{ "Infinity", false, true },
	{ "-Infinity", false, true },
	{ "\"\"", true, false },
	{ "\"a\\\"b\"", true, false },
	{ "\"\\\\\"", true, false },
	{ "\"\\/\\b\\f\\n\\r\\t\"", true, false },
	{ "\"\\u00e9\\uABCD\\uabcd\"", true, false },
	{ "\"\\u0000\"", true, false },
	{ "\"\x7f\"", true, false },
	{ "\"\\ud800\"", true, false },
	{ "\"\\udc00\\ud800\"", true, false },
	{ "\"\\ud83d\\ude00\"", true, false },
	{ "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"", true, false },
	{ "\"long enough for some words of eight bytes, and \\\"escapes\\\" in between\"", true, false },
	{ "\"", false, false },
	{ "\"a", false, false },
	{ "\"\\\"", false, false },
	{ "\"\\x41\"", false, false },
	{ "\"\\u12\"", false, false },
	{ "\"\\u12g4\"", false, false },
	{ "\"\\'\"", false, false },
	{ "\"\\\n\"", false, false },
	{ "'a'", false, false },
	{ "a", false, false },
	{ "\"a\"\"b\"", false, false },
	{ "\"\n\"", false, true },
	{ "\"\t\"", false, true },
	{ "\"seven..\x01 and more\"", false, true },
	{ "\"\x1f\"", false, true },
	{ "[]", true, false },
	{ "[1]", true, false },
	{ "[1,\"a\",null,[],{}]", true, false },
	{ " [ 1 , 2 ] ", true, false },
	{ "[,]", false, false },
	{ "[1,]", false, false },
	{ "[,1]", false, false },
	{ "[1 2]", false, false },
	{ "[1,,2]", false, false },
	{ "[", false, false },
	{ "]", false, false },
	{ "[1", false, false },
	{ "[1}", false, false },
	{ "[[]", false, false },
	{ "[]]", false, false },
	{ "{}", true, false },
	{ "{\"\":0}", true, false },
	{ "{\"a\":1,\"a\":2}", true, false },
	{ "{ \"a\" : { \"b\" : [ ] } , \"c\" : \"}\" }", true, false },
	{ "{,}", false, false },
	{ "{\"a\"}", false, false },
	{ "{\"a\":}", false, false },
	{ "{\"a\":1,}", false, false },
	{ "{,\"a\":1}", false, false },
	{ "{a:1}", false, false },
	{ "{'a':1}", false, true },
	{ "{\"a\" 1}", false, false },
	{ "{\"a\":1 \"b\":2}", false, false },
	{ "{1:2}", false, false },
	{ "{\"a\":1]", false, false },
	{ "{\"a\"::1}", false, false },
	{ "{\"a\t\":1}", false, true },
	{ "{", false, false },
	{ "{\"a\":1", false, false },
	{ "/*x*/1", false, false },
	{ "1//x\n", false, false },
	{ "\v1", false, false },
	{ "\f1", false, false },
	{ "\xc2\xa0"
	  "1",
	  false, false },
	{ "\xef\xbb\xbf"
	  "1",
	  false, false },
};

static void
test_validity_agrees_with_json_c(void **state)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char text[256];
		int len = snprintf(text, sizeof(text), "{\"type\":\"ping\",\"data\":%s}", values[i].value);
		struct message m;
		struct json_object *second;

		if ((message_parse(text, (size_t)len, &m) == MESSAGE_OK) != values[i].valid)
			fail_msg("wrong about %s", text);
		if (values[i].json_c_differs)
			continue;
		second = json_c_parse(text, (size_t)len);
		if ((second != NULL) != values[i].valid)
			fail_msg("json-c differs about %s", text);
		json_object_put(second);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_what_members_say),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_truncation_is_accepted),
		cmocka_unit_test(test_no_zero_byte_is_accepted),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_length_of_id),
		cmocka_unit_test(test_validity_agrees_with_json_c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
