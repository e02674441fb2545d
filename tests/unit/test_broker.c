/* SPDX-License-Identifier: MIT */
/* The broker: order, news, history, presence, what survives a restart, and what happens when memory runs out. */
#include "broker/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/idempotency.h"
#include "broker/records.h"
#include "metrics/metrics.h"
#include "support/alloc.h"
#include "support/broker_rig.h"

#define LOG_BYTES (256 * 1024u)
#define CHANNELS  16u

static struct broker *broker;
static struct broker_listener *listener;
static unsigned woken;

static void
on_wake(void *arg)
{
	assert_ptr_equal(arg, &woken);
	woken++;
}

static int
setup(void **state)
{
	alloc.until_failure = INT_MAX;
	woken = 0;
	broker = rig_broker_of(LOG_BYTES, CHANNELS, -1);
	return broker_listener_create(broker, &listener, on_wake, &woken);
}

static int
teardown(void **state)
{
	broker_listener_destroy(&listener);
	broker_destroy(&broker);
	return 0;
}

static void
restart(void)
{
	broker_listener_destroy(&listener);
	broker_stop(broker);
	broker = rig_again(&broker, LOG_BYTES, CHANNELS);
	assert_int_equal(broker_listener_create(broker, &listener, on_wake, &woken), WSD_OK);
}

static uint64_t
publish(const char *channel, const struct channel_options *o, const char *data)
{
	struct broker_position at;

	assert_int_equal(rig_publish(broker, channel, o, data, &at), WSD_OK);
	return at.offset;
}

static struct broker_interest *
listen_to(const char *channel, void *owner)
{
	struct broker_interest *interest;
	struct broker_position top;

	assert_int_equal(broker_listen(listener, slice_of(channel), &rig_plain, owner, &interest, &top), WSD_OK);
	return interest;
}

static const char *
history(const char *channel, const struct broker_range *range, int expected)
{
	static struct rig_text text;
	struct broker_position top;

	text = (struct rig_text){ 0 };
	assert_int_equal(broker_history(broker, slice_of(channel), &rig_plain, range, rig_event, &text, &top),
			 expected);
	return text.text;
}

#define ALL    (&(struct broker_range){ .limit = -1 })
#define RECENT (&(struct broker_range){ .limit = -1, .recent = true })

static struct broker_position
top_of(const char *channel)
{
	struct broker_position top;
	struct broker_range none = { 0 };

	assert_int_equal(broker_history(broker, slice_of(channel), &rig_plain, &none, rig_event, NULL, &top), WSD_OK);
	return top;
}

static const char *
news(struct broker_interest *interest, size_t limit, bool more_expected, bool overrun_expected)
{
	static struct rig_text text;
	bool more, overrun;

	text = (struct rig_text){ 0 };
	broker_read_news(interest, limit, rig_event, &text, &more, &overrun);
	assert_int_equal(more, more_expected);
	assert_int_equal(overrun, overrun_expected);
	return text.text;
}

static uint64_t
channels(void)
{
	struct broker_stats stats;

	broker_stats(broker, &stats);
	return stats.channels;
}

/* So many seconds later; each one is a tick. */
static void
pass(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		rig_now_ms += 1000;
		broker_tick(broker);
	}
}

/* Publishes elsewhere until the log has turned. */
static void
turn_log(void)
{
	static char data[8000];

	memset(data, 'x', sizeof(data) - 1);
	for (size_t n = 0; n < 2 * LOG_BYTES; n += sizeof(data))
		publish("elsewhere", &rig_plain, data);
}

/* ---- publishing and listening ---------------------------------------------------------------- */

static void
test_offsets_are_counted_from_one(void **state)
{
	struct broker_position a, b;

	assert_int_equal(rig_publish(broker, "a", &rig_plain, "x", &a), WSD_OK);
	assert_int_equal(a.offset, 1);
	assert_int_equal(strlen(a.epoch), BROKER_EPOCH_LEN);
	assert_int_equal(rig_publish(broker, "a", &rig_plain, "y", &b), WSD_OK);
	assert_int_equal(b.offset, 2);
	assert_string_equal(a.epoch, b.epoch);
	assert_int_equal(publish("b", &rig_plain, "x"), 1);
	assert_string_not_equal(top_of("b").epoch, a.epoch);
	assert_int_equal(top_of("c").offset, 0);
}

