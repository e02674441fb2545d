/* SPDX-License-Identifier: MIT */
/* What one client is subscribed to, from the first to the last. The clients' thread. */
#include "client/subscriptions.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "client/channels.h"
#include "client/client_priv.h"
#include "kept/notes.h"
#include "proto/reply_channel.h"
#include "proto/state.h"

/* Centrifugo's codes: it does not help to subscribe again, or it does. */
#define UNSUBSCRIBED_BY_SERVER 2000
#define UNSUBSCRIBED_FOR_LOSS  2500

/* ---- who it is ------------------------------------------------------------------------------- */

struct broker_info
subscriptions_info(const struct client *c)
{
	return (struct broker_info){ .client = slice_of(c->id), .user = slice_of(client_user(c)) };
}

struct channel_who
subscriptions_who(const struct clients *all, const struct client *c, bool subscribed)
{
	return (struct channel_who){ .user = slice_of(client_user(c)),
				     .known = all->auth != NULL,
				     .subscribed = subscribed };
}

const void *
subscriptions_silence(const struct client *c)
{
	uintptr_t hash = (uintptr_t)0xcbf29ce484222325u; /* FNV-1a: whoever is meant is looked at by name too */

	for (const char *at = c->id; *at; at++)
		hash = (hash ^ (unsigned char)*at) * (uintptr_t)0x100000001b3u;
	return (const void *)(hash | 1);
}

/* ---- one subscription ------------------------------------------------------------------------ */

static struct subscription *
entry_of(const struct client *c, const struct channel *ch)
{
	for (uint32_t i = 0; c->subs && i < c->subs->n; i++)
		if (c->subs->list[i].channel == ch)
			return &c->subs->list[i];
	return NULL;
}

struct subscriber *
subscriptions_find(const struct client *c, const struct channel *ch)
{
	const struct subscription *entry = ch ? entry_of(c, ch) : NULL;

	return entry ? &ch->subscribers[entry->at] : NULL;
}

static int
make_room(struct client *c)
{
	struct subscriptions *subs = c->subs, *bigger;
	uint32_t room = subs ? subs->room + subs->room / 2 + 1 : 1;

	if (subs && subs->n < subs->room)
		return WSD_OK;
	bigger = realloc(subs, sizeof(*bigger) + room * sizeof(bigger->list[0]));
	if (!bigger)
		return -ENOMEM;
	if (!subs)
		bigger->n = 0;
	bigger->room = room;
	c->subs = bigger;
	return WSD_OK;
}

/* What the next process cannot know by the note alone. */
static void
note_partial(const struct client *c)
{
	struct note *note = c->wire.note;

	if (note)
		note_set_partial(note, c->subs || strcmp(note_user(note), client_user(c)) != 0);
}

/* Nobody is told. The channel may be gone then. */
static void
forget(struct clients *all, struct client *c, struct subscription *entry)
{
	struct subscriptions *subs = c->subs;
	struct subscription *last = &subs->list[subs->n - 1];
	struct channel *ch = entry->channel;
	uint32_t at = entry->at;

	if (entry != last) {
		*entry = *last;
		entry->channel->subscribers[entry->at].at = (uint32_t)(entry - subs->list);
	}
	if (--subs->n == 0) {
		free(subs);
		c->subs = NULL;
		note_partial(c);
	}
	channel_remove(ch, &ch->subscribers[at]);
	channels_put(all, ch);
}

int
subscriptions_add(struct clients *all, struct client *c, struct slice name, const struct channel_options *options,
		  struct channel **out, struct subscriber **as)
{
	struct broker_info info = subscriptions_info(c);
	struct subscriber *s;
	struct channel *ch;
	int rc = channels_get(all, name, options, &ch);

	if (rc != WSD_OK)
		return rc;
	rc = make_room(c);
	s = rc == WSD_OK ? channel_add(ch, c) : NULL;
	if (!s) {
		channels_put(all, ch);
		if (c->subs && c->subs->n == 0) {
			free(c->subs);
			c->subs = NULL;
		}
		return -ENOMEM;
	}
	s->at = c->subs->n;
	c->subs->list[c->subs->n++] = (struct subscription){ ch, (uint32_t)(s - ch->subscribers) };
	note_partial(c);
	broker_interest_count(ch->interest, ch->n);
	s->present = options->presence;
	if (s->present)
		rc = broker_presence_add(all->channels.broker, name, &info);
	if (rc != WSD_OK) {
		forget(all, c, &c->subs->list[c->subs->n - 1]);
		return rc;
	}
	*out = ch;
	*as = s;
	return WSD_OK;
}

