/* SPDX-License-Identifier: MIT */
/* What the files of the broker share. All that is called ..._locked needs the mutex. */
#ifndef WSD_BROKER_BROKER_PRIV_H
#define WSD_BROKER_BROKER_PRIV_H

#include <pthread.h>

#include "broker/broker.h"
#include "broker/idempotency.h"
#include "broker/presence.h"
#include "broker/records.h"
#include "broker/streams.h"

struct broker {
	pthread_mutex_t mutex; /* [lock: mutex] is all of this but what is marked */
	struct records *records;
	struct streams streams;
	struct presence presence;
	struct idempotency idempotency;
	uint32_t channels_max; /* [const after start] */
	uint32_t hand;         /* the bucket that is looked at next for what has expired */
	uint64_t born;         /* what is before this place of the log was written by another process */
	bool stopped;
	struct broker_stats stats;
	struct broker_stats told; /* [thread of broker_tell_metrics()] */
};

struct broker_listener {
	struct broker *broker;
	void (*wake)(void *arg);
	void *arg;
	struct list news; /* of interests */
	unsigned n_interests;
};

struct broker_interest {
	struct broker_listener *listener;
	struct stream *stream;
	void *owner;
	uint64_t next; /* the number of the entry that is to be read next */
	struct list in_stream, in_news;
	uint32_t subscribers;
};

/* ---- retain.c -------------------------------------------------------------------------------- */

/* Takes up the records of another process: ours, or to be copied from a log of another size. WSD_OK, -ENOMEM, or
 * WSD_E_MALFORMED. */
int broker_take_up_locked(struct broker *broker, struct records *from, uint64_t now_ms);
/* The stream's position goes into the log, as one of which nothing before is kept. */
void broker_note_position_locked(struct broker *broker, struct stream *stream);
/* The log says of the stream what holds of its life. */
void broker_note_life_locked(struct broker *broker, struct stream *stream);
/* Room for a record of that size, and for a position behind it: the oldest ones go. At most a quarter of the log. */
void broker_make_room_locked(struct broker *broker, size_t size);

/* ---- broker.c -------------------------------------------------------------------------------- */

/* So much later; never UINT64_MAX. */
uint64_t broker_later(uint64_t now_ms, uint64_t ms);
/* The channel's stream, which is made if there is none. WSD_OK, WSD_E_FULL, WSD_E_CLOSED or -ENOMEM. */
int broker_stream_locked(struct broker *broker, struct slice channel, uint64_t now_ms, struct stream **out);
/* It is not in use. The log says that it has ended, so that no older record brings it back. */
void broker_end_stream_locked(struct broker *broker, struct stream *stream);
/* Its position is known for a minute from now, or longer, and for as long as it is used. */
void broker_keep_stream_locked(struct broker *broker, struct stream *stream, uint64_t now_ms);
/* What has expired or is too old goes. */
void broker_trim_locked(struct broker *broker, struct stream *stream, uint64_t now_ms);
/* The event of a stream's entry. */
struct broker_event broker_event_locked(const struct broker *broker, uint64_t entry);

static inline struct record_event *
broker_record_locked(const struct broker *broker, uint64_t entry)
{
	return (struct record_event *)records_at(broker->records, entry_place(entry));
}

static inline void
broker_position_locked(const struct stream *stream, struct broker_position *out)
{
	*out = (struct broker_position){ .offset = stream->offset };
	__builtin_memcpy(out->epoch, stream->epoch, BROKER_EPOCH_LEN);
}

/* ---- listen.c -------------------------------------------------------------------------------- */

void broker_tell_news_locked(struct stream *stream);

#endif