static void
test_news_is_told_once(void **state)
{
	int owner_a, owner_b;
	struct broker_interest *a = listen_to("a", &owner_a), *b = listen_to("b", &owner_b);

	assert_null(broker_next_news(listener));
	publish("a", &rig_plain, "1");
	publish("a", &rig_plain, "2");
	publish("b", &rig_plain, "3");
	publish("c", &rig_plain, "4");
	assert_int_equal(woken, 1);
	assert_ptr_equal(broker_next_news(listener), &owner_a);
	assert_string_equal(news(a, 10, false, false), "1:1 2:2");
	assert_ptr_equal(broker_next_news(listener), &owner_b);
	assert_string_equal(news(b, 10, false, false), "1:3");
	assert_null(broker_next_news(listener));
	publish("b", &rig_plain, "5");
	assert_int_equal(woken, 2);
	broker_unlisten(&b);
	assert_null(b);
	assert_null(broker_next_news(listener));
	broker_unlisten(&a);
	broker_unlisten(&a);
}

static void
test_what_is_not_read_is_news_again(void **state)
{
	int owner;
	struct broker_interest *a = listen_to("a", &owner);

	for (int i = 0; i < 5; i++)
		publish("a", &rig_plain, "x");
	assert_ptr_equal(broker_next_news(listener), &owner);
	assert_string_equal(news(a, 2, true, false), "1:x 2:x");
	assert_int_equal(woken, 2);
	assert_ptr_equal(broker_next_news(listener), &owner);
	assert_string_equal(news(a, 3, false, false), "3:x 4:x 5:x");
	assert_null(broker_next_news(listener));
	broker_unlisten(&a);
}

static void
test_a_listener_starts_at_the_end(void **state)
{
	struct broker_position top, at;
	struct broker_interest *a;

	publish("a", &rig_kept, "1");
	assert_int_equal(broker_listen(listener, SLICE("a"), &rig_kept, &top, &a, &top), WSD_OK);
	assert_int_equal(top.offset, 1);
	assert_string_equal(news(a, 10, false, false), "");
	publish("a", &rig_kept, "2");
	broker_interest_top(a, &at);
	assert_int_equal(at.offset, 2);
	assert_string_equal(at.epoch, top.epoch);
	broker_unlisten(&a);
}

static void
announce(const char *channel, enum broker_kind kind, const char *client)
{
	struct broker_publish p = { .kind = kind, .channel = slice_of(channel), .options = &rig_kept };
	struct broker_position at;

	p.info.client = slice_of(client);
	assert_int_equal(broker_publish(broker, &p, &at), WSD_OK);
}

static void
test_joins_stand_between_publications_and_are_no_history(void **state)
{
	struct broker_interest *a;

	announce("a", BROKER_JOIN, "nobody hears it");
	assert_int_equal(channels(), 0);
	a = listen_to("a", &woken);
	publish("a", &rig_kept, "1");
	announce("a", BROKER_JOIN, "bob");
	publish("a", &rig_kept, "2");
	announce("a", BROKER_LEAVE, "bob");
	assert_string_equal(news(a, 10, false, false), "1:1 +bob 2:2 -bob");
	assert_string_equal(history("a", ALL, WSD_OK), "1:1 2:2");
	assert_string_equal(history("a", RECENT, WSD_OK), "1:1 2:2");
	broker_unlisten(&a);
}

struct seen {
	struct broker_event event;
	char texts[7][16];
};

static void
on_event(void *arg, const struct broker_event *e)
{
	struct seen *seen = arg;
	const struct slice texts[] = { e->data,
				       e->tags,
				       e->info.client,
				       e->info.user,
				       e->info.conn_info,
				       e->info.chan_info,
				       { e->epoch, BROKER_EPOCH_LEN } };

	seen->event = *e;
	for (size_t i = 0; i < 7; i++)
		snprintf(seen->texts[i], sizeof(seen->texts[i]), "%.*s", (int)texts[i].len, texts[i].at);
}

