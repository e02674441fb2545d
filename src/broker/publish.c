/* SPDX-License-Identifier: MIT */
/* Publishing. Whatever can fail comes first; then the publication is in the log, and with it in the stream. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "broker/broker_priv.h"
#include "channel/rules.h"

/* All that a publication is, as it goes into its record. */
struct draft {
	const struct broker_publish *publish;
	struct slice texts[RECORD_TEXTS];
	size_t size;
	uint64_t now_ms;
};

static void
fill_texts(struct record_event *e, struct slice name, const struct slice texts[RECORD_TEXTS])
{
	char *at = (char *)(e + 1);

	memcpy(at, name.at, name.len);
	at += name.len;
	for (size_t i = 0; i < RECORD_TEXTS; i++) {
		e->lens[i] = (uint32_t)texts[i].len;
		if (texts[i].len > 0)
			memcpy(at, texts[i].at, texts[i].len);
		at += texts[i].len;
	}
}

static void
write_event(struct broker *broker, struct stream *stream, const struct draft *d, bool history)
{
	const struct broker_publish *p = d->publish;
	struct record_event *e = (struct record_event *)records_begin(broker->records, d->size);

	e->head.kind = (uint8_t)p->kind;
	e->head.known_ms = stream->known_ms | (stream_in_use(stream) ? RECORD_IN_USE : 0);
	e->head.name_len = stream->name_len;
	e->head.offset = stream->offset;
	memcpy(e->head.epoch, stream->epoch, BROKER_EPOCH_LEN);
	e->time_ms = clock_real_ms();
	e->mono_ms = d->now_ms;
	e->history_until = history ? stream->history_until : 0;
	e->silent_for = (uintptr_t)p->silent_for;
	e->history_size = history ? p->options->history_size : 0;
	fill_texts(e, stream_name(stream), d->texts);
	stream->newest = records_commit(broker->records);
}

/* How long its position is known after a publication. */
static uint64_t
known_until(const struct channel_options *o, uint64_t now_ms)
{
	uint64_t ms = BROKER_RECENT_MS;

	if (channel_has_history(o) && o->history_meta_ttl_ms > ms)
		ms = o->history_meta_ttl_ms;
	return broker_later(now_ms, ms);
}

static void
add_publication(struct broker *broker, struct stream *stream, const struct draft *d)
{
	const struct channel_options *o = d->publish->options;
	bool history = channel_has_history(o) && !d->publish->skip_history;
	uint64_t known = known_until(o, d->now_ms);

	stream->offset++;
	if (stream->known_ms < known)
		stream->known_ms = known;
	if (history)
		stream->history_until = broker_later(d->now_ms, o->history_ttl_ms);
	write_event(broker, stream, d, history);
	stream_append(stream, stream->newest, ENTRY_PUBLICATION | (history ? ENTRY_HISTORY : 0));
	if (history)
		stream_limit_history(stream, o->history_size);
	broker->stats.published++;
}

static int
publish_locked(struct broker *broker, const struct draft *d, struct broker_position *at)
{
	struct slice channel = d->publish->channel, key_text = d->texts[RECORD_KEY];
	struct idempotency_key *key = NULL;
	struct stream *stream;
	int rc;

	if (broker->stopped)
		return WSD_E_CLOSED;
	if (d->size > records_bytes(broker->records) / 4)
		return WSD_E_TOO_LARGE;
	if (key_text.len > 0 && idempotency_find(&broker->idempotency, channel, key_text, d->now_ms, at)) {
		broker->stats.idempotent++;
		return WSD_OK;
	}
	rc = broker_stream_locked(broker, channel, d->now_ms, &stream);
	if (rc == WSD_OK)
		rc = stream_reserve(stream);
	if (rc == WSD_OK && key_text.len > 0) {
		key = idempotency_make(&broker->idempotency, channel, key_text);
		rc = key ? WSD_OK : -ENOMEM;
	}
	if (rc != WSD_OK)
		return rc;
	broker_trim_locked(broker, stream, d->now_ms); /* what has expired is not made history again */
	broker_make_room_locked(broker, d->size);
	add_publication(broker, stream, d);
	if (key)
		idempotency_add(&broker->idempotency, key, d->now_ms, stream->epoch, stream->offset);
	broker_tell_news_locked(stream);
	broker_position_locked(stream, at);
	return WSD_OK;
}

/* Joins and leaves are for those who listen just now. */
static int
announce_locked(struct broker *broker, const struct draft *d, struct broker_position *at)
{
	struct stream *stream = streams_find(&broker->streams, d->publish->channel);
	int rc;

	if (broker->stopped)
		return WSD_E_CLOSED;
	if (d->size > records_bytes(broker->records) / 4)
		return WSD_E_TOO_LARGE;
	if (!stream || list_empty(&stream->interests))
		return WSD_OK;
	rc = stream_reserve(stream);
	if (rc != WSD_OK)
		return rc;
	broker_make_room_locked(broker, d->size);
	write_event(broker, stream, d, false);
	stream_append(stream, stream->newest, 0);
	broker_trim_locked(broker, stream, d->now_ms);
	broker_tell_news_locked(stream);
	broker_position_locked(stream, at);
	return WSD_OK;
}

int
broker_publish(struct broker *broker, const struct broker_publish *p, struct broker_position *at)
{
	const struct broker_info *info = &p->info;
	struct draft d = { .publish = p, .now_ms = clock_mono_ms() };
	int rc;

	CHECK(p->channel.len > 0 && p->channel.len <= RECORD_NAME_MAX);
	d.texts[RECORD_CLIENT] = info->client;
	d.texts[RECORD_USER] = info->user;
	d.texts[RECORD_CONN_INFO] = info->conn_info;
	d.texts[RECORD_CHAN_INFO] = info->chan_info;
	if (p->kind == BROKER_PUBLICATION) {
		d.texts[RECORD_DATA] = p->data;
		d.texts[RECORD_TAGS] = p->tags;
		d.texts[RECORD_KEY] = p->idempotency_key;
	}
	d.size = record_size(d.texts, (uint8_t)p->channel.len);
	*at = (struct broker_position){ 0 };
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	rc = p->kind == BROKER_PUBLICATION ? publish_locked(broker, &d, at) : announce_locked(broker, &d, at);
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	return rc;
}
