/* SPDX-License-Identifier: MIT */
/* The table of a thread's channels, and who is subscribed to each. The clients' thread. */
#include "client/channels.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "client/client_priv.h"
#include "client/subscriptions.h"

#define TURN_MOST 4096 /* events and subscribers, before others have their turn */

/* ---- the table ------------------------------------------------------------------------------- */

struct channel *
channels_find(const struct clients *all, struct slice name)
{
	struct channel *ch;

	HASH_FIND(hh, all->channels.by_name, name.at, name.len, ch);
	return ch;
}

int
channels_get(struct clients *all, struct slice name, const struct channel_options *options, struct channel **out)
{
	struct channel *ch = channels_find(all, name);
	int rc;

	*out = ch;
	if (ch)
		return WSD_OK;
	ch = calloc(1, sizeof(*ch) + name.len);
	if (!ch)
		return -ENOMEM;
	memcpy(ch->name, name.at, name.len);
	ch->name_len = (uint8_t)name.len;
	ch->options = options;
	rc = broker_listen(all->channels.listener, name, options, ch, &ch->interest, &ch->at);
	if (rc == WSD_OK) {
		HASH_ADD_KEYPTR(hh, all->channels.by_name, ch->name, ch->name_len, ch);
		rc = ch->hh.tbl ? WSD_OK : -ENOMEM;
	}
	if (rc == WSD_OK) {
		*out = ch;
		return rc;
	}
	broker_unlisten(&ch->interest);
	free(ch);
	return rc;
}

void
channels_put(struct clients *all, struct channel *ch)
{
	if (ch->busy)
		return;
	broker_interest_count(ch->interest, ch->n);
	if (ch->n > 0)
		return;
	broker_unlisten(&ch->interest);
	HASH_DEL(all->channels.by_name, ch);
	free(ch->subscribers);
	free(ch);
}

struct subscriber *
channel_add(struct channel *ch, struct client *c)
{
	if (ch->n == ch->room) {
		uint32_t room = ch->room + ch->room / 2 + 1;
		struct subscriber *more = realloc(ch->subscribers, room * sizeof(*more));

		if (!more)
			return NULL;
		ch->subscribers = more;
		ch->room = room;
	}
	ch->subscribers[ch->n] = (struct subscriber){ .client = c };
	return &ch->subscribers[ch->n++];
}

static void
shrink(struct channel *ch)
{
	struct subscriber *less;

	if (ch->n == 0 || ch->room < 16 || ch->n > ch->room / 4)
		return;
	less = realloc(ch->subscribers, ch->room / 2 * sizeof(*less));
	if (!less)
		return;
	ch->subscribers = less;
	ch->room /= 2;
}

void
channel_remove(struct channel *ch, struct subscriber *s)
{
	struct subscriber *last = &ch->subscribers[ch->n - 1];

	if (ch->busy) { /* whoever walks through them takes it out */
		s->client = NULL;
		ch->n_left++;
		return;
	}
	if (s != last) {
		*s = *last;
		s->client->subs->list[s->at].at = (uint32_t)(s - ch->subscribers);
	}
	ch->n--;
	shrink(ch);
}

void
channel_begin(struct channel *ch)
{
	CHECK(!ch->busy);
	ch->busy = true;
}

void
channel_end(struct clients *all, struct channel *ch)
{
	ch->busy = false;
	for (uint32_t i = ch->n; i-- > 0 && ch->n_left > 0;) {
		if (ch->subscribers[i].client)
			continue;
		channel_remove(ch, &ch->subscribers[i]);
		ch->n_left--;
	}
	channels_put(all, ch);
}

void
channel_stands(const struct channel *ch, struct subscriber *s, const struct broker_position *at)
{
	s->offset = at->offset;
	/* it may have heard of an epoch that this thread still has to read of */
	s->era = (uint16_t)(ch->era + (strcmp(at->epoch, ch->at.epoch) != 0));
}

/* ---- news ------------------------------------------------------------------------------------ */

void
channels_pull(struct clients *all)
{
	struct channels *cs = &all->channels;
	struct channel *ch;
	size_t work = 0;

	while (cs->listener && work < TURN_MOST) {
		ch = broker_next_news(cs->listener);
		if (!ch)
			return;
		work += 1 + fanout_read(all, ch);
	}
	if (cs->listener)
		uv_async_send(&cs->wake);
}

static void
on_wake(uv_async_t *wake)
{
	channels_pull(clients_of(wake->data));
}

/* Any thread. */
static void
on_news(void *arg)
{
	uv_async_send(arg);
}

/* ---- the rules ------------------------------------------------------------------------------- */

/* Of a channel that there is not any more, as long as somebody is in it who stands still. */
static const struct channel_options no_options = { .history_size = 0 };

bool
channel_is_gone(const struct channel *ch)
{
	return ch->options == &no_options;
}

static void
look_at_rules(struct clients *all, struct channel *ch)
{
	const struct channel_options *options = NULL;
	struct channel_name name;

	if (channel_name_parse(channel_slice(ch), &name) == WSD_OK)
		options = channel_rules_find(all->channels.rules, &name);
	for (uint32_t i = 0; !options && i < ch->n; i++) {
		struct client *c = ch->subscribers[i].client;

		if (c && client_is_open(c))
			subscriptions_expel(all, c, ch);
	}
	ch->options = options ? options : &no_options;
}

void
channels_reload(struct clients *all)
{
	struct channels *cs = &all->channels;
	struct channel_rules *old = cs->rules;
	struct channel *ch, *next;

	if (!cs->listener)
		return;
	cs->rules = channel_rules_now_get(cs->now);
	/* telling one client may end another, and with it any channel */
	HASH_ITER (hh, cs->by_name, ch, next)
		channel_begin(ch);
	HASH_ITER (hh, cs->by_name, ch, next)
		look_at_rules(all, ch);
	HASH_ITER (hh, cs->by_name, ch, next)
		channel_end(all, ch);
	channel_rules_put(&old);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

int
channels_init(struct clients *all, struct broker *broker, struct channel_rules_now *now)
{
	struct channels *cs = &all->channels;
	int rc;

	if (!broker || !now)
		return WSD_OK;
	rc = uv_async_init(all->loop, &cs->wake, on_wake);
	if (rc != 0)
		return rc;
	cs->wake.data = all;
	cs->broker = broker;
	cs->now = now;
	rc = broker_listener_create(broker, &cs->listener, on_news, &cs->wake);
	if (rc != WSD_OK) {
		uv_close((uv_handle_t *)&cs->wake, NULL);
		return rc;
	}
	cs->rules = channel_rules_now_get(now);
	return WSD_OK;
}

void
channels_stop(struct clients *all)
{
	struct channels *cs = &all->channels;

	if (!cs->listener)
		return;
	CHECK(!cs->by_name);
	broker_listener_destroy(&cs->listener);
	uv_close((uv_handle_t *)&cs->wake, NULL);
}

void
channels_deinit(struct clients *all)
{
	struct channels *cs = &all->channels;

	broker_listener_destroy(&cs->listener); /* of a thread that was never started */
	channel_rules_put(&cs->rules);
	text_free(&cs->text);
	text_free(&cs->news);
}
