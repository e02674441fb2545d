/* SPDX-License-Identifier: MIT */
/* Clients and channels: what each message does, and who gets what is published. */
#include "client/channels.h"

#include "client/travel.h"
#include "kept/notes.h"
#include "proto/state.h"
#include "support/alloc.h"
#include "support/json_c.h"
#include "support/worker_rig.h"

static const char rules[] =
	"{\"channel\":{\"without_namespace\":{\"history_size\":100,\"history_ttl\":\"100s\",\"presence\":true,"
	"\"join_leave\":true,\"force_recovery\":true,\"allow_subscribe_for_client\":true,"
	"\"allow_publish_for_client\":true,\"allow_history_for_client\":true,\"allow_presence_for_client\":true},"
	"\"namespaces\":["
	"{\"name\":\"cache\",\"history_size\":1,\"history_ttl\":\"100s\",\"force_recovery\":true,"
	"\"force_recovery_mode\":\"cache\",\"allow_subscribe_for_client\":true,\"allow_publish_for_client\":true},"
	"{\"name\":\"plain\",\"allow_subscribe_for_client\":true,\"allow_publish_for_client\":true},"
	"{\"name\":\"push\",\"join_leave\":true,\"force_push_join_leave\":true,\"allow_subscribe_for_client\":true,"
	"\"allow_publish_for_subscriber\":true},"
	"{\"name\":\"none\"}]}}";

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

static uint64_t
subscriptions(void)
{
	struct broker_stats stats;

	broker_stats(rig_broker, &stats);
	return stats.subscriptions;
}

static int
stop(void **state)
{
	int rc = rig_stop(state);

	assert_int_equal(subscriptions(), 0);
	broker_destroy(&rig_broker);
	channel_rules_now_destroy(&rig_rules);
	return rc;
}

#define CHANNEL_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

/* ---- what is said ---------------------------------------------------------------------------- */

/* The news of the turn is handed on. */
static void
turn(void)
{
	uv_ref((uv_handle_t *)&rig.w.clients.channels.wake);
	uv_run(&rig.w.loop, UV_RUN_NOWAIT);
	uv_unref((uv_handle_t *)&rig.w.clients.channels.wake);
	rig_end_turn();
}

/* A client that has been greeted. */
static struct client *
guest(const char *id)
{
	struct client *c = rig_guest(&(struct client_guest){ .slot = rig.slots, .serial = rig.slots + 1, .id = id });

	assert_non_null(c);
	fake_said(&c->wire);
	return c;
}

static void
without(struct json_object *o, const char *name)
{
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_del(o, name);
		for (struct lh_entry *e = json_object_get_object(o)->head; e; e = e->next)
			without((struct json_object *)lh_entry_v(e), name);
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			without(json_object_array_get_idx(o, i), name);
	}
}

