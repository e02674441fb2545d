/* SPDX-License-Identifier: MIT */
/*
 * News of a channel, from the broker into its subscribers' outputs. The clients' thread.
 *
 * What has come is read once, and made into messages once. Whoever stood where the thread stood gets the same run of
 * frames, in one write; that is nearly everybody. Who has just subscribed, or published, is ahead: it has had what the
 * channel is still to read, and skips it. Who stood still is behind, and catches up with the broker's help.
 */
#include "client/channels.h"

#include <string.h>

#include "base/err.h"
#include "client/client_priv.h"
#include "client/subscriptions.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/reply_channel.h"

#define BATCH_EVENTS   256                    /* of one channel at a time */
#define BATCH_MESSAGES (2 * BATCH_EVENTS + 1) /* each may have a gap before it, and they all one behind */
#define AHEAD          4                      /* clients that are fetched from memory before it is their turn */

/* ---- an event as a message ------------------------------------------------------------------- */

static struct reply_who
who_of(const struct broker_info *info)
{
	return (struct reply_who){ info->client, info->user, info->conn_info, info->chan_info };
}

void
fanout_publication(struct reply_publication *out, const struct broker_event *event)
{
	*out = (struct reply_publication){
		.data = event->data,
		.tags = event->tags,
		.epoch = { event->epoch, BROKER_EPOCH_LEN },
		.offset = event->offset,
		.time_ms = event->time_ms,
		.from = who_of(&event->info),
	};
}

static void
write_publication(struct text *t, struct slice channel, const struct broker_event *event)
{
	struct reply_publication p;

	fanout_publication(&p, event);
	reply_publication(t, channel, &p);
}

static void
write_gap(struct clients *all, struct text *t, struct slice channel, const struct broker_position *at)
{
	reply_gap(t, &(struct reply_channel){ .channel = channel,
					      .epoch = at->epoch,
					      .offset = at->offset,
					      .timestamp = clients_stamp(all, 0) });
	metrics_add(all->shard, METRIC_GAPS, 1);
}

/* ---- to all ---------------------------------------------------------------------------------- */

/* Which subscribers a message is for: those that follow the offsets, those that want to know who comes and goes. */
enum part { PART_OFFSETS = 1, PART_CHANGES = 2, PARTS = 4 };

struct batch {
	struct clients *all;
	struct channel *ch;
	struct text *text;
	struct broker_position from; /* where the channel stood before */
	uint16_t from_era;
	uint32_t publications;
	uint32_t n; /* messages */
	bool failed;
	uint8_t parts;                   /* that there are any messages for */
	uint8_t part[BATCH_MESSAGES];    /* of each message; */
	size_t end[BATCH_MESSAGES];      /* and where it ends in text */
	struct wire_frames *runs[PARTS]; /* by parts; NULL: not made yet */
};

static void
end_message(struct batch *b, enum part part)
{
	b->part[b->n] = (uint8_t)part;
	b->end[b->n++] = b->text->len;
	b->parts |= (uint8_t)part;
}

/* Whether it follows on what was read last; if not, whoever follows is told. */
static void
look_at_offset(struct batch *b, const struct broker_event *event)
{
	struct channel *ch = b->ch;
	bool same = memcmp(ch->at.epoch, event->epoch, BROKER_EPOCH_LEN) == 0;

	if (!same || event->offset != ch->at.offset + 1) {
		memcpy(ch->at.epoch, event->epoch, BROKER_EPOCH_LEN);
		ch->at.offset = event->offset - 1;
		ch->era += !same;
		write_gap(b->all, b->text, channel_slice(ch), &ch->at);
		end_message(b, PART_OFFSETS);
	}
	ch->at.offset = event->offset;
}

static void
write_change(struct batch *b, const struct broker_event *event)
{
	struct reply_channel r = { .channel = channel_slice(b->ch), .timestamp = clients_stamp(b->all, 0) };
	struct reply_who who = who_of(&event->info);

	(event->kind == BROKER_JOIN ? reply_joined : reply_left)(b->text, &r, &who);
	end_message(b, PART_CHANGES);
}

