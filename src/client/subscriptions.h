/* SPDX-License-Identifier: MIT */
/*
 * What one client is subscribed to. A list that it has only while there is anything in it: 40 bytes for each
 * subscription, with its place in the channel, and half as many again while they come. The clients' thread.
 */
#ifndef WSD_CLIENT_SUBSCRIPTIONS_H
#define WSD_CLIENT_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "broker/broker.h"
#include "channel/rules.h"

struct channel;
struct client;
struct clients;
struct state_subscription;
struct subscriber;

struct subscription {
	struct channel *channel;
	uint32_t at; /* among its subscribers */
};

struct subscriptions {
	uint32_t n, room;
	struct subscription list[];
};

/* Who it is to the broker and to other clients. The slices are the client's. */
struct broker_info subscriptions_info(const struct client *c);
/* The same to the rules. */
struct channel_who subscriptions_who(const struct clients *all, const struct client *c, bool subscribed);
/* What its own publications are known by, if it does not want them itself (broker_publish.silent_for). */
const void *subscriptions_silence(const struct client *c);

/* NULL: it is not subscribed to that. */
struct subscriber *subscriptions_find(const struct client *c, const struct channel *ch);

/* Subscribes it, listens, and makes it present; nobody is told yet. *out: to be told where it stands
 * (channel_stands()). WSD_OK, WSD_E_FULL or -ENOMEM. */
int subscriptions_add(struct clients *all, struct client *c, struct slice name, const struct channel_options *options,
		      struct channel **ch, struct subscriber **out);
/* Those who want to know are told that it has come. */
void subscriptions_tell_joined(struct clients *all, const struct client *c, const struct channel *ch);
/* It has left, and others are told. */
void subscriptions_remove(struct clients *all, struct client *c, struct channel *ch);

/* The same, since there is no such channel any more; it is told so. */
void subscriptions_expel(struct clients *all, struct client *c, struct channel *ch);

/* All of them. silently: it goes on elsewhere. */
void subscriptions_end(struct clients *all, struct client *c, bool silently);

/* As it travels to another process, and one that has come so: it gets what it has missed, or is told. */
void subscriptions_describe(const struct subscription *one, struct state_subscription *out);
void subscriptions_arrive(struct clients *all, struct client *c, const struct state_subscription *one);

/* It stood still, and gets what it has missed. */
void subscriptions_go_on(struct clients *all, struct client *c);

#endif