static void
check_seen(const struct seen *seen, const struct broker_position *at)
{
	static const char *const texts[] = { "data", "{\"t\":1}", "client", "user", "{}", "[1]" };

	for (size_t i = 0; i < 6; i++)
		assert_string_equal(seen->texts[i], texts[i]);
	assert_string_equal(seen->texts[6], at->epoch);
	assert_int_equal(seen->event.offset, at->offset);
	assert_int_equal(seen->event.kind, BROKER_PUBLICATION);
	assert_true(seen->event.time_ms > 0);
}

static void
test_all_of_a_publication_arrives(void **state)
{
	struct broker_publish p = { .channel = SLICE("a"),
				    .options = &rig_kept,
				    .data = SLICE("data"),
				    .tags = SLICE("{\"t\":1}"),
				    .info = { SLICE("client"), SLICE("user"), SLICE("{}"), SLICE("[1]") },
				    .silent_for = &woken };
	struct broker_position at, top;
	struct seen seen = { 0 };

	assert_int_equal(broker_publish(broker, &p, &at), WSD_OK);
	assert_int_equal(broker_history(broker, SLICE("a"), &rig_kept, ALL, on_event, &seen, &top), WSD_OK);
	check_seen(&seen, &at);
	assert_ptr_equal(seen.event.silent_for, &woken);
	restart();
	assert_int_equal(broker_history(broker, SLICE("a"), &rig_kept, ALL, on_event, &seen, &top), WSD_OK);
	check_seen(&seen, &at);
	assert_null(seen.event.silent_for); /* whoever that was is no more */
}

static void
test_who_reads_too_late_is_told_of_the_loss(void **state)
{
	struct broker_interest *a = listen_to("a", &woken);

	publish("a", &rig_plain, "lost");
	turn_log();
	publish("a", &rig_plain, "seen");
	assert_string_equal(news(a, 10, false, true), "2:seen");
	assert_string_equal(news(a, 10, false, false), "");
	broker_unlisten(&a);
}

static void
test_limits(void **state)
{
	static char large[LOG_BYTES / 4 + 1];
	struct broker_setup small = { .log_bytes = 1000, .channels_max = 2, .log_fd = -1 };
	struct broker *none;
	struct broker_position at;
	char name[] = "a";

	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(rig_publish(broker, "large", &rig_plain, large, &at), WSD_E_TOO_LARGE);
	large[LOG_BYTES / 4 - 1000] = '\0';
	assert_int_equal(rig_publish(broker, "large", &rig_plain, large, &at), WSD_OK);
	assert_int_equal(broker_create(&none, &small), WSD_E_RANGE);
	assert_null(none);
	for (unsigned i = 1; i < CHANNELS; i++, name[0]++)
		announce(name, BROKER_PUBLICATION, "x");
	assert_int_equal(channels(), CHANNELS);
	assert_int_equal(rig_publish(broker, "more", &rig_kept, "x", &at), WSD_OK); /* "large" has made way */
	assert_int_equal(rig_publish(broker, "still more", &rig_kept, "x", &at), WSD_E_FULL);
	assert_int_equal(channels(), CHANNELS);
}

static void
test_nothing_is_published_once_it_is_stopped(void **state)
{
	struct broker_interest *none;
	struct broker_position at;

	publish("a", &rig_kept, "1");
	broker_stop(broker);
	assert_int_equal(rig_publish(broker, "a", &rig_kept, "2", &at), WSD_E_CLOSED);
	assert_int_equal(broker_listen(listener, SLICE("b"), &rig_kept, &at, &none, &at), WSD_E_CLOSED);
	assert_null(none);
	assert_string_equal(history("a", ALL, WSD_OK), "1:1");
	broker_go_on(broker);
	assert_int_equal(publish("a", &rig_kept, "2"), 2);
}

/* ---- idempotency ----------------------------------------------------------------------------- */

