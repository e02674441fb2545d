/* SPDX-License-Identifier: MIT */
/* What a client asks of channels. The clients' thread. */
#include "client/channel_commands.h"

#include <string.h>

#include "base/err.h"
#include "client/client_priv.h"
#include "client/recovery.h"
#include "client/subscriptions.h"
#include "conf/conf.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "proto/json_scan.h"
#include "proto/message.h"
#include "proto/reply_channel.h"

#define HISTORY_MOST        300 /* publications in one answer */
#define UNSUBSCRIBED_ITSELF 0

/* One that is being dealt with. */
struct request {
	struct clients *all;
	struct client *c;
	const struct message *m;
	struct channel_name name; /* len 0 until it is known to be one */
	const struct channel_options *options;
	struct channel *ch;   /* NULL: nobody of this thread is subscribed to it, */
	struct subscriber *s; /* or this client is not */
	struct channel_who who;
	char text[CHANNEL_NAME_MAX];
};

static struct reply_channel
reply_to(const struct request *q, const struct broker_position *at)
{
	return (struct reply_channel){ .channel = q->name.text,
				       .epoch = at ? at->epoch : "",
				       .offset = at ? at->offset : 0,
				       .timestamp = clients_stamp(q->all, 0),
				       .id = q->m->id };
}

static struct text *
begin_text(const struct request *q)
{
	struct text *t = &q->all->channels.text;

	text_reset(t, CLIENT_TEXT_KEEP);
	return t;
}

/* ---- refusing -------------------------------------------------------------------------------- */

static void
refuse(const struct request *q, enum channel_code code)
{
	struct reply_channel r = reply_to(q, NULL);
	struct text *t = begin_text(q);

	metrics_add(q->all->shard, METRIC_ERROR_CHANNEL, 1);
	reply_channel_error(t, &r, channel_code_word(code), channel_code_text(code));
	client_say(q->all, q->c, t);
}

