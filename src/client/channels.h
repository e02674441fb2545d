/* SPDX-License-Identifier: MIT */
/*
 * The channels that the clients of one thread are subscribed to. News is pulled: the broker only says that there is
 * some, and this thread reads on from where it stands, once for all of a channel's subscribers (fanout.c). What a
 * client is subscribed to is its own list (subscriptions.h). The clients' thread, but for what is marked.
 */
#ifndef WSD_CLIENT_CHANNELS_H
#define WSD_CLIENT_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

#ifndef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1 /* what there was no memory to add has no hh.tbl; else uthash would exit(3) */
#endif
#include <uthash.h>
#include <uv.h>

#include "broker/broker.h"
#include "channel/rules.h"
#include "proto/text.h"

struct client;
struct clients;
struct reply_publication;

/* One client's place in a channel. They lie side by side, so that who hands on news walks through memory in order. */
struct subscriber {
	struct client *client; /* NULL: it has left while news was being handed on */
	uint64_t offset;       /* the last publication that was put into its output */
	uint32_t at;           /* in the client's list */
	uint16_t era;          /* the channel's, when that was */
	bool join_leave : 1;   /* it is told who comes and goes, */
	bool missed : 1;       /* and was not told of somebody while it stood still */
	bool present : 1;      /* others can see that it is there */
};

struct channel {
	UT_hash_handle hh;
	struct broker_interest *interest;
	const struct channel_options *options; /* of channels.rules */
	struct broker_position at;             /* how far this thread has read */
	struct subscriber *subscribers;
	uint32_t n, room;
	uint32_t n_left; /* of them: without a client */
	uint16_t era;    /* counts the epochs that were seen */
	bool busy;       /* its news is being handed on */
	uint8_t name_len;
	char name[];
};

struct channels {
	struct broker *broker;            /* [const after start] NULL: there are no channels */
	struct channel_rules_now *now;    /* [const after start] */
	struct broker_listener *listener; /* NULL: none, or no more */
	struct channel_rules *rules;
	struct channel *by_name; /* uthash */
	uv_async_t wake;
	struct text text; /* what is just being said to somebody */
	struct text news; /* the same to many */
	size_t news_mean; /* how long the last messages were */
};

/* Before the thread runs; both NULL: no channels. WSD_OK, -ENOMEM or another negative errno. */
int channels_init(struct clients *all, struct broker *broker, struct channel_rules_now *now);
/* When nobody is subscribed any more, and before the loop ends: nothing of the broker comes after this. */
void channels_stop(struct clients *all);
void channels_deinit(struct clients *all);

/* The rules may have changed: whoever is in a channel that there is no namespace for any more is told, and has left. */
void channels_reload(struct clients *all);
/* Only of one who stands still: it is to be told when it goes on. */
bool channel_is_gone(const struct channel *ch);

/* The broker has news: it is handed on, as much as is good for one turn of the loop. */
void channels_pull(struct clients *all);

static inline struct slice
channel_slice(const struct channel *ch)
{
	return (struct slice){ ch->name, ch->name_len };
}

struct channel *channels_find(const struct clients *all, struct slice name); /* NULL: nobody is subscribed to it */

/* That channel, whose news is listened to from now on, to be given back unless a subscriber is added. WSD_OK, or as
 * broker_listen(). */
int channels_get(struct clients *all, struct slice name, const struct channel_options *options, struct channel **out);
/* It goes if it has no subscribers. */
void channels_put(struct clients *all, struct channel *ch);

/* With era and offset still to be set; it may move when another is added or removed. NULL: out of memory. */
struct subscriber *channel_add(struct channel *ch, struct client *c);
void channel_remove(struct channel *ch, struct subscriber *s);

/* Between these, subscribers and the channel stay where they are; who leaves meanwhile has no client any more. */
void channel_begin(struct channel *ch);
void channel_end(struct clients *all, struct channel *ch);

/* Where s stands from now on: up to here it has everything, or was told. */
void channel_stands(const struct channel *ch, struct subscriber *s, const struct broker_position *at);

/* fanout.c: what has come since the last time, or a part of it. Returns how much work that was: events and subscribers;
 * the channel may be gone then. */
size_t fanout_read(struct clients *all, struct channel *ch);
/* As a message has it; valid as long as the event. */
void fanout_publication(struct reply_publication *out, const struct broker_event *event);
/* Sends what the subscriber has not been sent yet, up to the channel's end; or that it cannot be had. */
void fanout_catch_up(struct clients *all, struct channel *ch, struct subscriber *s);

#endif