static uint64_t
publish_once(const char *channel, const char *key)
{
	struct broker_publish p = { .channel = slice_of(channel), .options = &rig_plain, .data = SLICE("x") };
	struct broker_position at;

	p.idempotency_key = slice_of(key);
	assert_int_equal(broker_publish(broker, &p, &at), WSD_OK);
	return at.offset;
}

static void
test_a_key_is_answered_alike(void **state)
{
	struct broker_stats stats;

	assert_int_equal(publish_once("a", "k"), 1);
	assert_int_equal(publish_once("a", "k"), 1);
	assert_int_equal(publish_once("a", "other"), 2);
	assert_int_equal(publish_once("ak", ""), 1);
	assert_int_equal(publish_once("b", "k"), 1);
	assert_int_equal(publish_once("a", "k"), 1);
	broker_stats(broker, &stats);
	assert_int_equal(stats.idempotent, 2);
	assert_int_equal(stats.published, 4);
	pass(200);
	restart();
	assert_int_equal(publish_once("a", "other"), 2);
	pass(101);
	assert_int_equal(publish_once("a", "new"), 1); /* the stream has ended long since */
	assert_int_equal(publish_once("a", "k"), 2);
}

static void
test_keys_are_bounded(void **state)
{
	struct idempotency keys;
	struct broker_position at;
	char text[16];

	assert_int_equal(idempotency_init(&keys), WSD_OK);
	for (unsigned i = 0; i <= IDEMPOTENCY_MOST; i++) {
		snprintf(text, sizeof(text), "%u", i);
		idempotency_add(&keys, idempotency_make(&keys, SLICE("a"), slice_of(text)), 0, "ABCDEFGH", i);
	}
	assert_int_equal(keys.n, IDEMPOTENCY_MOST);
	assert_false(idempotency_find(&keys, SLICE("a"), SLICE("0"), 0, &at));
	assert_true(idempotency_find(&keys, SLICE("a"), SLICE("1"), 0, &at));
	assert_int_equal(at.offset, 1);
	assert_true(idempotency_find(&keys, SLICE("a"), slice_of(text), 0, &at));
	assert_false(idempotency_find(&keys, SLICE("a"), slice_of(text), IDEMPOTENCY_TTL_MS, &at));
	assert_true(idempotency_expire(&keys, IDEMPOTENCY_TTL_MS, 100));
	assert_int_equal(keys.n, IDEMPOTENCY_MOST - 100);
	idempotency_deinit(&keys);
}

/* ---- history --------------------------------------------------------------------------------- */

static void
test_history_has_a_size_and_an_end(void **state)
{
	char digit[] = "1";

	for (; digit[0] <= '5'; digit[0]++)
		publish("a", &rig_kept, digit);
	assert_string_equal(history("a", ALL, WSD_OK), "3:3 4:4 5:5");
	assert_string_equal(history("a", RECENT, WSD_OK), "1:1 2:2 3:3 4:4 5:5");
	pass(61);
	assert_string_equal(history("a", RECENT, WSD_OK), "3:3 4:4 5:5");
	pass(238);
	assert_string_equal(history("a", ALL, WSD_OK), "3:3 4:4 5:5");
	pass(1);
	assert_string_equal(history("a", RECENT, WSD_OK), "");
	assert_int_equal(top_of("a").offset, 5);
	pass(3250);
	assert_int_equal(top_of("a").offset, 5);
	pass(120);
	assert_int_equal(top_of("a").offset, 0);
}

static void
test_ranges(void **state)
{
	struct broker_range range = { .limit = 1 };
	char digit[] = "1";

	for (; digit[0] <= '3'; digit[0]++)
		publish("a", &rig_kept, digit);
	assert_string_equal(history("a", &range, WSD_OK), "1:1");
	range.reverse = true;
	assert_string_equal(history("a", &range, WSD_OK), "3:3");
	range.limit = -1;
	assert_string_equal(history("a", &range, WSD_OK), "3:3 2:2 1:1");
	range.since_given = true;
	range.since.offset = 3;
	assert_string_equal(history("a", &range, WSD_OK), "2:2 1:1");
	range.since.offset = 0;
	assert_string_equal(history("a", &range, WSD_OK), "");
	range.reverse = false;
	range.since = top_of("a");
	assert_string_equal(history("a", &range, WSD_OK), "");
	range.since.offset = 1;
	assert_string_equal(history("a", &range, WSD_OK), "2:2 3:3");
	range.bytes_most = 1;
	assert_string_equal(history("a", &range, WSD_E_TOO_LARGE), "2:2");
	range.since.offset = 100;
	assert_string_equal(history("a", &range, WSD_OK), "");
	range.since.epoch[0] ^= 32;
	assert_string_equal(history("a", &range, WSD_E_UNKNOWN), "");
	range.limit = 0;
	range.since_given = false;
	assert_string_equal(history("a", &range, WSD_OK), "");
}

