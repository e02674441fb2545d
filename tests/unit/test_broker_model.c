/* SPDX-License-Identifier: MIT */
/*
 * The broker beside a simple model of it, under random publishing, listening, reading, removing, passing of time,
 * restarts and crashes, in a log that is too small for all: what is read is what was published, nothing is left out but
 * at the beginning, nothing is lost while there is room for it, and no position is given twice.
 */
#include "broker/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/broker_rig.h"

#define CHANNELS      8
#define STEPS         1500
#define SEEDS         40
#define DATA_MOST     3000
#define SLACK         8192 /* of the log: positions that are written anew, the room that is kept, ends of streams */
#define RECORD        160  /* of a publication, without its data, at most */
#define SIZE_SMALL    (32 * 1024u)
#define SIZE_LARGE    (64 * 1024u)
#define CHECKED(cond) CHECK(cond) /* in callbacks, which cmocka must not leave */

struct publication {
	uint32_t len;
	bool history;
	uint64_t at_ms;
	uint64_t written; /* to the log in all, with it */
};

struct channel {
	char name[8];
	const struct channel_options *options;
	bool made; /* and then it has this position: */
	struct broker_position top;
	struct publication *all; /* by offset */
	uint64_t removed;        /* up to this offset */
	uint64_t history_until, known_until;
	struct broker_interest *interest;
	uint64_t next; /* the offset that it is to read next */
};

static struct {
	struct broker *broker;
	struct broker_listener *listener;
	struct channel channels[CHANNELS];
	size_t log_bytes;
	uint64_t written;
	uint64_t unsure; /* what was written before may have gone when the log was made smaller */
	uint32_t random;
} all;

static uint32_t
any(uint32_t n)
{
	all.random = all.random * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)all.random * n >> 32);
}

static void
on_wake(void *arg)
{
	(void)arg;
}

/* What a publication says, by channel, epoch and offset. */
static void
make_data(char *data, const struct channel *c, const char *epoch, uint64_t offset, uint32_t len)
{
	char head[64];
	int n = snprintf(head, sizeof(head), "%s %.8s %llu ", c->name, epoch, (unsigned long long)offset);

	for (uint32_t i = 0; i < len; i++)
		data[i] = head[i % (uint32_t)n];
}

static bool
surely_there(const struct publication *p)
{
	return p->written > all.unsure && all.written - p->written + RECORD + p->len + SLACK < all.log_bytes;
}

static uint64_t
until(uint64_t ms)
{
	return rig_now_ms + ms;
}

static uint64_t
later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- what may be expected -------------------------------------------------------------------- */

static bool
may_have_ended(const struct channel *c)
{
	return !c->interest && c->known_until <= rig_now_ms && c->history_until <= rig_now_ms;
}

/* Where the channel stands, by any call that tells it; published: how many came with that call. */
static void
see_position(struct channel *c, const struct broker_position *top, unsigned published)
{
	bool same = c->made && strcmp(c->top.epoch, top->epoch) == 0;

	if (c->made && !same)
		CHECKED(may_have_ended(c));
	if (!same) {
		c->removed = 0;
		c->history_until = c->known_until = 0;
		c->top.offset = 0;
		c->made = true;
		memcpy(c->top.epoch, top->epoch, sizeof(c->top.epoch));
		all.written += RECORD;
	}
	CHECKED(top->offset == c->top.offset + published);
	c->top.offset = top->offset;
	c->known_until = later_of(c->known_until, until(BROKER_RECENT_MS));
}

static void
check_event(const struct channel *c, const struct broker_event *e)
{
	char data[DATA_MOST];
	const struct publication *p = &c->all[e->offset];

	CHECKED(e->offset > 0 && e->offset <= c->top.offset && memcmp(e->epoch, c->top.epoch, BROKER_EPOCH_LEN) == 0);
	CHECKED(e->data.len == p->len && e->kind == BROKER_PUBLICATION);
	make_data(data, c, c->top.epoch, e->offset, p->len);
	CHECKED(memcmp(data, e->data.at, p->len) == 0);
}

static bool
is_history(const struct channel *c, uint64_t offset)
{
	uint32_t younger = 0;

	if (offset <= c->removed || !c->all[offset].history || c->history_until <= rig_now_ms)
		return false;
	for (uint64_t o = offset + 1; o <= c->top.offset; o++)
		younger += c->all[o].history;
	return younger < c->options->history_size;
}