static enum channel_code
code_of(int rc)
{
	switch (rc) {
	case WSD_OK:
		return CHANNEL_FINE;
	case WSD_E_FULL:
	case WSD_E_TOO_LARGE:
		return CHANNEL_LIMIT_EXCEEDED;
	case WSD_E_UNKNOWN:
		return CHANNEL_UNRECOVERABLE_POSITION;
	case WSD_E_CLOSED:
		return CHANNEL_NOT_AVAILABLE;
	default:
		return CHANNEL_INTERNAL;
	}
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static enum channel_code
read_name(struct request *q)
{
	struct channel_name name;
	size_t len = json_string_text(q->m->channel, q->text, sizeof(q->text));

	if (len == JSON_NO_TEXT || channel_name_parse((struct slice){ q->text, len }, &name) != WSD_OK)
		return CHANNEL_BAD_REQUEST;
	q->name = name;
	return CHANNEL_FINE;
}

/* False: it has been refused. */
static bool
begin(struct request *q, struct clients *all, struct client *c, const struct message *m)
{
	enum channel_code code = CHANNEL_NOT_AVAILABLE;

	*q = (struct request){ .all = all, .c = c, .m = m };
	if (all->channels.listener)
		code = read_name(q);
	if (code == CHANNEL_FINE) {
		q->options = channel_rules_find(all->channels.rules, &q->name);
		q->ch = channels_find(all, q->name.text);
		q->s = subscriptions_find(c, q->ch);
		q->who = subscriptions_who(all, c, q->s != NULL);
		return true;
	}
	refuse(q, code);
	return false;
}

/* ---- subscribing ----------------------------------------------------------------------------- */

static bool
is_told_of_others(const struct request *q)
{
	return q->options->force_push_join_leave || message_is(q->m->join_leave, false);
}

static bool
has_room(const struct request *q)
{
	return !q->c->subs || q->c->subs->n < q->all->conf->channel_limit;
}

static enum channel_code
may_subscribe(const struct request *q)
{
	const struct channel_options *o = q->options;
	struct channel_who who = q->who;
	enum channel_code code = channel_may_subscribe(o, &q->name, &who);

	if (code != CHANNEL_FINE)
		return code;
	if (q->s)
		return CHANNEL_ALREADY_SUBSCRIBED;
	if (!has_room(q))
		return CHANNEL_LIMIT_EXCEEDED;
	if (o->force_push_join_leave || !is_told_of_others(q))
		return CHANNEL_FINE;
	who.subscribed = true;
	return o->join_leave ? channel_may_see_presence(o, &q->name, &who) : CHANNEL_NOT_AVAILABLE;
}

/* Listens first, so that nothing is lost between what it is told now and what comes. As subscriptions_add(). */
static int
subscribe(struct request *q)
{
	struct broker_position at;
	struct reply_channel r;
	bool recovered = false;
	struct text *t;
	int rc;

	if (q->ch && q->options->join_leave)
		fanout_read(q->all, q->ch); /* it is told who comes from now on, and not who has come before it */
	if (!client_is_open(q->c))
		return WSD_OK; /* and something was the end of it */
	rc = subscriptions_add(q->all, q->c, q->name.text, q->options, &q->ch, &q->s);

	if (rc != WSD_OK)
		return rc;
	t = begin_text(q);
	q->s->join_leave = q->options->join_leave && is_told_of_others(q);
	reply_publications_begin(t, "subscribed", q->name.text);
	if (q->m->recover.len > 0)
		recovered = recovery_add(q->all, q->c, q->ch, q->m->recover, t, &at);
	else
		broker_interest_top(q->ch->interest, &at);
	channel_stands(q->ch, q->s, &at);
	r = reply_to(q, &at);
	reply_publications_subscribed(t, &r, recovered);
	client_say(q->all, q->c, t);
	if (subscriptions_find(q->c, channels_find(q->all, q->name.text)))
		subscriptions_tell_joined(q->all, q->c, q->ch);
	return WSD_OK;
}

int
channel_subscribe_for(struct clients *all, struct client *c, struct slice channel, struct slice recover)
{
	struct message m = { .recover = recover };
	struct request q = { .all = all, .c = c, .m = &m };

	if (!all->channels.listener)
		return WSD_E_CLOSED;
	if (channel_name_parse(channel, &q.name) != WSD_OK)
		return WSD_E_MALFORMED;
	q.options = channel_rules_find(all->channels.rules, &q.name);
	if (!q.options)
		return WSD_E_UNKNOWN;
	q.ch = channels_find(all, channel);
	if (subscriptions_find(c, q.ch))
		return WSD_OK;
	return has_room(&q) ? subscribe(&q) : WSD_E_FULL;
}

void
channel_subscribe(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	enum channel_code code;
	struct request q;

	if (!begin(&q, all, c, m))
		return;
	code = may_subscribe(&q);
	if (code == CHANNEL_FINE)
		code = code_of(subscribe(&q));
	if (code != CHANNEL_FINE)
		refuse(&q, code);
}

void
channel_unsubscribe(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	struct reply_channel r;
	struct request q;
	struct text *t;

	if (!begin(&q, all, c, m))
		return;
	if (q.s)
		subscriptions_remove(all, c, q.ch);
	t = begin_text(&q);
	r = reply_to(&q, NULL);
	reply_unsubscribed(t, &r, UNSUBSCRIBED_ITSELF, "client unsubscribed");
	client_say(all, c, t);
}

/* ---- publishing ------------------------------------------------------------------------------ */

/* Its own publication reaches it before the answer does, or not at all. Others get it when the loop comes to it, with
 * whatever comes meanwhile. */
static void
deliver_to_itself(const struct request *q, const struct broker_position *at, bool echo)
{
	bool next =
		q->s->offset + 1 == at->offset && q->s->era == q->ch->era && strcmp(at->epoch, q->ch->at.epoch) == 0;

	if (!echo && next)
		channel_stands(q->ch, q->s, at);
	else
		fanout_catch_up(q->all, q->ch, q->s);
}

static void
publish(const struct request *q)
{
	bool echo = message_is(q->m->echo, true);
	struct broker_publish p = {
		.kind = BROKER_PUBLICATION,
		.channel = q->name.text,
		.options = q->options,
		.data = q->m->data,
		.info = subscriptions_info(q->c),
		.silent_for = echo ? NULL : subscriptions_silence(q->c),
	};
	struct broker_position at;
	struct reply_channel r;
	struct text *t;
	int rc = broker_publish(q->all->channels.broker, &p, &at);

	if (rc != WSD_OK) {
		refuse(q, code_of(rc));
		return;
	}
	metrics_add(q->all->shard, METRIC_PUBLICATIONS_CLIENT, 1);
	if (q->s)
		deliver_to_itself(q, &at, echo);
	if (!client_is_open(q->c))
		return;
	t = begin_text(q);
	r = reply_to(q, &at);
	reply_published(t, &r);
	client_say(q->all, q->c, t);
}

void
channel_publish(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	enum channel_code code;
	struct request q;

	if (!begin(&q, all, c, m))
		return;
	code = channel_may_publish(q.options, &q.name, &q.who);
	if (code == CHANNEL_FINE)
		publish(&q);
	else
		refuse(&q, code);
}

/* ---- questions ------------------------------------------------------------------------------- */

struct presence {
	struct text *text;
	size_t most;
	bool too_large;
};

static void
add_present(void *arg, const struct broker_info *info)
{
	struct presence *p = arg;

	p->too_large = p->too_large || p->text->len > p->most;
	if (!p->too_large)
		reply_presence_add(p->text,
				   &(struct reply_who){ info->client, info->user, info->conn_info, info->chan_info });
}

void
channel_presence(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	struct presence p;
	struct reply_channel r;
	enum channel_code code;
	struct request q;

	if (!begin(&q, all, c, m))
		return;
	code = channel_may_see_presence(q.options, &q.name, &q.who);
	if (code != CHANNEL_FINE) {
		refuse(&q, code);
		return;
	}
	p = (struct presence){ .text = begin_text(&q), .most = client_room(all, c) };
	reply_presence_begin(p.text, q.name.text);
	broker_presence_each(all->channels.broker, q.name.text, add_present, &p);
	r = reply_to(&q, NULL);
	reply_presence_end(p.text, &r);
	if (p.too_large)
		refuse(&q, CHANNEL_LIMIT_EXCEEDED);
	else
		client_say(all, c, p.text);
}

static void
answer_history(const struct request *q)
{
	struct text *t = begin_text(q);
	int32_t limit = message_limit(q->m->limit);
	struct broker_range range = {
		.since_given = q->m->since.len > 0,
		.limit = limit < 0 || limit > HISTORY_MOST ? HISTORY_MOST : limit,
		.reverse = message_is(q->m->reverse, false),
	};
	struct broker_position at;
	struct reply_channel r;
	int rc;

	if (range.since_given)
		recovery_position(q->m->since, &range.since);
	reply_publications_begin(t, "history", q->name.text);
	rc = recovery_read(q->all, q->c, q->name.text, q->options, &range, t, &at);
	if (rc != WSD_OK) {
		refuse(q, code_of(rc));
		return;
	}
	r = reply_to(q, &at);
	reply_publications_history(t, &r);
	client_say(q->all, q->c, t);
}

void
channel_history(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	enum channel_code code;
	struct request q;

	if (!begin(&q, all, c, m))
		return;
	code = channel_may_read_history(q.options, &q.name, &q.who);
	if (code == CHANNEL_FINE)
		answer_history(&q);
	else
		refuse(&q, code);
}