static void
test_without_history_only_what_is_recent_is_there(void **state)
{
	struct broker_publish skip = {
		.channel = SLICE("b"), .options = &rig_kept, .data = SLICE("skipped"), .skip_history = true
	};
	struct broker_position at;

	publish("a", &rig_plain, "1");
	assert_string_equal(history("a", ALL, WSD_OK), "");
	assert_string_equal(history("a", RECENT, WSD_OK), "1:1");
	publish("b", &rig_kept, "1");
	assert_int_equal(broker_publish(broker, &skip, &at), WSD_OK);
	publish("b", &rig_kept, "3");
	assert_string_equal(history("b", ALL, WSD_OK), "1:1 3:3");
	assert_string_equal(history("b", RECENT, WSD_OK), "1:1 2:skipped 3:3");
	restart();
	assert_string_equal(history("a", RECENT, WSD_OK), "1:1");
	assert_string_equal(history("b", ALL, WSD_OK), "1:1 3:3");
}

static void
test_history_can_be_removed(void **state)
{
	struct broker_interest *a = listen_to("a", &woken);
	struct broker_position before, after;

	assert_int_equal(broker_history_remove(broker, SLICE("none")), WSD_OK);
	publish("a", &rig_kept, "1");
	before = top_of("a");
	assert_int_equal(broker_history_remove(broker, SLICE("a")), WSD_OK);
	assert_string_equal(history("a", ALL, WSD_OK), "");
	assert_string_equal(history("a", RECENT, WSD_OK), "");
	assert_string_equal(news(a, 10, false, false), "1:1"); /* it was under way */
	publish("a", &rig_kept, "2");
	broker_unlisten(&a);
	restart();
	assert_string_equal(history("a", RECENT, WSD_OK), "2:2");
	after = top_of("a");
	assert_string_equal(after.epoch, before.epoch);
}

/* ---- how long streams live ------------------------------------------------------------------- */

static void
test_a_name_that_nobody_uses_lives_a_minute(void **state)
{
	struct broker_position before = top_of("a"), after;
	struct broker_interest *b;

	publish("b", &rig_plain, "x");
	b = listen_to("b", &woken);
	pass(59);
	assert_int_equal(channels(), 2);
	pass(10);
	assert_int_equal(channels(), 1);
	broker_unlisten(&b);
	pass(59);
	assert_int_equal(channels(), 1);
	pass(10);
	assert_int_equal(channels(), 0);
	after = top_of("a");
	assert_string_not_equal(after.epoch, before.epoch);
}

static void
test_a_position_outlives_the_log(void **state)
{
	struct broker_interest *a = listen_to("a", &woken);
	struct broker_position before, after;

	publish("a", &rig_kept, "1");
	before = top_of("a");
	turn_log();
	turn_log();
	assert_string_equal(history("a", ALL, WSD_OK), "");
	after = top_of("a");
	assert_string_equal(after.epoch, before.epoch);
	assert_int_equal(after.offset, 1);
	broker_unlisten(&a);
	restart();
	turn_log();
	after = top_of("a");
	assert_string_equal(after.epoch, before.epoch);
	assert_int_equal(after.offset, 1);
}

static void
test_what_goes_early_is_counted(void **state)
{
	struct broker_stats stats;

	publish("a", &rig_kept, "1");
	publish("b", &rig_plain, "1");
	turn_log();
	broker_stats(broker, &stats);
	assert_int_equal(stats.log_dropped, 1);
	assert_true(stats.log_bytes_used > LOG_BYTES / 2 && stats.log_bytes_used <= LOG_BYTES);
}