static void
on_event(void *arg, const struct broker_event *event)
{
	struct batch *b = arg;

	if (event->kind != BROKER_PUBLICATION) {
		write_change(b, event);
		return;
	}
	look_at_offset(b, event);
	write_publication(b->text, channel_slice(b->ch), event);
	end_message(b, PART_OFFSETS);
	b->publications++;
}

/* The messages of these parts, as one run. NULL: there are none, or no memory. */
static struct wire_frames *
run_of(struct batch *b, unsigned parts)
{
	struct wire_frames **run = &b->runs[parts];
	size_t at = 0;

	if (*run || !(parts & b->parts) || b->failed)
		return *run;
	for (uint32_t i = 0; i < b->n; at = b->end[i++])
		if ((b->part[i] & parts) &&
		    wire_frames_add(run, WIRE_TEXT, b->text->at + at, b->end[i] - at) != WSD_OK) {
			wire_frames_put(run);
			b->failed = true;
			break;
		}
	return *run;
}

/* What of it the subscriber is to be sent; it counts as sent from here on. */
static unsigned
parts_for(struct batch *b, struct subscriber *s)
{
	unsigned changes = s->join_leave ? PART_CHANGES : 0;

	if (s->era == b->from_era && s->offset == b->from.offset) {
		if (b->failed || (b->publications > 0 && !run_of(b, PART_OFFSETS | changes)))
			return 0; /* it is behind from now on */
		channel_stands(b->ch, s, &b->ch->at);
		return PART_OFFSETS | changes;
	}
	if (s->era == (uint16_t)(b->ch->era + 1) || (s->era == b->ch->era && s->offset >= b->ch->at.offset))
		return changes;
	fanout_catch_up(b->all, b->ch, s);
	return changes;
}

static void
hand_to(struct batch *b, struct subscriber *s)
{
	struct client *c = s->client;
	struct wire_frames *run;
	unsigned parts;

	if (!client_is_open(c)) { /* it stands still, to go on here or elsewhere */
		s->missed = s->missed || (s->join_leave && (b->parts & PART_CHANGES));
		return;
	}
	parts = parts_for(b, s);
	run = run_of(b, parts);
	if (!run || !client_is_open(c))
		return;
	if (parts & PART_OFFSETS)
		metrics_add(b->all->shard, METRIC_DELIVERIES, b->publications);
	wire_send_frames(b->all->hub, &c->wire, run);
}

static void
hand_on(struct batch *b)
{
	struct channel *ch = b->ch;

	channel_begin(ch);
	for (uint32_t i = 0; i < ch->n; i++) {
		if (i + AHEAD < ch->n)
			__builtin_prefetch(ch->subscribers[i + AHEAD].client);
		if (ch->subscribers[i].client)
			hand_to(b, &ch->subscribers[i]);
	}
	channel_end(b->all, ch);
}

/* So many events that they are, if they are as long as the last ones, a part of what may wait for a client. */
static size_t
limit_of(const struct clients *all)
{
	size_t limit = all->conf->send_queue_bytes / 4 / (all->channels.news_mean + 1);

	return limit < 1 ? 1 : limit < BATCH_EVENTS ? limit : BATCH_EVENTS;
}

/* More has come than the broker could keep: if publications are missing their offsets tell, but changes have none. */
static void
tell_overrun(struct batch *b)
{
	write_gap(b->all, b->text, channel_slice(b->ch), &b->ch->at);
	end_message(b, PART_CHANGES);
}

/* Not all of it is worth clearing. */
static void
begin(struct batch *b, struct clients *all, struct channel *ch)
{
	b->all = all;
	b->ch = ch;
	b->text = &all->channels.news;
	b->from = ch->at;
	b->from_era = ch->era;
	b->publications = b->n = 0;
	b->failed = false;
	b->parts = 0;
	memset(b->runs, 0, sizeof(b->runs));
	text_reset(b->text, CLIENT_TEXT_KEEP);
}