static void
tell(struct clients *all, const struct client *c, const struct channel *ch, enum broker_kind kind)
{
	struct broker_publish change = {
		.kind = kind, .channel = channel_slice(ch), .options = ch->options, .info = subscriptions_info(c)
	};
	struct broker_position at;

	if (ch->options->join_leave)
		broker_publish(all->channels.broker, &change, &at); /* if not, presence tells all the same */
}

void
subscriptions_tell_joined(struct clients *all, const struct client *c, const struct channel *ch)
{
	tell(all, c, ch, BROKER_JOIN);
}

static void
leave(struct clients *all, struct client *c, struct subscription *entry, bool silently)
{
	struct channel *ch = entry->channel;

	if (ch->subscribers[entry->at].present)
		broker_presence_remove(all->channels.broker, channel_slice(ch), slice_of(c->id));
	if (!silently)
		tell(all, c, ch, BROKER_LEAVE);
	forget(all, c, entry);
}

void
subscriptions_remove(struct clients *all, struct client *c, struct channel *ch)
{
	leave(all, c, entry_of(c, ch), false);
}

static void
say_unsubscribed(struct clients *all, struct client *c, struct slice channel, unsigned code, const char *reason)
{
	struct text *t = &all->channels.text;
	struct reply_channel r = { .channel = channel, .timestamp = clients_stamp(all, 0) };

	text_reset(t, CLIENT_TEXT_KEEP);
	reply_unsubscribed(t, &r, code, reason);
	client_say(all, c, t);
}

void
subscriptions_expel(struct clients *all, struct client *c, struct channel *ch)
{
	struct subscription *entry;

	say_unsubscribed(all, c, channel_slice(ch), UNSUBSCRIBED_BY_SERVER, "server unsubscribe");
	entry = entry_of(c, ch);
	if (entry) /* else saying so has ended it */
		leave(all, c, entry, false);
}

/* ---- all of them ----------------------------------------------------------------------------- */

void
subscriptions_end(struct clients *all, struct client *c, bool silently)
{
	while (c->subs)
		leave(all, c, &c->subs->list[c->subs->n - 1], silently);
}

/* ---- moving ---------------------------------------------------------------------------------- */

static const char no_epoch[BROKER_EPOCH_LEN + 1] = "--------"; /* which there is none like */

void
subscriptions_describe(const struct subscription *one, struct state_subscription *out)
{
	const struct channel *ch = one->channel;
	const struct subscriber *s = &ch->subscribers[one->at];
	struct broker_position at = ch->at;

	if (s->era == (uint16_t)(ch->era + 1))
		broker_interest_top(ch->interest, &at);
	else if (s->era != ch->era)
		memcpy(at.epoch, no_epoch, sizeof(at.epoch));
	*out = (struct state_subscription){
		.channel = channel_slice(ch), .offset = s->offset, .join_leave = s->join_leave, .missed = s->missed
	};
	memcpy(out->epoch, at.epoch, sizeof(out->epoch));
}

static const struct channel_options *
options_of(const struct clients *all, struct slice channel)
{
	struct channel_name name;

	if (!all->channels.listener || channel_name_parse(channel, &name) != WSD_OK)
		return NULL;
	return channel_rules_find(all->channels.rules, &name);
}

void
subscriptions_arrive(struct clients *all, struct client *c, const struct state_subscription *one)
{
	const struct channel_options *options = options_of(all, one->channel);
	struct subscriber *s;
	struct channel *ch;

	if (!options) {
		say_unsubscribed(all, c, one->channel, UNSUBSCRIBED_BY_SERVER, "server unsubscribe");
		return;
	}
	if (subscriptions_find(c, channels_find(all, one->channel)))
		return;
	if (subscriptions_add(all, c, one->channel, options, &ch, &s) != WSD_OK) {
		say_unsubscribed(all, c, one->channel, UNSUBSCRIBED_FOR_LOSS, "insufficient state");
		return;
	}
	s->join_leave = one->join_leave && options->join_leave;
	s->missed = one->missed;
	s->offset = one->offset;
	s->era = (uint16_t)(ch->era - (memcmp(one->epoch, ch->at.epoch, BROKER_EPOCH_LEN) != 0));
	fanout_catch_up(all, ch, s);
}

void
subscriptions_go_on(struct clients *all, struct client *c)
{
	/* from behind, as the last takes the place of one that is left */
	for (uint32_t i = c->subs ? c->subs->n : 0; i-- > 0 && c->subs;) {
		struct channel *ch = c->subs->list[i].channel;

		if (channel_is_gone(ch))
			subscriptions_expel(all, c, ch);
		else
			fanout_catch_up(all, ch, &ch->subscribers[c->subs->list[i].at]);
	}
}
