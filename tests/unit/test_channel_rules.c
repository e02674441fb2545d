/* SPDX-License-Identifier: MIT */
/* Names of channels, the file that says what is allowed in them, and who may do what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "channel/duration.h"
#include "channel/rules.h"

static struct channel_name
name_of(const char *text)
{
	struct channel_name name;

	assert_int_equal(channel_name_parse(slice_of(text), &name), WSD_OK);
	return name;
}

static void
test_names(void **state)
{
	struct channel_name name = name_of("chat:room#ann,bob");
	char longest[CHANNEL_NAME_MAX + 1];

	assert_true(slice_equal(name.ns, "chat"));
	assert_true(slice_equal(name.users, "ann,bob"));
	assert_false(name.is_private);
	name = name_of("$chat:a:b");
	assert_true(slice_equal(name.ns, "chat"));
	assert_true(name.is_private);
	assert_null(name.users.at);
	assert_int_equal(name_of("news").ns.len, 0);
	assert_int_equal(name_of("gr\xc3\xbc\xc3\x9f").text.len, 6);
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(channel_name_parse((struct slice){ longest, CHANNEL_NAME_MAX }, &name), WSD_OK);
	assert_int_equal(channel_name_parse((struct slice){ longest, CHANNEL_NAME_MAX + 1 }, &name), WSD_E_TOO_LARGE);
	assert_int_equal(channel_name_parse(SLICE(""), &name), WSD_E_MALFORMED);
	assert_int_equal(channel_name_parse(SLICE("a\nb"), &name), WSD_E_MALFORMED);
	assert_int_equal(channel_name_parse(SLICE("a\0b"), &name), WSD_E_MALFORMED);
	assert_int_equal(channel_name_parse(SLICE("a\x7f"), &name), WSD_E_MALFORMED);
	assert_int_equal(channel_name_parse(SLICE("a\"b"), &name), WSD_E_MALFORMED);
	assert_int_equal(channel_name_parse(SLICE("a\\b"), &name), WSD_E_MALFORMED);
	assert_int_equal(channel_name_parse(SLICE("\xc3"), &name), WSD_E_MALFORMED);
}

static void
test_names_for_users(void **state)
{
	struct channel_name two = name_of("dialog#ann,bob"), all = name_of("news"), nobody = name_of("odd#");

	assert_true(channel_name_is_for(&two, SLICE("ann")));
	assert_true(channel_name_is_for(&two, SLICE("bob")));
	assert_false(channel_name_is_for(&two, SLICE("an")));
	assert_false(channel_name_is_for(&two, SLICE("")));
	assert_false(channel_name_is_for(&two, SLICE("ann,bob")));
	assert_true(channel_name_is_for(&all, SLICE("")));
	assert_false(channel_name_is_for(&nobody, SLICE("")));
}

static void
test_durations(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t ms;
	} cases[] = {
		{ "0", WSD_OK, 0 },
		{ "300s", WSD_OK, 300000 },
		{ "1h30m", WSD_OK, 5400000 },
		{ "1.5s", WSD_OK, 1500 },
		{ "250ms", WSD_OK, 250 },
		{ "720h", WSD_OK, UINT64_C(2592000000) },
		{ ".5m", WSD_OK, 30000 },
		{ "", WSD_E_MALFORMED, 0 },
		{ "5", WSD_E_MALFORMED, 0 },
		{ "s", WSD_E_MALFORMED, 0 },
		{ "5d", WSD_E_MALFORMED, 0 },
		{ "-5s", WSD_E_MALFORMED, 0 },
		{ "1.2.3s", WSD_E_MALFORMED, 0 },
		{ ".s", WSD_E_MALFORMED, 0 },
		{ "9999999999999999999999h", WSD_E_RANGE, 0 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ms;

		assert_int_equal(duration_parse(slice_of(cases[i].text), &ms), cases[i].rc);
		assert_int_equal(ms, cases[i].ms);
	}
}

static struct channel_rules *
rules_of(const char *json)
{
	char *why;
	struct channel_rules *rules = channel_rules_parse(json, strlen(json), &why);

	if (!rules)
		print_error("%s\n", why);
	assert_non_null(rules);
	assert_null(why);
	return rules;
}

static void
test_a_file(void **state)
{
	struct channel_rules *rules =
		rules_of("{ \"channel\": { \"without_namespace\": { \"allow_subscribe_for_client\": true },"
			 " \"namespaces\": [ { \"name\": \"chat\", \"history_size\": 10, \"history_ttl\": \"5m\","
			 " \"force_recovery\": true, \"force_recovery_mode\": \"cache\","
			 " \"presence\": true, \"join_leave\": true } ] } }\n");
	struct channel_name chat = name_of("chat:1"), plain = name_of("x"), other = name_of("other:1");
	const struct channel_options *o = channel_rules_find(rules, &chat);

	assert_non_null(o);
	assert_int_equal(o->history_size, 10);
	assert_int_equal(o->history_ttl_ms, 300000);
	assert_int_equal(o->history_meta_ttl_ms, UINT64_C(2592000000));
	assert_int_equal(o->force_recovery_mode, CHANNEL_RECOVERY_CACHE);
	assert_true(channel_has_history(o));
	assert_true(o->presence && o->join_leave && o->force_recovery && !o->allow_publish_for_client);
	o = channel_rules_find(rules, &plain);
	assert_true(o->allow_subscribe_for_client && !channel_has_history(o));
	assert_null(channel_rules_find(rules, &other));
	assert_null(channel_rules_find(NULL, &plain));
	channel_rules_put(&rules);
	assert_null(rules);
	rules = rules_of("{}");
	assert_null(channel_rules_find(rules, &plain));
	channel_rules_put(&rules);
}

static void
refused(const char *json, const char *expected)
{
	char *why;

	assert_null(channel_rules_parse(json, strlen(json), &why));
	assert_non_null(why);
	assert_string_equal(why, expected);
	free(why);
}

#define UNKNOWN            "not known, or not supported by wsd: wsd.channels(5)"
#define WITHOUT(options)   "{\"channel\":{\"without_namespace\":{" options "}}}"
#define NAMESPACE(options) "{\"channel\":{\"namespaces\":[{" options "}]}}"

static void
test_all_that_is_wrong_is_said(void **state)
{
	refused("{\"client\":{},\"channel\":{\"x\":1,\"without_namespace\":{\"presense\":true}}}",
		"client: " UNKNOWN "\nchannel.without_namespace.presense: " UNKNOWN "\nchannel.x: " UNKNOWN);
	refused(WITHOUT("\"presence\":1"), "channel.without_namespace.presence: expected true or false");
	refused(WITHOUT("\"presence\":null"), "channel.without_namespace.presence: expected true or false");
	refused(WITHOUT("\"history_size\":-1"),
		"channel.without_namespace.history_size: expected a number from 0 to 1000000");
	refused(WITHOUT("\"history_size\":\"1\""),
		"channel.without_namespace.history_size: expected a number from 0 to 1000000");
	refused(WITHOUT("\"history_size\":1"),
		"channel.without_namespace: history_size and history_ttl: both are needed for a history");
	refused(WITHOUT("\"history_size\":1,\"history_ttl\":60"),
		"channel.without_namespace.history_ttl: expected a duration such as \"300s\" or \"1h30m\"\n"
		"channel.without_namespace: history_size and history_ttl: both are needed for a history");
	refused(WITHOUT("\"history_size\":1,\"history_ttl\":\"2h\",\"history_meta_ttl\":\"1h\""),
		"channel.without_namespace: history_meta_ttl: shorter than history_ttl");
	refused(WITHOUT("\"force_recovery\":true"),
		"channel.without_namespace: force_recovery: needs history_size and history_ttl");
	refused(WITHOUT("\"force_push_join_leave\":true"),
		"channel.without_namespace: force_push_join_leave: needs join_leave");
	refused(WITHOUT("\"force_recovery_mode\":\"both\""),
		"channel.without_namespace.force_recovery_mode: expected \"stream\" or \"cache\"");
	refused(NAMESPACE("\"presence\":true"), "channel.namespaces[0]: has no name");
	refused(NAMESPACE("\"name\":\"a\""), "channel.namespaces[0].name: expected 2 to 64 letters, digits, -, _ or .");
	refused(NAMESPACE("\"name\":7"), "channel.namespaces[0].name: expected 2 to 64 letters, digits, -, _ or .");
	refused(NAMESPACE("\"name\":\"ab\"},{\"name\":\"ab\""), "channel.namespaces[1].name: \"ab\" is there twice");
	refused("{\"channel\":{\"namespaces\":{}}}", "channel.namespaces: expected an array");
	refused("{\"channel\":{\"namespaces\":[3]}}", "channel.namespaces[0]: expected an object");
	refused("{\"channel\":{\"without_namespace\":null}}", "channel.without_namespace: expected an object");
	refused("{\"channel\":{\"without_namespace\":[]}}", "channel.without_namespace: expected an object");
	refused("{\"channel\":7}", "channel: expected an object");
	refused("[]", "the file: expected an object");
}

static void
test_what_is_no_json(void **state)
{
	refused("{}\n\n{}", "line 3: unexpected character");
	refused("", "line 1: the text ends too early");
	refused("{\"channel\":\n{", "line 2: the text ends too early");
	refused("{\n\"a\" 1}", "line 2: object property name separator ':' expected");
}

static const struct channel_who anybody = { .known = false }, ann = { .user = { "ann", 3 }, .known = true },
				nobody = { .user = { "", 0 }, .known = true },
				there = { .user = { "ann", 3 }, .known = true, .subscribed = true };

static void
test_who_may(void **state)
{
	struct channel_options o = { .allow_subscribe_for_client = true, .allow_publish_for_subscriber = true };
	struct channel_name name = name_of("news"), hidden = name_of("$news"), dialog = name_of("d#ann");

	assert_int_equal(channel_may_subscribe(NULL, &name, &ann), CHANNEL_UNKNOWN_CHANNEL);
	assert_int_equal(channel_may_subscribe(&o, &name, &ann), CHANNEL_FINE);
	assert_int_equal(channel_may_subscribe(&o, &name, &anybody), CHANNEL_FINE);
	assert_int_equal(channel_may_subscribe(&o, &name, &nobody), CHANNEL_PERMISSION_DENIED);
	assert_int_equal(channel_may_subscribe(&o, &hidden, &ann), CHANNEL_PERMISSION_DENIED);
	o.allow_subscribe_for_anonymous = true;
	assert_int_equal(channel_may_subscribe(&o, &name, &nobody), CHANNEL_FINE);
	o.allow_user_limited_channels = true;
	assert_int_equal(channel_may_subscribe(&o, &dialog, &ann), CHANNEL_FINE);
	assert_int_equal(channel_may_subscribe(&o, &dialog, &anybody), CHANNEL_PERMISSION_DENIED);
	assert_int_equal(channel_may_publish(&o, &name, &ann), CHANNEL_PERMISSION_DENIED);
	assert_int_equal(channel_may_publish(&o, &name, &there), CHANNEL_FINE);
	assert_int_equal(channel_may_read_history(&o, &name, &there), CHANNEL_NOT_AVAILABLE);
	assert_int_equal(channel_may_see_presence(&o, &name, &there), CHANNEL_NOT_AVAILABLE);
	o.history_size = 1;
	o.history_ttl_ms = 1;
	o.presence = o.allow_presence_for_client = true;
	assert_int_equal(channel_may_read_history(&o, &name, &there), CHANNEL_PERMISSION_DENIED);
	o.allow_history_for_subscriber = true;
	assert_int_equal(channel_may_read_history(&o, &name, &there), CHANNEL_FINE);
	assert_int_equal(channel_may_read_history(&o, &name, &ann), CHANNEL_PERMISSION_DENIED);
	assert_int_equal(channel_may_see_presence(&o, &name, &ann), CHANNEL_FINE);
	assert_int_equal(channel_may_see_presence(&o, &name, &nobody), CHANNEL_PERMISSION_DENIED);
}

static void
test_rules_in_force(void **state)
{
	struct channel_rules_now *now = channel_rules_now_create(rules_of("{}"));
	struct channel_rules *mine;

	assert_non_null(now);
	mine = channel_rules_now_get(now);
	channel_rules_now_set(now, NULL);
	assert_null(channel_rules_now_get(now));
	channel_rules_put(&mine);
	channel_rules_now_set(now, rules_of("{}"));
	channel_rules_now_destroy(&now);
	assert_null(now);
}

static void
test_codes(void **state)
{
	assert_string_equal(channel_code_word(CHANNEL_UNKNOWN_CHANNEL), "unknown_channel");
	assert_string_equal(channel_code_text(CHANNEL_LIMIT_EXCEEDED), "limit exceeded");
	assert_string_equal(channel_code_word((enum channel_code)7), "internal");
	assert_string_equal(channel_code_text((enum channel_code)7), "internal server error");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_for_users),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_a_file),
		cmocka_unit_test(test_all_that_is_wrong_is_said),
		cmocka_unit_test(test_what_is_no_json),
		cmocka_unit_test(test_who_may),
		cmocka_unit_test(test_rules_in_force),
		cmocka_unit_test(test_codes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