/* ---- restarts -------------------------------------------------------------------------------- */

static void
test_all_is_there_after_a_restart(void **state)
{
	struct broker_interest *c = listen_to("c", &woken);
	struct broker_position c_before = top_of("c"), c_after;
	char digit[] = "1";

	for (; digit[0] <= '5'; digit[0]++)
		publish("a", &rig_kept, digit);
	publish("ended", &rig_plain, "x");
	pass(70);
	assert_int_equal(channels(), 2);
	broker_unlisten(&c);
	restart();
	assert_int_equal(channels(), 2);
	assert_string_equal(history("a", RECENT, WSD_OK), "3:3 4:4 5:5");
	assert_int_equal(publish("a", &rig_kept, "6"), 6);
	c_after = top_of("c");
	assert_string_equal(c_after.epoch, c_before.epoch);
}

/* A process that is killed does not say that nobody listens any more. */
static void
test_all_is_there_after_a_crash(void **state)
{
	struct broker_position before = top_of("a"), after;
	struct broker_interest *a = listen_to("a", &woken);
	int fd = dup(broker_log_fd(broker));
	struct broker *next;

	assert_true(fd >= 0);
	pass(3600);
	next = rig_broker_of(LOG_BYTES, CHANNELS, fd);
	assert_int_equal(
		broker_history(next, SLICE("a"), &rig_plain, &(struct broker_range){ 0 }, rig_event, NULL, &after),
		WSD_OK);
	assert_string_equal(after.epoch, before.epoch);
	broker_destroy(&next);
	broker_unlisten(&a);
}

static void
test_a_log_of_another_size_is_copied(void **state)
{
	static char large[LOG_BYTES / 8];
	struct broker_position before, large_before;
	unsigned sizes[] = { LOG_BYTES / 4, LOG_BYTES * 2 };

	memset(large, 'x', sizeof(large) - 1);
	publish("a", &rig_kept, "1");
	assert_int_equal(publish_once("b", "key"), 1);
	publish("large", &rig_kept, large);
	before = top_of("a");
	large_before = top_of("large");
	broker_listener_destroy(&listener);
	for (int i = 0; i < 2; i++) {
		broker = rig_again(&broker, sizes[i], CHANNELS);
		assert_string_equal(history("a", ALL, WSD_OK), "1:1");
		assert_string_equal(top_of("a").epoch, before.epoch);
		assert_string_equal(history("large", ALL, WSD_OK), ""); /* more than a quarter */
		assert_int_equal(top_of("large").offset, 1);
		assert_string_equal(top_of("large").epoch, large_before.epoch);
		assert_int_equal(publish_once("b", "key"), 1);
	}
}

static void
test_what_is_no_log_is_not_used(void **state)
{
	int other = memfd_create("x", 0);
	struct broker *b = rig_broker_of(LOG_BYTES, CHANNELS, other);

	assert_int_equal(rig_publish(b, "a", &rig_plain, "x", NULL), WSD_OK);
	broker_destroy(&b);
}