size_t
fanout_read(struct clients *all, struct channel *ch)
{
	struct channels *cs = &all->channels;
	struct batch b;
	bool more, overrun = false;
	size_t n;

	begin(&b, all, ch);
	n = broker_read_news(ch->interest, limit_of(all), on_event, &b, &more, &overrun);
	if (n == 0)
		return 0;
	cs->news_mean = b.text->len / n;
	if (overrun)
		tell_overrun(&b);
	b.failed = b.text->failed;
	if (b.failed)
		metrics_add(all->shard, METRIC_ERROR_INTERNAL, 1);
	n += ch->n;
	hand_on(&b);
	for (unsigned i = 0; i < PARTS; i++)
		wire_frames_put(&b.runs[i]);
	return n;
}

/* ---- to one ---------------------------------------------------------------------------------- */

struct catching_up {
	const struct client *c;
	struct text *text;
	struct slice channel;
	struct wire_frames *run;
	const void *silence;
	uint64_t offset; /* of the last one */
	uint32_t n;
	bool failed, gap;
};

static bool
is_silent_for(const struct catching_up *u, const struct broker_event *event)
{
	return event->silent_for == u->silence && slice_equal(event->info.client, u->c->id);
}

static void
on_missed(void *arg, const struct broker_event *event)
{
	struct catching_up *u = arg;

	u->gap = u->gap || event->offset != u->offset + 1;
	u->offset = event->offset;
	if (u->gap || is_silent_for(u, event))
		return;
	text_reset(u->text, CLIENT_TEXT_KEEP);
	write_publication(u->text, u->channel, event);
	u->failed = u->failed || u->text->failed ||
		    wire_frames_add(&u->run, WIRE_TEXT, u->text->at, u->text->len) != WSD_OK;
	u->n++;
}

static void
add_gap(struct clients *all, struct catching_up *u, const struct broker_position *at)
{
	text_reset(u->text, CLIENT_TEXT_KEEP);
	write_gap(all, u->text, u->channel, at);
	u->failed = u->failed || u->text->failed ||
		    wire_frames_add(&u->run, WIRE_TEXT, u->text->at, u->text->len) != WSD_OK;
}

void
fanout_catch_up(struct clients *all, struct channel *ch, struct subscriber *s)
{
	struct client *c = s->client;
	struct catching_up u = { .c = c,
				 .text = &all->channels.text,
				 .channel = channel_slice(ch),
				 .silence = subscriptions_silence(c),
				 .offset = s->offset };
	struct broker_range range = {
		.since_given = true, .limit = -1, .recent = true, .bytes_most = all->conf->send_queue_bytes / 2
	};
	struct broker_position top = ch->at;
	bool missed = s->missed;
	int rc = WSD_E_UNKNOWN;

	range.since.offset = s->offset;
	memcpy(range.since.epoch, ch->at.epoch, sizeof(range.since.epoch));
	if (s->era == ch->era)
		rc = broker_history(all->channels.broker, u.channel, ch->options, &range, on_missed, &u, &top);
	else
		broker_interest_top(ch->interest, &top);
	s->missed = false;
	channel_stands(ch, s, &top);
	if (rc != WSD_OK || u.gap || u.offset != top.offset) { /* not all of it can be had, so nothing is */
		wire_frames_put(&u.run);
		u.n = 0;
		missed = true;
	}
	if (missed)
		add_gap(all, &u, &top);
	if (u.failed)
		client_fail(all, c, 1011, "out of memory");
	metrics_add(all->shard, METRIC_DELIVERIES, u.n);
	if (!u.failed && u.run)
		wire_send_frames(all->hub, &c->wire, u.run);
	wire_frames_put(&u.run);
}