static bool
is_recent(const struct channel *c, uint64_t offset)
{
	return offset > c->removed && c->all[offset].at_ms + BROKER_RECENT_MS > rig_now_ms;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void
step_publish(struct channel *c)
{
	struct broker_publish p = { .channel = slice_of(c->name), .options = c->options };
	struct broker_range none = { 0 };
	struct broker_position at;
	char data[DATA_MOST];

	/* the data says the offset, which is therefore asked for first */
	assert_int_equal(broker_history(all.broker, p.channel, c->options, &none, rig_event, NULL, &at), WSD_OK);
	see_position(c, &at, 0);
	for (uint64_t o = 1; o <= at.offset && c->history_until <= rig_now_ms; o++)
		c->all[o].history = false; /* it has expired, and stays so */
	p.data = (struct slice){ data, any(4) ? any(200) : any(DATA_MOST) };
	p.skip_history = any(8) == 0;
	make_data(data, c, at.epoch, at.offset + 1, (uint32_t)p.data.len);
	assert_int_equal(broker_publish(all.broker, &p, &at), WSD_OK);
	see_position(c, &at, 1);
	all.written += RECORD + p.data.len;
	c->all[at.offset] = (struct publication){ .len = (uint32_t)p.data.len,
						  .history = channel_has_history(c->options) && !p.skip_history,
						  .at_ms = rig_now_ms,
						  .written = all.written };
	if (c->all[at.offset].history)
		c->history_until = until(c->options->history_ttl_ms);
	if (channel_has_history(c->options))
		c->known_until = later_of(c->known_until, until(c->options->history_meta_ttl_ms));
}

static void
step_listen(struct channel *c)
{
	struct broker_interest *interest;
	struct broker_position top;

	if (c->interest) {
		broker_unlisten(&c->interest);
		c->known_until = later_of(c->known_until, until(BROKER_RECENT_MS));
		return;
	}
	assert_int_equal(broker_listen(all.listener, slice_of(c->name), c->options, c, &interest, &top), WSD_OK);
	see_position(c, &top, 0);
	c->interest = interest;
	c->next = top.offset + 1;
}

struct reading {
	struct channel *c;
	unsigned n;
	bool gap;
};

/* Up to that offset all has been read, or is lost. */
static void
skip_lost(struct channel *c, uint64_t offset)
{
	for (; c->next < offset; c->next++)
		CHECKED(!surely_there(&c->all[c->next]) || !is_recent(c, c->next));
}

static void
on_news(void *arg, const struct broker_event *e)
{
	struct reading *r = arg;

	check_event(r->c, e);
	CHECKED(e->offset == r->c->next || (e->offset > r->c->next && r->n == 0));
	r->gap |= e->offset > r->c->next;
	skip_lost(r->c, e->offset);
	r->c->next++;
	r->n++;
}

static void
step_read_news(void)
{
	struct channel *c = broker_next_news(all.listener);
	size_t limit = 1 + any(5), n;
	struct reading r = { .c = c };
	bool more, overrun;

	if (!c)
		return;
	n = broker_read_news(c->interest, limit, on_news, &r, &more, &overrun);
	assert_true(n == r.n && n <= limit && (r.n > 0 || overrun));
	if (r.n == 0)
		skip_lost(c, c->top.offset + 1);
	assert_int_equal(more, c->next <= c->top.offset);
	assert_true(!r.gap || overrun);
}

struct history {
	struct channel *c;
	const struct broker_range *range;
	uint64_t first, last; /* offsets that came */
	unsigned n;
};

static void
on_history(void *arg, const struct broker_event *e)
{
	struct history *h = arg;
	uint64_t from, to;

	check_event(h->c, e);
	CHECKED(h->range->recent || is_history(h->c, e->offset));
	CHECKED(e->offset > h->c->removed);
	if (h->n++ > 0) {
		CHECKED(h->range->reverse ? e->offset < h->last : e->offset > h->last);
		from = h->range->reverse ? e->offset : h->last;
		to = h->range->reverse ? h->last : e->offset;
		for (uint64_t o = from + 1; o < to; o++)
			CHECKED(!h->range->recent && !is_history(h->c, o));
	} else {
		h->first = e->offset;
	}
	h->last = e->offset;
}

/* What has not come, though it must have: from the end that the range starts at, or beyond its last one. */
static void
check_complete(const struct history *h)
{
	const struct broker_range *range = h->range;
	const struct channel *c = h->c;

	for (uint64_t o = 1; o <= c->top.offset; o++) {
		bool wanted = is_history(c, o) || (range->recent && is_recent(c, o));
		uint64_t low = range->reverse ? h->last : h->first, high = range->reverse ? h->first : h->last;

		if (range->since_given && (range->reverse ? o >= range->since.offset : o <= range->since.offset))
			continue;
		if (!wanted || !surely_there(&c->all[o]) || (h->n > 0 && o >= low && o <= high))
			continue;
		assert_true(range->limit >= 0 && h->n == (unsigned)range->limit);
		assert_true(h->n == 0 || (range->reverse ? o < low : o > high));
	}
}

static void
step_history(struct channel *c)
{
	struct broker_range range = { .limit = any(2) ? -1 : (int32_t)any(6), .recent = any(2), .reverse = any(2) };
	struct history h = { .c = c, .range = &range };
	struct broker_position top;
	int rc;

	range.since_given = any(2);
	if (range.since_given)
		range.since = c->top;
	if (range.since_given)
		range.since.offset = any((uint32_t)c->top.offset + 2);
	if (!c->made || may_have_ended(c)) { /* its events would be of another epoch */
		struct broker_range none = { 0 };

		rc = broker_history(all.broker, slice_of(c->name), c->options, &none, on_history, &h, &top);
	} else {
		rc = broker_history(all.broker, slice_of(c->name), c->options, &range, on_history, &h, &top);
		if (range.limit != 0)
			check_complete(&h);
	}
	assert_int_equal(rc, WSD_OK);
	see_position(c, &top, 0);
}

static void
step_remove(struct channel *c)
{
	assert_int_equal(broker_history_remove(all.broker, slice_of(c->name)), WSD_OK);
	all.written += RECORD;
	if (!c->made || may_have_ended(c))
		return;
	c->removed = c->top.offset;
	c->history_until = 0;
}

static void
step_time(void)
{
	rig_now_ms += any(4) ? any(20000) : any(200000);
	broker_tick(all.broker);
}

static void
resize(size_t log_bytes)
{
	size_t smaller = log_bytes < all.log_bytes ? log_bytes : all.log_bytes;
	uint64_t needed = all.written + SLACK + RECORD + DATA_MOST;

	all.log_bytes = log_bytes;
	if (needed > smaller)
		all.unsure = later_of(all.unsure, needed - smaller);
}

static void
step_restart(void)
{
	if (any(2)) /* else it is a crash, of which nobody is told */
		broker_stop(all.broker);
	for (size_t i = 0; i < CHANNELS; i++) {
		struct channel *c = &all.channels[i];

		if (c->interest)
			c->known_until = later_of(c->known_until, until(BROKER_RECENT_MS));
		broker_unlisten(&c->interest);
	}
	broker_listener_destroy(&all.listener);
	if (any(4) == 0)
		resize(any(2) ? SIZE_SMALL : SIZE_LARGE);
	all.broker = rig_again(&all.broker, all.log_bytes, CHANNELS);
	assert_int_equal(broker_listener_create(all.broker, &all.listener, on_wake, NULL), WSD_OK);
}

static void
step(void)
{
	struct channel *c = &all.channels[any(CHANNELS)];
	uint32_t n = any(100);

	if (n < 45)
		step_publish(c);
	else if (n < 55)
		step_listen(c);
	else if (n < 70)
		step_read_news();
	else if (n < 90)
		step_history(c);
	else if (n < 91)
		step_remove(c);
	else if (n < 98)
		step_time();
	else
		step_restart();
}

static void
run(uint32_t seed)
{
	memset(&all, 0, sizeof(all));
	all.random = seed;
	all.log_bytes = SIZE_SMALL;
	all.broker = rig_broker_of(all.log_bytes, CHANNELS, -1);
	assert_int_equal(broker_listener_create(all.broker, &all.listener, on_wake, NULL), WSD_OK);
	for (size_t i = 0; i < CHANNELS; i++) {
		struct channel *c = &all.channels[i];

		snprintf(c->name, sizeof(c->name), "c%zu", i);
		c->options = i % 2 ? &rig_kept : &rig_plain;
		c->all = calloc(STEPS + 1, sizeof(*c->all));
		assert_non_null(c->all);
	}
	for (int i = 0; i < STEPS; i++)
		step();
	for (size_t i = 0; i < CHANNELS; i++) {
		broker_unlisten(&all.channels[i].interest);
		free(all.channels[i].all);
	}
	broker_listener_destroy(&all.listener);
	broker_destroy(&all.broker);
}

static void
test_the_broker_is_as_its_model(void **state)
{
	for (uint32_t seed = 1; seed <= SEEDS; seed++)
		run(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_broker_is_as_its_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
