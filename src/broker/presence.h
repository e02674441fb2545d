/* SPDX-License-Identifier: MIT */
/*
 * Who is present in which stream: one table for all streams, since most have few members, and one of how often each
 * user is present in each.
 *
 * Not locked: one thread at a time, which is the broker's lock.
 */
#ifndef WSD_BROKER_PRESENCE_H
#define WSD_BROKER_PRESENCE_H

#include "broker/broker.h"
#include "broker/streams.h"

struct presence_member;
struct presence_user;

struct presence {
	struct presence_member *members; /* uthash */
	struct presence_user *users;     /* uthash */
};

/* The streams are left without members, too. A zeroed one is fine. */
void presence_deinit(struct presence *presence);

/* A member of the same client is replaced. WSD_OK; WSD_E_TOO_LARGE: a client or user of more than BROKER_ID_MAX
 * bytes; -ENOMEM: nothing has changed. */
int presence_add(struct presence *presence, struct stream *stream, const struct broker_info *info);
void presence_remove(struct presence *presence, struct stream *stream, struct slice client);
void presence_each(const struct stream *stream, void (*each)(void *arg, const struct broker_info *info), void *arg);

#endif