/* What it was sent since this was asked last: JSON, a message a line, without timestamps and epochs. */
static void
said_is(struct client *c, const char *expected)
{
	char got[FAKE_SAID_MAX], wanted[FAKE_SAID_MAX], *at = got;
	const char *said = fake_said(&c->wire);

	for (const char *end; *said; said = end + 1) {
		struct json_object *o;

		end = strchr(said, '\n');
		o = json_c_parse(said, (size_t)(end - said));
		if (!o)
			fail_msg("no JSON: %s", said);
		without(o, "timestamp");
		without(o, "epoch");
		at += sprintf(at, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
		json_object_put(o);
	}
	*at = '\0';
	snprintf(wanted, sizeof(wanted), "%s", expected);
	json_c_cut_utf8(wanted, strlen(wanted));
	if (strcmp(got, wanted) != 0)
		fail_msg("%s was sent\n%sand not\n%s", c->id, got, wanted);
}

static void
say(struct client *c, const char *format, ...)
{
	char text[FAKE_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fake_text(&c->wire, text);
}

#define SUBSCRIBED(channel, offset) \
	"{\"type\":\"subscribed\",\"channel\":\"" channel "\",\"publications\":[],\"offset\":" #offset \
	",\"recovered\":false}\n"
#define PUBLISHED(channel, offset) "{\"type\":\"published\",\"channel\":\"" channel "\",\"offset\":" #offset "}\n"
#define UNSUBSCRIBED(channel) \
	"{\"type\":\"unsubscribed\",\"channel\":\"" channel "\",\"code\":0,\"reason\":\"client unsubscribed\"}\n"
#define FROM(id) "\"from\":{\"client\":\"" id "\",\"user\":\"\"}"
#define PUBLICATION(channel, data, offset, id) \
	"{\"type\":\"publication\",\"channel\":\"" channel "\",\"data\":" #data ",\"offset\":" #offset \
	"," FROM(id) "}\n"
#define BACKEND(channel, data, offset) \
	"{\"type\":\"publication\",\"channel\":\"" channel "\",\"data\":" #data ",\"offset\":" #offset "}\n"
#define ITEM(data, offset)   "{\"data\":" #data ",\"offset\":" #offset "}"
#define GAP(channel, offset) "{\"type\":\"gap\",\"channel\":\"" channel "\",\"offset\":" #offset "}\n"
#define JOINED(channel, id) \
	"{\"type\":\"joined\",\"channel\":\"" channel "\",\"info\":{\"client\":\"" id "\",\"user\":\"\"}}\n"
#define LEFT(channel, id) \
	"{\"type\":\"left\",\"channel\":\"" channel "\",\"info\":{\"client\":\"" id "\",\"user\":\"\"}}\n"
#define REFUSED(code, text, channel) \
	"{\"type\":\"error\",\"code\":\"" code "\",\"message\":\"" text "\",\"channel\":\"" channel "\"}\n"

static void
subscribe(struct client *c, const char *channel)
{
	say(c, "{\"type\":\"subscribe\",\"channel\":\"%s\"}", channel);
}

static void
publish(struct client *c, const char *channel, const char *data)
{
	say(c, "{\"type\":\"publish\",\"channel\":\"%s\",\"data\":%s}", channel, data);
}

/* As a backend, or another worker's client. */
static struct broker_position
publish_from_outside(const char *channel, const char *data)
{
	struct channel_rules *all = channel_rules_now_get(rig_rules);
	struct broker_position at;
	struct channel_name name;
	struct broker_publish p = { .channel = slice_of(channel), .data = slice_of(data) };

	assert_int_equal(channel_name_parse(p.channel, &name), WSD_OK);
	p.options = channel_rules_find(all, &name);
	assert_non_null(p.options);
	assert_int_equal(broker_publish(rig_broker, &p, &at), WSD_OK);
	channel_rules_put(&all);
	return at;
}

/* ---- subscribing and publishing -------------------------------------------------------------- */

static void
test_subscribers_get_what_is_published(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob"), *cid = guest("cid");

	say(ann, "{\"type\":\"subscribe\",\"channel\":\"a\",\"id\":1}");
	said_is(ann, "{\"type\":\"subscribed\",\"channel\":\"a\",\"publications\":[],\"offset\":0,\"recovered\":false,"
		     "\"id\":1}\n");
	subscribe(bob, "a");
	said_is(bob, SUBSCRIBED("a", 0));
	assert_int_equal(subscriptions(), 2);
	say(cid, "{\"type\":\"publish\",\"channel\":\"a\",\"data\":7.5,\"id\":\"p\"}");
	said_is(cid, "{\"type\":\"published\",\"channel\":\"a\",\"offset\":1,\"id\":\"p\"}\n");
	said_is(ann, ""); /* when the loop comes to it */
	turn();
	said_is(ann, PUBLICATION("a", 7.5, 1, "cid"));
	said_is(bob, PUBLICATION("a", 7.5, 1, "cid"));
	said_is(cid, "");
	assert_int_equal(metrics_sum(METRIC_PUBLICATIONS_CLIENT), 1);
	assert_int_equal(metrics_sum(METRIC_DELIVERIES), 2);
	say(ann, "{\"type\":\"unsubscribe\",\"channel\":\"a\",\"id\":2}");
	said_is(ann, "{\"type\":\"unsubscribed\",\"channel\":\"a\",\"code\":0,\"reason\":\"client unsubscribed\","
		     "\"id\":2}\n");
	publish_from_outside("a", "2");
	turn();
	said_is(ann, "");
	said_is(bob, BACKEND("a", 2, 2));
	assert_int_equal(subscriptions(), 1);
}

/* A publisher's own publication comes before the answer, once, and with what others had published before it. */
static void
test_publishers_hear_themselves_first(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	subscribe(ann, "a");
	subscribe(bob, "a");
	fake_said(&ann->wire);
	fake_said(&bob->wire);
	publish_from_outside("a", "1");
	publish(ann, "a", "2");
	said_is(ann, BACKEND("a", 1, 1) PUBLICATION("a", 2, 2, "ann") PUBLISHED("a", 2));
	publish(ann, "a", "3");
	said_is(ann, PUBLICATION("a", 3, 3, "ann") PUBLISHED("a", 3));
	publish_from_outside("a", "4");
	assert_int_equal(rig_wire(bob)->texts, 2);
	turn();
	assert_int_equal(rig_wire(bob)->frames, 1); /* one write */
	said_is(ann, BACKEND("a", 4, 4));
	said_is(bob, BACKEND("a", 1, 1) PUBLICATION("a", 2, 2, "ann") PUBLICATION("a", 3, 3, "ann") BACKEND("a", 4, 4));
	turn();
	said_is(ann, "");
}

static void
test_no_echo(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	subscribe(ann, "a");
	subscribe(bob, "a");
	fake_said(&ann->wire);
	fake_said(&bob->wire);
	say(ann, "{\"type\":\"publish\",\"channel\":\"a\",\"data\":1,\"echo\":false}");
	said_is(ann, PUBLISHED("a", 1));
	publish_from_outside("a", "2");
	say(ann, "{\"type\":\"publish\",\"channel\":\"a\",\"data\":3,\"echo\":false}");
	said_is(ann, BACKEND("a", 2, 2) PUBLISHED("a", 3));
	say(bob, "{\"type\":\"publish\",\"channel\":\"a\",\"data\":4,\"echo\":false}");
	turn();
	said_is(ann, PUBLICATION("a", 4, 4, "bob"));
	said_is(bob, PUBLICATION("a", 1, 1, "ann") BACKEND("a", 2, 2) PUBLICATION("a", 3, 3, "ann") PUBLISHED("a", 4));
	assert_int_equal(metrics_sum(METRIC_GAPS), 0);
}

/* Who subscribes while there is news that the thread has not read yet gets neither that nor any of it twice. */
static void
test_subscribing_in_between(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	subscribe(ann, "a");
	fake_said(&ann->wire);
	publish_from_outside("a", "1");
	subscribe(bob, "a");
	publish_from_outside("a", "2");
	turn();
	said_is(ann, BACKEND("a", 1, 1) BACKEND("a", 2, 2));
	said_is(bob, SUBSCRIBED("a", 1) BACKEND("a", 2, 2));
	publish_from_outside("a", "3");
	turn();
	said_is(bob, BACKEND("a", 3, 3));
}

static void
test_names_with_escapes(void **state)
{
	struct client *ann = guest("ann");

	subscribe(ann, "\\u0061\\/\\u00e9");
	said_is(ann, SUBSCRIBED("a\\/é", 0));
	publish_from_outside("a/é", "1");
	turn();
	said_is(ann, BACKEND("a\\/é", 1, 1));
	subscribe(ann, "a/é");
	said_is(ann, REFUSED("already_subscribed", "already subscribed", "a\\/é"));
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void
test_refusals(void **state)
{
	static const char bad[] =
		"{\"type\":\"error\",\"code\":\"bad_request\",\"message\":\"bad request\",\"id\":7}\n";
	static const char *const names[] = { "", "a\\n", "a\\u0000", "\\\"", "\\ud800" };
	char name[300] = "";
	struct client *ann = guest("ann");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		say(ann, "{\"type\":\"subscribe\",\"channel\":\"%s\",\"id\":7}", names[i]);
		said_is(ann, bad);
	}
	memset(name, 'a', 256);
	say(ann, "{\"type\":\"history\",\"channel\":\"%s\",\"id\":7}", name);
	said_is(ann, bad);
	subscribe(ann, "nowhere:a");
	said_is(ann, REFUSED("unknown_channel", "unknown channel", "nowhere:a"));
	publish(ann, "nowhere:a", "1");
	said_is(ann, REFUSED("unknown_channel", "unknown channel", "nowhere:a"));
	subscribe(ann, "none:a");
	said_is(ann, REFUSED("permission_denied", "permission denied", "none:a"));
	publish(ann, "push:a", "1"); /* for its subscribers */
	said_is(ann, REFUSED("permission_denied", "permission denied", "push:a"));
	say(ann, "{\"type\":\"history\",\"channel\":\"plain:a\"}");
	said_is(ann, REFUSED("not_available", "not available", "plain:a"));
	say(ann, "{\"type\":\"presence\",\"channel\":\"plain:a\"}");
	said_is(ann, REFUSED("not_available", "not available", "plain:a"));
	say(ann, "{\"type\":\"subscribe\",\"channel\":\"plain:a\",\"joinLeave\":true}");
	said_is(ann, REFUSED("not_available", "not available", "plain:a"));
	assert_int_equal(subscriptions(), 0);
	say(ann, "{\"type\":\"unsubscribe\",\"channel\":\"nowhere:a\"}");
	said_is(ann, UNSUBSCRIBED("nowhere:a"));
}

static void
test_limit(void **state)
{
	struct client *ann = guest("ann");

	subscribe(ann, "a");
	subscribe(ann, "b");
	subscribe(ann, "c");
	said_is(ann, SUBSCRIBED("a", 0) SUBSCRIBED("b", 0) SUBSCRIBED("c", 0));
	subscribe(ann, "d");
	said_is(ann, REFUSED("limit_exceeded", "limit exceeded", "d"));
	say(ann, "{\"type\":\"unsubscribe\",\"channel\":\"a\"}");
	subscribe(ann, "d");
	said_is(ann, UNSUBSCRIBED("a") SUBSCRIBED("d", 0));
	publish_from_outside("a", "1");
	publish_from_outside("b", "2");
	publish_from_outside("d", "4");
	turn();
	said_is(ann, BACKEND("b", 2, 1) BACKEND("d", 4, 1));
}

/* ---- history and recovery -------------------------------------------------------------------- */

static void
test_history(void **state)
{
	struct broker_position at = { .offset = 0 };
	struct client *ann = guest("ann");

	for (unsigned i = 1; i <= 4; i++) {
		char data[8];

		sprintf(data, "%u", i);
		at = publish_from_outside("a", data);
	}
	say(ann, "{\"type\":\"history\",\"channel\":\"a\"}");
	said_is(ann, "{\"type\":\"history\",\"channel\":\"a\",\"publications\":[],\"offset\":4}\n");
	say(ann, "{\"type\":\"history\",\"channel\":\"a\",\"limit\":2,\"id\":1}");
	said_is(ann, "{\"type\":\"history\",\"channel\":\"a\",\"publications\":[" ITEM(1, 1) "," ITEM(
			     2, 2) "],\"offset\":4,\"id\":1}\n");
	say(ann,
	    "{\"type\":\"history\",\"channel\":\"a\",\"limit\":-1,\"reverse\":true,\"since\":{\"epoch\":\"%s\","
	    "\"offset\":3}}",
	    at.epoch);
	said_is(ann, "{\"type\":\"history\",\"channel\":\"a\",\"publications\":[" ITEM(2, 2) "," ITEM(
			     1, 1) "],\"offset\":4}\n");
	say(ann, "{\"type\":\"history\",\"channel\":\"a\",\"limit\":-1,\"since\":{\"epoch\":\"zz\",\"offset\":3}}");
	said_is(ann, REFUSED("unrecoverable_position", "unrecoverable position", "a"));
}

static void
fill(char *out, size_t len)
{
	memset(out, 'x', len);
	out[0] = out[len - 1] = '"';
	out[len] = '\0';
}

/* No more than may wait for a client. */
static void
test_history_that_is_too_large(void **state)
{
	struct client *ann = guest("ann");
	char data[1001];

	fill(data, 1000);
	publish_from_outside("a", data);
	say(ann, "{\"type\":\"history\",\"channel\":\"a\",\"limit\":-1}");
	assert_said(ann, "\"offset\":1");
	fake_said(&ann->wire);
	publish_from_outside("a", data);
	publish_from_outside("a", data);
	say(ann, "{\"type\":\"history\",\"channel\":\"a\",\"limit\":-1}");
	said_is(ann, REFUSED("limit_exceeded", "limit exceeded", "a"));
	say(ann, "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"offset\":0}}");
	said_is(ann, SUBSCRIBED("a", 3));
	assert_true(client_is_open(ann));
	assert_int_equal(metrics_sum(METRIC_NOT_RECOVERED), 1);
}

static void
recover(struct client *c, const char *channel, const char *epoch, unsigned offset)
{
	say(c, "{\"type\":\"unsubscribe\",\"channel\":\"%s\"}", channel);
	fake_said(&c->wire);
	say(c, "{\"type\":\"subscribe\",\"channel\":\"%s\",\"recover\":{\"epoch\":\"%s\",\"offset\":%u}}", channel,
	    epoch, offset);
}

static void
test_recovery(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");
	struct broker_position at;

	subscribe(bob, "a");
	fake_said(&bob->wire);
	publish_from_outside("a", "1");
	publish_from_outside("a", "2");
	at = publish_from_outside("a", "3");
	recover(ann, "a", at.epoch, 1);
	said_is(ann, "{\"type\":\"subscribed\",\"channel\":\"a\",\"publications\":[" ITEM(2, 2) "," ITEM(
			     3, 3) "],\"offset\":3,\"recovered\":true}\n");
	turn(); /* what the thread reads now it has had */
	said_is(ann, "");
	said_is(bob, BACKEND("a", 1, 1) BACKEND("a", 2, 2) BACKEND("a", 3, 3));
	recover(ann, "a", at.epoch, 3);
	said_is(ann,
		"{\"type\":\"subscribed\",\"channel\":\"a\",\"publications\":[],\"offset\":3,\"recovered\":true}\n");
	recover(ann, "a", "", 2);
	said_is(ann, "{\"type\":\"subscribed\",\"channel\":\"a\",\"publications\":[" ITEM(
			     3, 3) "],\"offset\":3,\"recovered\":true}\n");
	recover(ann, "a", at.epoch, 4); /* of another life */
	said_is(ann, SUBSCRIBED("a", 3));
	recover(ann, "a", "zzzzzzzz", 3);
	said_is(ann, SUBSCRIBED("a", 3));
	assert_int_equal(metrics_sum(METRIC_RECOVERED), 3);
	assert_int_equal(metrics_sum(METRIC_NOT_RECOVERED), 2);
	recover(ann, "plain:a", "", 0); /* nothing is kept there */
	said_is(ann, SUBSCRIBED("plain:a", 0));
}

static void
test_recovery_of_too_much(void **state)
{
	struct client *ann = guest("ann");
	struct broker_position at = { .offset = 0 };

	for (unsigned i = 0; i < 102; i++)
		at = publish_from_outside("a", "1");
	recover(ann, "a", at.epoch, 1); /* the second is not in the history any more */
	said_is(ann, SUBSCRIBED("a", 102));
}

static void
test_recovery_of_the_last_alone(void **state)
{
	struct client *ann = guest("ann");
	struct broker_position at;

	recover(ann, "cache:a", "", 0);
	said_is(ann, SUBSCRIBED("cache:a", 0));
	publish_from_outside("cache:a", "1");
	at = publish_from_outside("cache:a", "2");
	recover(ann, "cache:a", "zzzzzzzz", 77);
	said_is(ann, "{\"type\":\"subscribed\",\"channel\":\"cache:a\",\"publications\":[" ITEM(
			     2, 2) "],\"offset\":2,\"recovered\":true}\n");
	recover(ann, "cache:a", at.epoch, 2);
	said_is(ann, "{\"type\":\"subscribed\",\"channel\":\"cache:a\",\"publications\":[],\"offset\":2,"
		     "\"recovered\":true}\n");
}

/* ---- who is there ---------------------------------------------------------------------------- */

static void
test_presence(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	subscribe(ann, "a");
	fake_said(&ann->wire);
	say(bob, "{\"type\":\"presence\",\"channel\":\"a\",\"id\":1}");
	said_is(bob, "{\"type\":\"presence\",\"channel\":\"a\",\"clients\":[{\"client\":\"ann\",\"user\":\"\"}],"
		     "\"id\":1}\n");
	fake_network_ends(&ann->wire);
	say(bob, "{\"type\":\"presence\",\"channel\":\"a\"}");
	said_is(bob, "{\"type\":\"presence\",\"channel\":\"a\",\"clients\":[]}\n");
}

static void
test_joins_and_leaves(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob"), *cid = guest("cid");

	subscribe(bob, "a"); /* and does not want to know */
	say(ann, "{\"type\":\"subscribe\",\"channel\":\"a\",\"joinLeave\":true}");
	turn();
	said_is(ann, SUBSCRIBED("a", 0) JOINED("a", "ann"));
	subscribe(cid, "a");
	publish_from_outside("a", "1");
	turn();
	said_is(ann, JOINED("a", "cid") BACKEND("a", 1, 1));
	said_is(bob, SUBSCRIBED("a", 0) BACKEND("a", 1, 1));
	say(cid, "{\"type\":\"unsubscribe\",\"channel\":\"a\"}");
	say(bob, "{\"type\":\"disconnect\"}");
	turn();
	said_is(ann, LEFT("a", "cid") LEFT("a", "bob"));
	subscribe(cid, "push:a");
	turn();
	fake_said(&cid->wire);
	subscribe(ann, "push:a");
	fake_said(&ann->wire);
	turn();
	said_is(ann, JOINED("push:a", "ann"));
	said_is(cid, JOINED("push:a", "ann"));
}

/* Ahead of the thread, as it has published, it is told all the same who comes. */
static void
test_joins_for_who_is_ahead(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	say(ann, "{\"type\":\"subscribe\",\"channel\":\"a\",\"joinLeave\":true}");
	turn();
	fake_said(&ann->wire);
	publish(ann, "a", "1");
	subscribe(bob, "a");
	turn();
	said_is(ann, PUBLICATION("a", 1, 1, "ann") PUBLISHED("a", 1) JOINED("a", "bob"));
}

/* ---- moving ---------------------------------------------------------------------------------- */

static void
test_standing_still(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	subscribe(ann, "a");
	subscribe(bob, "a");
	fake_said(&ann->wire);
	fake_said(&bob->wire);
	client_hold(&rig.w.clients, ann);
	publish_from_outside("a", "1");
	turn();
	said_is(bob, BACKEND("a", 1, 1));
	publish_from_outside("a", "2");
	client_resume(&rig.w.clients, ann);
	said_is(ann, BACKEND("a", 1, 1) BACKEND("a", 2, 2));
	turn();
	said_is(ann, "");
	said_is(bob, BACKEND("a", 2, 2));
	publish_from_outside("a", "3");
	turn();
	said_is(ann, BACKEND("a", 3, 3));
	assert_int_equal(metrics_sum(METRIC_GAPS), 0);
}

static void
test_standing_still_while_others_come(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	say(ann, "{\"type\":\"subscribe\",\"channel\":\"a\",\"joinLeave\":true}");
	turn();
	fake_said(&ann->wire);
	client_hold(&rig.w.clients, ann);
	subscribe(bob, "a");
	publish_from_outside("a", "1");
	turn();
	client_resume(&rig.w.clients, ann);
	said_is(ann, BACKEND("a", 1, 1) GAP("a", 1));
	assert_int_equal(metrics_sum(METRIC_GAPS), 1);
}

static void
test_standing_still_for_too_long(void **state)
{
	struct client *ann = guest("ann");
	char data[1001];

	subscribe(ann, "a");
	fake_said(&ann->wire);
	client_hold(&rig.w.clients, ann);
	fill(data, 1000);
	for (unsigned i = 0; i < 5; i++)
		publish_from_outside("a", data);
	turn();
	client_resume(&rig.w.clients, ann);
	said_is(ann, GAP("a", 5));
	publish_from_outside("a", "6");
	turn();
	said_is(ann, BACKEND("a", 6, 6));
}

/* The same client in the next process, which is this one. */
static struct client *
move(struct client *c)
{
	struct conn_state state = { .id = "" };
	char subscriptions[4 * STATE_SUBSCRIPTION_MAX];
	struct client *next;

	travel_leave(c, &state, rig_now_ms());
	state.subscriptions = (struct slice){ subscriptions, travel_subscriptions(c, NULL) };
	assert_true(state.subscriptions.len <= sizeof(subscriptions));
	assert_int_equal(travel_subscriptions(c, subscriptions), state.subscriptions.len);
	client_hold(&rig.w.clients, c);
	client_give_away(&rig.w.clients, c);
	rig_end_turn();
	next = client_arrive(&state, rig.slots + 1, rig.slots, NULL);
	assert_non_null(next);
	rig.slots++;
	assert_int_equal(slots_put(&rig.w.slots, next), WSD_OK);
	client_go_on(&rig.w.clients, next, -1, true, state.subscriptions);
	return next;
}

static void
test_moving(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	subscribe(ann, "a");
	say(ann, "{\"type\":\"subscribe\",\"channel\":\"plain:b\"}");
	say(bob, "{\"type\":\"subscribe\",\"channel\":\"a\",\"joinLeave\":true}");
	turn();
	publish_from_outside("a", "1");
	turn();
	fake_said(&ann->wire);
	fake_said(&bob->wire);
	publish_from_outside("a", "2");
	publish_from_outside("plain:b", "3");
	ann = move(ann);
	assert_int_equal(subscriptions(), 3);
	said_is(ann, BACKEND("a", 2, 2) BACKEND("plain:b", 3, 1));
	publish_from_outside("a", "4");
	turn();
	said_is(ann, BACKEND("a", 4, 3));
	said_is(bob, BACKEND("a", 2, 2) BACKEND("a", 4, 3));
	bob = move(bob);
	say(ann, "{\"type\":\"unsubscribe\",\"channel\":\"a\"}");
	turn();
	said_is(bob, LEFT("a", "ann")); /* and nobody was told that it had left before */
	assert_int_equal(metrics_sum(METRIC_GAPS), 0);
}

/* To where there is no such channel, no such position, or nothing of all this. */
static void
test_moving_elsewhere(void **state)
{
	struct state_subscription s = { .channel = SLICE("a"), .epoch = "zzzzzzzz", .offset = 7 };
	struct broker_listener *listener = rig.w.clients.channels.listener;
	struct client *ann = guest("ann");

	publish_from_outside("a", "1");
	subscriptions_arrive(&rig.w.clients, ann, &s);
	said_is(ann, GAP("a", 1));
	s.channel = SLICE("nowhere:a");
	subscriptions_arrive(&rig.w.clients, ann, &s);
#define GONE(channel) \
	"{\"type\":\"unsubscribed\",\"channel\":\"" channel "\",\"code\":2000,\"reason\":\"server unsubscribe\"}\n"
	said_is(ann, GONE("nowhere:a"));
	rig.w.clients.channels.listener = NULL;
	s.channel = SLICE("b");
	subscriptions_arrive(&rig.w.clients, ann, &s);
	said_is(ann, GONE("b"));
	rig.w.clients.channels.listener = listener;
	assert_int_equal(subscriptions(), 1);
}

static void
test_user_goes_along(void **state)
{
	struct client *ann = rig_guest(
		&(struct client_guest){ .slot = rig.slots, .serial = rig.slots + 1, .id = "ann", .user = "D\\ann" });

	subscribe(ann, "a");
	ann = move(ann);
	assert_string_equal(client_user(ann), "D\\ann");
	say(ann, "{\"type\":\"presence\",\"channel\":\"a\"}");
	said_is(ann,
		"{\"type\":\"presence\",\"channel\":\"a\",\"clients\":[{\"client\":\"ann\",\"user\":\"D\\\\ann\"}]}\n");
}

/* ---- what the next process cannot know ------------------------------------------------------- */

static void
test_note(void **state)
{
	struct note note = { .id = "ann" };
	struct client_guest one = {
		.slot = rig.slots, .serial = rig.slots + 1, .id = "ann", .user = "7", .note = &note
	};
	struct client *ann = rig_guest(&one);

	assert_string_equal(note_user(&note), "7");
	assert_false(note.partial);
	subscribe(ann, "a");
	subscribe(ann, "b");
	assert_true(note.partial);
	say(ann, "{\"type\":\"unsubscribe\",\"channel\":\"a\"}");
	assert_true(note.partial);
	say(ann, "{\"type\":\"unsubscribe\",\"channel\":\"b\"}");
	assert_false(note.partial);
}

/* ---- without memory -------------------------------------------------------------------------- */

/* Wherever it runs out, nobody is half subscribed, and who is told so is. */
static void
test_no_memory_to_subscribe(void **state)
{
	bool done = false;

	for (int i = 0; !done; i++) {
		struct client *ann = guest("ann");

		text_free(&rig.w.clients.channels.text);
		alloc.until_failure = i;
		say(ann, "{\"type\":\"subscribe\",\"channel\":\"a\",\"recover\":{\"offset\":0}}");
		alloc.until_failure = INT_MAX;
		done = ann->subs && client_is_open(ann);
		if (done)
			assert_said(ann, "\"type\":\"subscribed\"");
		assert_int_equal(subscriptions(), done);
		if (client_is_open(ann) && !done)
			assert_said(ann, "\"code\":\"internal\"");
		fake_network_ends(&ann->wire);
		assert_int_equal(subscriptions(), 0);
		assert_true(i < 100);
	}
}

/* Who cannot be sent what was published gets it with the next one. */
static void
test_no_memory_to_hand_on(void **state)
{
	struct client *ann = guest("ann"), *bob = guest("bob");

	subscribe(ann, "a");
	subscribe(bob, "a");
	for (int i = 0; i < 6; i++) {
		fake_said(&ann->wire);
		fake_said(&bob->wire);
		text_free(&rig.w.clients.channels.news);
		publish_from_outside("a", "1");
		alloc.until_failure = i;
		turn();
		alloc.until_failure = INT_MAX;
		publish_from_outside("a", "2");
		turn();
		assert_int_equal(rig_wire(ann)->texts, 2 + 2 * (i + 1));
		assert_int_equal(rig_wire(bob)->texts, 2 + 2 * (i + 1));
		assert_said(ann, "\"data\":2");
	}
	assert_int_equal(metrics_sum(METRIC_GAPS), 0);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void
test_goodbye_is_the_last(void **state)
{
	struct client *ann = guest("ann");

	subscribe(ann, "a");
	fake_said(&ann->wire);
	publish_from_outside("a", "1");
	client_bye(&rig.w.clients, ann, CLIENT_BYE_RESTART, 0);
	turn();
	assert_said(ann, "\"type\":\"goodbye\"");
	assert_null(ann->subs);
	assert_int_equal(subscriptions(), 0);
}

/* Somebody goes because of what others are just being sent. */
static void
test_many(void **state)
{
	struct client *all[50];
	char id[8];

	for (unsigned i = 0; i < 50; i++) {
		sprintf(id, "c%u", i);
		all[i] = guest(id);
		subscribe(all[i], "a");
		fake_said(&all[i]->wire);
	}
	for (unsigned i = 0; i < 50; i += 2)
		say(all[i], "{\"type\":\"unsubscribe\",\"channel\":\"a\"}");
	publish_from_outside("a", "1");
	turn();
	for (unsigned i = 1; i < 50; i += 2)
		said_is(all[i], BACKEND("a", 1, 1));
	for (unsigned i = 1; i < 45; i += 2)
		fake_network_ends(&all[i]->wire);
	publish_from_outside("a", "2");
	turn();
	for (unsigned i = 45; i < 50; i += 2)
		said_is(all[i], BACKEND("a", 2, 2));
}

static void
test_new_rules(void **state)
{
	static const char fewer[] =
		"{\"channel\":{\"namespaces\":[{\"name\":\"plain\",\"allow_subscribe_for_client\":true}]}}";
	struct client *ann = guest("ann"), *bob = guest("bob");
	char *why = NULL;

	subscribe(ann, "plain:a");
	subscribe(ann, "cache:b");
	subscribe(bob, "cache:b");
	fake_said(&ann->wire);
	fake_said(&bob->wire);
	channel_rules_now_set(rig_rules, channel_rules_parse(fewer, sizeof(fewer) - 1, &why));
	assert_null(why);
	channels_reload(&rig.w.clients);
#define EXPELLED "{\"type\":\"unsubscribed\",\"channel\":\"cache:b\",\"code\":2000,\"reason\":\"server unsubscribe\"}\n"
	said_is(ann, EXPELLED);
	said_is(bob, EXPELLED);
	assert_int_equal(subscriptions(), 1);
	publish_from_outside("plain:a", "1");
	turn();
	said_is(ann, BACKEND("plain:a", 1, 1));
	publish(ann, "plain:a", "2");
	said_is(ann, REFUSED("permission_denied", "permission denied", "plain:a"));
}

/* Who stands still is told when it goes on. */
static void
test_new_rules_while_standing_still(void **state)
{
	static const char none[] = "{\"channel\":{}}";
	struct client *ann = guest("ann"), *bob = guest("bob");
	char *why = NULL;

	subscribe(ann, "plain:a");
	subscribe(bob, "plain:a");
	subscribe(ann, "cache:b");
	fake_said(&ann->wire);
	fake_said(&bob->wire);
	client_hold(&rig.w.clients, ann);
	channel_rules_now_set(rig_rules, channel_rules_parse(none, sizeof(none) - 1, &why));
	assert_null(why);
	channels_reload(&rig.w.clients);
	said_is(bob, GONE("plain:a"));
	assert_int_equal(subscriptions(), 2);
	client_resume(&rig.w.clients, ann);
	said_is(ann, GONE("cache:b") GONE("plain:a"));
	assert_int_equal(subscriptions(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CHANNEL_TEST(test_subscribers_get_what_is_published),
		CHANNEL_TEST(test_publishers_hear_themselves_first),
		CHANNEL_TEST(test_no_echo),
		CHANNEL_TEST(test_subscribing_in_between),
		CHANNEL_TEST(test_names_with_escapes),
		CHANNEL_TEST(test_refusals),
		CHANNEL_TEST(test_limit),
		CHANNEL_TEST(test_history),
		CHANNEL_TEST(test_history_that_is_too_large),
		CHANNEL_TEST(test_recovery),
		CHANNEL_TEST(test_recovery_of_too_much),
		CHANNEL_TEST(test_recovery_of_the_last_alone),
		CHANNEL_TEST(test_presence),
		CHANNEL_TEST(test_joins_and_leaves),
		CHANNEL_TEST(test_joins_for_who_is_ahead),
		CHANNEL_TEST(test_standing_still),
		CHANNEL_TEST(test_standing_still_while_others_come),
		CHANNEL_TEST(test_standing_still_for_too_long),
		CHANNEL_TEST(test_moving),
		CHANNEL_TEST(test_moving_elsewhere),
		CHANNEL_TEST(test_user_goes_along),
		CHANNEL_TEST(test_note),
		CHANNEL_TEST(test_no_memory_to_subscribe),
		CHANNEL_TEST(test_no_memory_to_hand_on),
		CHANNEL_TEST(test_goodbye_is_the_last),
		CHANNEL_TEST(test_many),
		CHANNEL_TEST(test_new_rules),
		CHANNEL_TEST(test_new_rules_while_standing_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
