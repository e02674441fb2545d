/* SPDX-License-Identifier: MIT */
/*
 * Streams: what a channel has published, in order. A stream knows where in the log its newest entries lie (a ring of
 * places); the entries themselves are there alone. Entries have numbers that only rise: those of publications, joins
 * and leaves that are kept are from `first` to before `end`.
 *
 * Which entries are history is told by two numbers and a mark: those that are marked, from history_from on. What came
 * since recent_from can be had for recovery.
 *
 * Not locked: one thread at a time, which is the broker's lock.
 */
#ifndef WSD_BROKER_STREAMS_H
#define WSD_BROKER_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"
#include "broker/broker.h"
#include "broker/hash.h"

/* An entry: the place of its record, which is a multiple of 8, and these. */
#define ENTRY_PUBLICATION 1u
#define ENTRY_HISTORY     2u /* and it is to be kept as history_size says */
#define ENTRY_MARKS       7u

struct stream {
	struct stream *next; /* in its bucket */
	uint64_t hash;
	uint64_t offset;   /* of the newest publication */
	uint64_t newest;   /* the place of the newest record, which tells the position after a restart */
	uint64_t known_ms; /* until when the position is known even if nobody needs it; clock_mono_ms(), as all here */
	uint64_t history_until; /* then all of it has expired */
	uint64_t *ring;
	uint64_t first, end;
	uint64_t history_from; /* the oldest entry of the history; end: there is none */
	uint64_t recent_from;  /* what is before was taken away on demand */
	uint32_t n_history;
	uint32_t room;         /* of the ring: a power of 2, or 0 */
	struct list interests; /* of listeners */
	struct list members;   /* present clients */
	uint32_t n_members, n_users;
	char epoch[BROKER_EPOCH_LEN];
	uint8_t name_len;
	char name[];
};

static inline struct slice
stream_name(const struct stream *stream)
{
	return (struct slice){ stream->name, stream->name_len };
}

/* Somebody listens or is present. */
static inline bool
stream_in_use(const struct stream *stream)
{
	return !list_empty(&stream->interests) || !list_empty(&stream->members);
}

static inline uint64_t *
stream_entry(const struct stream *stream, uint64_t number)
{
	return &stream->ring[number & (stream->room - 1)];
}

static inline uint64_t
entry_place(uint64_t entry)
{
	return entry & ~(uint64_t)ENTRY_MARKS;
}

/* Makes room for one entry more. WSD_OK or -ENOMEM. */
int stream_reserve(struct stream *stream);
/* Room has been made. */
void stream_append(struct stream *stream, uint64_t place, unsigned marks);
/* The oldest entry goes. */
void stream_pop(struct stream *stream);
/* All of it is history no longer. */
void stream_end_history(struct stream *stream);
/* No more than so many of it are. */
void stream_limit_history(struct stream *stream, uint32_t most);
/* Gives back memory that a burst has taken. */
void stream_shrink(struct stream *stream);

struct streams {
	struct hash_key key;
	struct stream **buckets;
	uint32_t n_buckets; /* a power of 2; fixed */
	uint32_t n;
};

/* For so many streams. WSD_OK or -ENOMEM. */
int streams_init(struct streams *streams, uint32_t most);
void streams_deinit(struct streams *streams); /* frees all; a zeroed one is fine */

struct stream *streams_find(const struct streams *streams, struct slice name); /* NULL: there is none */
/* A new one without entries. NULL: out of memory. */
struct stream *streams_add(struct streams *streams, struct slice name, const char *epoch);
/* Nobody uses it. */
void streams_remove(struct streams *streams, struct stream *stream);

#endif