static void
damage(off_t at)
{
	char byte;

	assert_int_equal(pread(broker_log_fd(broker), &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(broker_log_fd(broker), &byte, 1, at), 1);
}

static void
test_a_damaged_log_is_not_used(void **state)
{
	struct broker_position before = top_of("a"), after;

	publish("a", &rig_kept, "1");
	damage(sysconf(_SC_PAGESIZE) + 100);
	restart();
	after = top_of("a");
	assert_string_not_equal(after.epoch, before.epoch);
	assert_int_equal(after.offset, 0);
}

/* ---- presence -------------------------------------------------------------------------------- */

static void
on_present(void *arg, const struct broker_info *info)
{
	struct rig_text *t = arg;

	t->len += (size_t)sprintf(t->text + t->len, "%.*s/%.*s/%.*s ", (int)info->client.len, info->client.at,
				  (int)info->user.len, info->user.at, (int)info->conn_info.len, info->conn_info.at);
}

static const char *
present(const char *channel, uint32_t clients_expected, uint32_t users_expected)
{
	static struct rig_text text;
	uint32_t clients, users;

	text = (struct rig_text){ 0 };
	broker_presence_each(broker, slice_of(channel), on_present, &text);
	broker_presence_stats(broker, slice_of(channel), &clients, &users);
	assert_int_equal(clients, clients_expected);
	assert_int_equal(users, users_expected);
	return text.text;
}

static int
add(const char *channel, const char *client, const char *user, const char *info)
{
	return broker_presence_add(
		broker, slice_of(channel),
		&(struct broker_info){ slice_of(client), slice_of(user), slice_of(info), SLICE("") });
}

static void
test_presence(void **state)
{
	char name[BROKER_ID_MAX + 2];

	assert_string_equal(present("a", 0, 0), "");
	assert_int_equal(add("a", "1", "ann", "{}"), WSD_OK);
	assert_int_equal(add("a", "2", "ann", ""), WSD_OK);
	assert_int_equal(add("a", "3", "bob", ""), WSD_OK);
	assert_int_equal(add("b", "1", "", ""), WSD_OK);
	assert_string_equal(present("a", 3, 2), "1/ann/{} 2/ann/ 3/bob/ ");
	assert_int_equal(add("a", "1", "carol", ""), WSD_OK);
	assert_string_equal(present("a", 3, 3), "2/ann/ 3/bob/ 1/carol/ ");
	pass(100);
	assert_int_equal(channels(), 2);
	broker_presence_remove(broker, SLICE("a"), SLICE("2"));
	broker_presence_remove(broker, SLICE("a"), SLICE("2"));
	broker_presence_remove(broker, SLICE("none"), SLICE("2"));
	assert_string_equal(present("a", 2, 2), "3/bob/ 1/carol/ ");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(add("a", name, "", ""), WSD_E_TOO_LARGE);
	assert_int_equal(add("a", "4", name, ""), WSD_E_TOO_LARGE);
	broker_presence_remove(broker, SLICE("a"), slice_of(name));
	assert_string_equal(present("a", 2, 2), "3/bob/ 1/carol/ ");
	broker_presence_remove(broker, SLICE("b"), SLICE("1"));
	pass(70);
	assert_int_equal(channels(), 1);
}

/* ---- for operators --------------------------------------------------------------------------- */

static void
on_channel(void *arg, struct slice channel, uint32_t subscribers)
{
	uint32_t *sum = arg;

	assert_true(slice_equal(channel, "a"));
	*sum += subscribers;
}

static void
test_statistics(void **state)
{
	struct broker_interest *a = listen_to("a", &woken), *again = listen_to("a", &woken),
			       *b = listen_to("b", &woken);
	struct metrics_shard *shard;
	struct broker_stats stats;
	uint32_t sum = 0;

	broker_interest_count(a, 5);
	broker_interest_count(a, 3);
	broker_interest_count(again, 4);
	publish("a", &rig_plain, "x");
	broker_channels_each(broker, on_channel, &sum);
	assert_int_equal(sum, 7);
	broker_stats(broker, &stats);
	assert_int_equal(stats.subscriptions, 7);
	assert_int_equal(stats.published, 1);
	metrics_init("blue", "1");
	shard = metrics_shard_create();
	assert_non_null(shard);
	broker_tell_metrics(broker, shard);
	broker_tell_metrics(broker, shard);
	assert_int_equal(metrics_sum(METRIC_CHANNELS), 2);
	assert_int_equal(metrics_sum(METRIC_SUBSCRIPTIONS), 7);
	assert_int_equal(metrics_sum(METRIC_PUBLICATIONS), 1);
	metrics_deinit();
	broker_unlisten(&a);
	broker_unlisten(&again);
	broker_unlisten(&b);
	broker_stats(broker, &stats);
	assert_int_equal(stats.subscriptions, 0);
}

static void
test_a_stream_is_small(void **state)
{
	enum { N = 1000 };
	struct broker *many = rig_broker_of(N * BROKER_LOG_BYTES_A_CHANNEL, N, -1);
	size_t before = alloc.bytes;
	char name[16];

	for (int i = 0; i < N; i++) {
		struct broker_position top;

		snprintf(name, sizeof(name), "c%d", i);
		assert_int_equal(broker_history(many, slice_of(name), &rig_plain, &(struct broker_range){ 0 },
						rig_event, NULL, &top),
				 WSD_OK);
	}
	assert_true((alloc.bytes - before) / N <= 200);
	broker_destroy(&many);
}

/* ---- no memory ------------------------------------------------------------------------------- */

/* All that allocates, with the first, the second, ... allocation and all after it failing. */
static int
do_all(void)
{
	struct broker_publish p = {
		.channel = SLICE("b"), .options = &rig_kept, .data = SLICE("x"), .idempotency_key = SLICE("k")
	};
	struct broker_interest *interest = NULL;
	struct broker_listener *other = NULL;
	struct broker_position at;
	struct broker *next = NULL;
	struct broker_setup setup = { .log_bytes = LOG_BYTES, .channels_max = CHANNELS };
	int rc = broker_listener_create(broker, &other, on_wake, &woken);

	if (rc == WSD_OK)
		rc = broker_listen(other, SLICE("a"), &rig_kept, &at, &interest, &at);
	if (rc == WSD_OK)
		rc = broker_publish(broker, &p, &at);
	for (int i = 0; i < 6 && rc == WSD_OK; i++)
		rc = rig_publish(broker, "c", &rig_kept, "y", NULL);
	if (rc == WSD_OK)
		rc = add("a", "1", "ann", "");
	if (rc == WSD_OK)
		rc = add("a", "1", "bob", "");
	if (rc == WSD_OK) {
		setup.log_fd = dup(broker_log_fd(broker));
		rc = broker_create(&next, &setup);
		broker_destroy(&next);
	}
	broker_presence_remove(broker, SLICE("a"), SLICE("1"));
	broker_unlisten(&interest);
	broker_listener_destroy(&other);
	return rc;
}

static void
test_without_memory_nothing_is_half_done(void **state)
{
	int rc = -ENOMEM, n = 0;

	for (; rc != WSD_OK; n++) {
		uint64_t b_before, b_after;

		teardown(state);
		setup(state);
		b_before = top_of("b").offset;
		alloc.until_failure = n;
		rc = do_all();
		alloc.until_failure = INT_MAX;
		assert_true(rc == WSD_OK || rc == -ENOMEM);
		b_after = publish_once("b", "k2");
		assert_true(b_after == b_before + 1 || b_after == b_before + 2);
		assert_string_equal(present("a", 0, 0), "");
		restart();
		assert_int_equal(top_of("b").offset, b_after);
	}
	assert_true(n > 15);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_offsets_are_counted_from_one),
		TEST(test_news_is_told_once),
		TEST(test_what_is_not_read_is_news_again),
		TEST(test_a_listener_starts_at_the_end),
		TEST(test_joins_stand_between_publications_and_are_no_history),
		TEST(test_all_of_a_publication_arrives),
		TEST(test_who_reads_too_late_is_told_of_the_loss),
		TEST(test_limits),
		TEST(test_nothing_is_published_once_it_is_stopped),
		TEST(test_a_key_is_answered_alike),
		TEST(test_keys_are_bounded),
		TEST(test_history_has_a_size_and_an_end),
		TEST(test_ranges),
		TEST(test_without_history_only_what_is_recent_is_there),
		TEST(test_history_can_be_removed),
		TEST(test_a_name_that_nobody_uses_lives_a_minute),
		TEST(test_a_position_outlives_the_log),
		TEST(test_what_goes_early_is_counted),
		TEST(test_all_is_there_after_a_restart),
		TEST(test_all_is_there_after_a_crash),
		TEST(test_a_log_of_another_size_is_copied),
		TEST(test_what_is_no_log_is_not_used),
		TEST(test_a_damaged_log_is_not_used),
		TEST(test_presence),
		TEST(test_statistics),
		TEST(test_a_stream_is_small),
		TEST(test_without_memory_nothing_is_half_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
