/* SPDX-License-Identifier: MIT */
/* The broker's beginning and end, the life of streams, presence, and what operators are told. */
#include "broker/broker.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "broker/broker_priv.h"
#include "log/log.h"
#include "metrics/metrics.h"

#define SWEEP_TICKS   8    /* that it takes to look at all streams for what has expired */
#define SWEEP_BUCKETS 512  /* at most, before others get the lock */
#define SWEEP_KEYS    1024 /* the same of idempotency keys */
#define EVICT_BUCKETS 256  /* that are looked at for a stream to end, when there are too many */
#define FAR_MS        (1ull << 62)

uint64_t
broker_later(uint64_t now_ms, uint64_t ms)
{
	return ms < FAR_MS - now_ms ? now_ms + ms : FAR_MS;
}

/* ---- streams --------------------------------------------------------------------------------- */

static void
make_epoch(char epoch[BROKER_EPOCH_LEN])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8_t random[BROKER_EPOCH_LEN];

	fd_random(random, sizeof(random));
	for (int i = 0; i < BROKER_EPOCH_LEN; i++)
		epoch[i] = letters[random[i] % (sizeof(letters) - 1)];
}

void
broker_end_stream_locked(struct broker *broker, struct stream *stream)
{
	records_at(broker->records, stream->newest)->known_ms = RECORD_ENDED;
	streams_remove(&broker->streams, stream);
}

/* Nobody would miss it, or not for longer than a minute. */
static bool
is_idle(const struct stream *stream, uint64_t now_ms, uint64_t known_most)
{
	return !stream_in_use(stream) && stream->history_until <= now_ms && stream->known_ms <= known_most;
}

/* Ends what can be ended of the next bucket. */
static void
sweep_bucket(struct broker *broker, uint64_t now_ms, uint64_t known_most)
{
	struct stream *next, *s = broker->streams.buckets[broker->hand];

	broker->hand = (broker->hand + 1) & (broker->streams.n_buckets - 1);
	for (; s; s = next) {
		next = s->next;
		broker_trim_locked(broker, s, now_ms);
		stream_shrink(s);
		if (is_idle(s, now_ms, known_most))
			broker_end_stream_locked(broker, s);
	}
}

/* There are as many channels as there may be: those that live for a minute only, since somebody has named them, make
 * way. */
static bool
evict(struct broker *broker, uint64_t now_ms)
{
	for (int i = 0; i < EVICT_BUCKETS && broker->streams.n >= broker->channels_max; i++)
		sweep_bucket(broker, now_ms, broker_later(now_ms, BROKER_RECENT_MS));
	return broker->streams.n < broker->channels_max;
}

int
broker_stream_locked(struct broker *broker, struct slice channel, uint64_t now_ms, struct stream **out)
{
	struct stream *stream = streams_find(&broker->streams, channel);
	char epoch[BROKER_EPOCH_LEN];

	*out = stream;
	if (stream)
		return WSD_OK;
	CHECK(channel.len > 0 && channel.len <= RECORD_NAME_MAX);
	if (broker->stopped)
		return WSD_E_CLOSED;
	if (broker->streams.n >= broker->channels_max && !evict(broker, now_ms))
		return WSD_E_FULL;
	make_epoch(epoch);
	stream = streams_add(&broker->streams, channel, epoch);
	if (!stream)
		return -ENOMEM;
	stream->known_ms = broker_later(now_ms, BROKER_RECENT_MS);
	stream->newest = UINT64_MAX;
	broker_note_position_locked(broker, stream);
	*out = stream;
	return WSD_OK;
}

void
broker_keep_stream_locked(struct broker *broker, struct stream *stream, uint64_t now_ms)
{
	uint64_t until = broker_later(now_ms, BROKER_RECENT_MS);

	if (stream->known_ms < until)
		stream->known_ms = until;
	broker_note_life_locked(broker, stream);
}

