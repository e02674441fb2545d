/* SPDX-License-Identifier: MIT */
/*
 * What the log has to hold, and how it is made good use of by the next process. As the log turns, the oldest record is
 * given up; if it was the newest of a stream that lives, a short one with its position is written first. So there is
 * never more than a position's worth of work for what is dropped, and no stream can be forgotten by the log while it
 * lives.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "broker/broker_priv.h"

static uint64_t
life_of(const struct stream *stream)
{
	return stream->known_ms | (stream_in_use(stream) ? RECORD_IN_USE : 0);
}

/* There is room: broker_make_room_locked() has left it. */
static void
write_position(struct broker *broker, struct stream *stream)
{
	struct record *r = records_begin(broker->records, record_size(NULL, stream->name_len));

	r->kind = RECORD_POSITION;
	r->known_ms = life_of(stream);
	r->name_len = stream->name_len;
	r->offset = stream->offset;
	memcpy(r->epoch, stream->epoch, BROKER_EPOCH_LEN);
	memcpy(r + 1, stream->name, stream->name_len);
	stream->newest = records_commit(broker->records);
}

static struct stream *
stream_of(const struct broker *broker, const struct record *r)
{
	struct stream *stream = streams_find(&broker->streams, record_name(r));

	return stream && memcmp(stream->epoch, r->epoch, BROKER_EPOCH_LEN) == 0 ? stream : NULL;
}

static void
drop_first(struct broker *broker)
{
	uint64_t place = records_first(broker->records);
	struct stream *stream = stream_of(broker, records_at(broker->records, place));

	if (stream && stream->first < stream->end && entry_place(*stream_entry(stream, stream->first)) == place) {
		if (stream->first == stream->history_from && stream->history_until > clock_mono_ms())
			broker->stats.log_dropped++;
		stream_pop(stream);
	}
	if (stream && stream->newest == place)
		write_position(broker, stream);
	records_drop_first(broker->records);
}

void
broker_make_room_locked(struct broker *broker, size_t size)
{
	while (records_room(broker->records) < size + RECORD_POSITION_MAX)
		drop_first(broker);
}

void
broker_note_position_locked(struct broker *broker, struct stream *stream)
{
	broker_make_room_locked(broker, record_size(NULL, stream->name_len));
	write_position(broker, stream);
}

void
broker_note_life_locked(struct broker *broker, struct stream *stream)
{
	if (!broker->stopped)
		records_at(broker->records, stream->newest)->known_ms = life_of(stream);
}

/* ---- taking up ------------------------------------------------------------------------------- */

/* Into a log of another size. */
static uint64_t
copy_record(struct broker *broker, const struct record *r)
{
	size_t size = r->size;
	struct record *copy;

	broker_make_room_locked(broker, size);
	copy = records_begin(broker->records, size);
	memcpy(copy, r, size);
	return records_commit(broker->records);
}

/* The stream that the record is of, as it was just before; NULL: there is no use for the record. */
static int
stream_before(struct broker *broker, const struct record *r, struct stream **out)
{
	struct slice name = record_name(r);
	struct stream *stream = streams_find(&broker->streams, name);

	*out = NULL;
	if (stream && (r->known_ms == RECORD_ENDED || memcmp(stream->epoch, r->epoch, BROKER_EPOCH_LEN) != 0)) {
		broker_end_stream_locked(broker, stream);
		stream = NULL;
	}
	if (r->known_ms == RECORD_ENDED || (!stream && broker->streams.n >= broker->channels_max))
		return WSD_OK;
	if (!stream) {
		stream = streams_add(&broker->streams, name, r->epoch);
		if (!stream)
			return -ENOMEM;
		stream->newest = UINT64_MAX;
	}
	*out = stream;
	return stream_reserve(stream);
}

static void
take_publication(struct stream *stream, const struct record_event *e)
{
	stream_append(stream, stream->newest, ENTRY_PUBLICATION | (e->history_until > 0 ? ENTRY_HISTORY : 0));
	if (e->history_until > 0) {
		stream->history_until = e->history_until;
		stream_limit_history(stream, e->history_size);
	}
}

static int
take_key(struct broker *broker, const struct record_event *e, uint64_t now_ms)
{
	struct slice texts[RECORD_TEXTS];
	struct idempotency_key *key;

	record_texts(e, texts);
	if (texts[RECORD_KEY].len == 0 || broker_later(e->mono_ms, IDEMPOTENCY_TTL_MS) <= now_ms)
		return WSD_OK;
	key = idempotency_make(&broker->idempotency, record_name(&e->head), texts[RECORD_KEY]);
	if (!key)
		return -ENOMEM;
	idempotency_add(&broker->idempotency, key, e->mono_ms, e->head.epoch, e->head.offset);
	return WSD_OK;
}

/* One after the other as they were written. Of what is too large for a smaller log, the position alone remains. */
static int
take_record(struct broker *broker, struct records *from, uint64_t place, uint64_t now_ms)
{
	const struct record *r = records_at(from, place);
	const struct record_event *e = (const struct record_event *)r;
	bool in_use = (r->known_ms & RECORD_IN_USE) != 0;
	bool fits = from == broker->records || r->size <= records_bytes(broker->records) / 4;
	struct stream *stream;
	int rc = r->kind == RECORD_POSITION ? WSD_OK : take_key(broker, e, now_ms);

	if (rc == WSD_OK)
		rc = stream_before(broker, r, &stream);
	if (rc != WSD_OK || !stream)
		return rc;
	if (r->kind == BROKER_PUBLICATION)
		broker_trim_locked(broker, stream, e->mono_ms); /* what had expired then; the next one keeps the rest */
	stream->offset = r->offset;
	stream->known_ms = r->known_ms & ~RECORD_IN_USE;
	if (in_use && stream->known_ms < broker_later(now_ms, BROKER_RECENT_MS))
		stream->known_ms = broker_later(now_ms, BROKER_RECENT_MS);
	if (!fits)
		broker_note_position_locked(broker, stream);
	else
		stream->newest = from == broker->records ? place : copy_record(broker, r);
	if (r->kind == BROKER_PUBLICATION && fits) {
		take_publication(stream, e);
	} else if (r->kind == RECORD_POSITION || !fits) {
		stream_end_history(stream);
		while (stream->first < stream->end)
			stream_pop(stream);
	}
	return WSD_OK;
}

/* A process that was killed while it dropped the first record may have left no room behind the position that it has
 * written for it. */
static int
make_first_room(struct broker *broker)
{
	while (records_room(broker->records) < RECORD_POSITION_MAX) {
		uint64_t place = records_first(broker->records);
		struct stream *stream = stream_of(broker, records_at(broker->records, place));

		if (stream && stream->newest == place)
			return WSD_E_MALFORMED;
		drop_first(broker);
	}
	return WSD_OK;
}

int
broker_take_up_locked(struct broker *broker, struct records *from, uint64_t now_ms)
{
	int rc = WSD_OK;

	for (uint64_t at = records_first(from); rc == WSD_OK && at < records_end(from);
	     at += records_at(from, at)->size)
		rc = take_record(broker, from, at, now_ms);
	return rc == WSD_OK ? make_first_room(broker) : rc;
}
