/* SPDX-License-Identifier: MIT */
/*
 * Messages to the client about channels. They are as long as what was published, so that they grow (proto/text.h).
 * Pure; any thread.
 *
 * Names of channels and epochs contain nothing that JSON escapes; data and tags are JSON, and so are the infos of a
 * connection and a channel; client and user are plain text. timestamp and id: proto/reply.h.
 */
#ifndef WSD_PROTO_REPLY_CHANNEL_H
#define WSD_PROTO_REPLY_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "proto/text.h"

/* What all but publications have. */
struct reply_channel {
	struct slice channel; /* len 0: left out */
	const char *epoch;    /* zero-terminated */
	uint64_t offset;
	const char *timestamp;
	struct slice id; /* len 0: none */
};

struct reply_who {
	struct slice client; /* len 0: a backend */
	struct slice user;   /* len 0: nobody that is known */
	struct slice conn_info, chan_info;
};

struct reply_publication {
	struct slice data; /* what is no JSON in UTF-8 is written in base64, as b64data */
	struct slice tags; /* len 0: none */
	struct slice epoch;
	uint64_t offset, time_ms;
	struct reply_who from;
};

/* A publication as it happens, whole. */
void reply_publication(struct text *t, struct slice channel, const struct reply_publication *p);

/* What a backend says to one client. */
void reply_message(struct text *t, struct slice data, const char *timestamp);

/* Those that answer a question: the beginning, each, and how it ends. */
void reply_publications_begin(struct text *t, const char *type, struct slice channel);
void reply_publications_add(struct text *t, const struct reply_publication *p);
void reply_publications_subscribed(struct text *t, const struct reply_channel *r, bool recovered);
void reply_publications_history(struct text *t, const struct reply_channel *r);

void reply_presence_begin(struct text *t, struct slice channel);
void reply_presence_add(struct text *t, const struct reply_who *who);
void reply_presence_end(struct text *t, const struct reply_channel *r);

void reply_joined(struct text *t, const struct reply_channel *r, const struct reply_who *who);
void reply_left(struct text *t, const struct reply_channel *r, const struct reply_who *who);
void reply_published(struct text *t, const struct reply_channel *r);
void reply_gap(struct text *t, const struct reply_channel *r);
/* reason: nothing that JSON escapes */
void reply_unsubscribed(struct text *t, const struct reply_channel *r, unsigned code, const char *reason);
void reply_channel_error(struct text *t, const struct reply_channel *r, const char *code, const char *why);

#endif