void
broker_trim_locked(struct broker *broker, struct stream *stream, uint64_t now_ms)
{
	if (stream->history_until <= now_ms)
		stream_end_history(stream);
	while (stream->first < stream->history_from &&
	       broker_record_locked(broker, *stream_entry(stream, stream->first))->mono_ms + BROKER_RECENT_MS <= now_ms)
		stream_pop(stream);
}

struct broker_event
broker_event_locked(const struct broker *broker, uint64_t entry)
{
	const struct record_event *e = broker_record_locked(broker, entry);
	struct slice texts[RECORD_TEXTS];

	record_texts(e, texts);
	return (struct broker_event){
		.kind = (enum broker_kind)e->head.kind,
		.offset = e->head.kind == BROKER_PUBLICATION ? e->head.offset : 0,
		.time_ms = e->time_ms,
		.epoch = e->head.epoch,
		.data = texts[RECORD_DATA],
		.tags = texts[RECORD_TAGS],
		.info = { texts[RECORD_CLIENT], texts[RECORD_USER], texts[RECORD_CONN_INFO], texts[RECORD_CHAN_INFO] },
		.silent_for = entry_place(entry) >= broker->born ? (const void *)(uintptr_t)e->silent_for : NULL,
	};
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int
make_empty(struct broker *broker, const struct broker_setup *setup)
{
	int rc = records_create(&broker->records, setup->log_bytes);

	if (rc == WSD_OK)
		rc = streams_init(&broker->streams, setup->channels_max);
	return rc == WSD_OK ? idempotency_init(&broker->idempotency) : rc;
}

static void
make_nothing(struct broker *broker)
{
	presence_deinit(&broker->presence);
	idempotency_deinit(&broker->idempotency);
	streams_deinit(&broker->streams);
	records_destroy(&broker->records);
}

/* The log of another process goes on, or, if it has another size, what is in it. */
static int
use_log(struct broker *broker, int fd)
{
	struct records *fresh = broker->records, *left;
	int rc = records_open(&left, fd);

	if (rc != WSD_OK)
		return rc;
	if (records_bytes(left) == records_bytes(fresh))
		broker->records = left;
	rc = broker_take_up_locked(broker, left, clock_mono_ms());
	records_destroy(broker->records == left ? &fresh : &left);
	return rc;
}

int
broker_create(struct broker **out, const struct broker_setup *setup)
{
	struct broker *broker = calloc(1, sizeof(*broker));
	int fd = setup->log_fd, rc = broker ? WSD_OK : -ENOMEM;

	*out = NULL;
	if (rc == WSD_OK && setup->log_bytes / BROKER_LOG_BYTES_A_CHANNEL < setup->channels_max)
		rc = WSD_E_RANGE;
	if (rc == WSD_OK) {
		broker->channels_max = setup->channels_max;
		rc = make_empty(broker, setup);
	}
	if (rc == WSD_OK && fd != -1) {
		rc = use_log(broker, fd);
		fd = -1;
		if (rc != WSD_OK && rc != -ENOMEM) {
			log_warn("the channels that were left cannot be used, all begin anew (%s)", wsd_strerror(rc));
			make_nothing(broker);
			rc = make_empty(broker, setup);
		}
	}
	fd_close(&fd);
	if (rc != WSD_OK) {
		if (broker)
			make_nothing(broker);
		free(broker);
		return rc;
	}
	broker->born = records_end(broker->records);
	CHECK_ZERO(pthread_mutex_init(&broker->mutex, NULL));
	*out = broker;
	return WSD_OK;
}

void
broker_destroy(struct broker **broker)
{
	if (!*broker)
		return;
	make_nothing(*broker);
	CHECK_ZERO(pthread_mutex_destroy(&(*broker)->mutex));
	free(*broker);
	*broker = NULL;
}

int
broker_log_fd(const struct broker *broker)
{
	return records_fd(broker->records);
}

void
broker_stop(struct broker *broker)
{
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	broker->stopped = true;
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

/* Who has come or gone meanwhile is not in the log yet. */
void
broker_go_on(struct broker *broker)
{
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	broker->stopped = false;
	for (uint32_t i = 0; i < broker->streams.n_buckets; i++)
		for (struct stream *s = broker->streams.buckets[i]; s; s = s->next)
			broker_note_life_locked(broker, s);
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

/* ---- clocks ---------------------------------------------------------------------------------- */

static void
sweep(struct broker *broker, uint64_t now_ms)
{
	uint32_t left = (broker->streams.n_buckets + SWEEP_TICKS - 1) / SWEEP_TICKS;

	while (left > 0) {
		uint32_t n = left < SWEEP_BUCKETS ? left : SWEEP_BUCKETS;

		left -= n;
		CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
		for (; n > 0 && !broker->stopped; n--)
			sweep_bucket(broker, now_ms, now_ms);
		CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	}
}

void
broker_tick(struct broker *broker)
{
	uint64_t now_ms = clock_mono_ms();
	bool more;

	sweep(broker, now_ms);
	do {
		CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
		more = idempotency_expire(&broker->idempotency, now_ms, SWEEP_KEYS);
		CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	} while (more);
}

/* ---- presence -------------------------------------------------------------------------------- */

int
broker_presence_add(struct broker *broker, struct slice channel, const struct broker_info *info)
{
	struct stream *stream;
	uint64_t now_ms = clock_mono_ms();
	int rc;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	rc = broker_stream_locked(broker, channel, now_ms, &stream);
	if (rc == WSD_OK)
		rc = presence_add(&broker->presence, stream, info);
	if (rc == WSD_OK)
		broker_keep_stream_locked(broker, stream, now_ms);
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	return rc;
}

void
broker_presence_remove(struct broker *broker, struct slice channel, struct slice client)
{
	struct stream *stream;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	stream = streams_find(&broker->streams, channel);
	if (stream) {
		presence_remove(&broker->presence, stream, client);
		broker_keep_stream_locked(broker, stream, clock_mono_ms());
	}
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

void
broker_presence_each(struct broker *broker, struct slice channel,
		     void (*each)(void *arg, const struct broker_info *info), void *arg)
{
	struct stream *stream;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	stream = streams_find(&broker->streams, channel);
	if (stream)
		presence_each(stream, each, arg);
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

void
broker_presence_stats(struct broker *broker, struct slice channel, uint32_t *clients, uint32_t *users)
{
	struct stream *stream;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	stream = streams_find(&broker->streams, channel);
	*clients = stream ? stream->n_members : 0;
	*users = stream ? stream->n_users : 0;
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

/* ---- for operators --------------------------------------------------------------------------- */

void
broker_stats(struct broker *broker, struct broker_stats *out)
{
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	*out = broker->stats;
	out->channels = broker->streams.n;
	out->log_bytes_used = records_bytes(broker->records) - records_room(broker->records);
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}

void
broker_tell_metrics(struct broker *broker, struct metrics_shard *shard)
{
	struct broker_stats now;

	broker_stats(broker, &now);
	metrics_set(shard, METRIC_CHANNELS, (int64_t)now.channels);
	metrics_set(shard, METRIC_SUBSCRIPTIONS, (int64_t)now.subscriptions);
	metrics_set(shard, METRIC_CHANNEL_LOG_BYTES, (int64_t)now.log_bytes_used);
	metrics_add(shard, METRIC_PUBLICATIONS, (int64_t)(now.published - broker->told.published));
	metrics_add(shard, METRIC_PUBLICATIONS_REPEATED, (int64_t)(now.idempotent - broker->told.idempotent));
	metrics_add(shard, METRIC_CHANNEL_LOG_DROPPED, (int64_t)(now.log_dropped - broker->told.log_dropped));
	broker->told = now;
}

void
broker_channels_each(struct broker *broker, void (*each)(void *arg, struct slice channel, uint32_t subscribers),
		     void *arg)
{
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	for (uint32_t i = 0; i < broker->streams.n_buckets; i++)
		for (struct stream *s = broker->streams.buckets[i]; s; s = s->next) {
			uint32_t n = 0;

			list_foreach (node, &s->interests)
				n += LIST_ENTRY(node, struct broker_interest, in_stream)->subscribers;
			if (n > 0)
				each(arg, stream_name(s), n);
		}
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
}
