/* SPDX-License-Identifier: MIT */
/* What a channel has published before. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "broker/broker_priv.h"

/* The first entry behind that offset, from this one on. Joins have the offset that held then, so that all are in
 * order. */
static uint64_t
entry_behind(const struct broker *broker, const struct stream *stream, uint64_t from, uint64_t offset)
{
	uint64_t end = stream->end;

	while (from < end) {
		uint64_t middle = from + (end - from) / 2;

		if (broker_record_locked(broker, *stream_entry(stream, middle))->head.offset > offset)
			end = middle;
		else
			from = middle + 1;
	}
	return from;
}

static uint64_t
oldest_entry(const struct stream *stream, bool recent)
{
	uint64_t from = recent ? stream->recent_from : stream->history_from;

	return from > stream->first ? from : stream->first;
}

static int
read_locked(const struct broker *broker, const struct stream *stream, const struct broker_range *range,
	    void (*each)(void *arg, const struct broker_event *event), void *arg)
{
	uint64_t from = oldest_entry(stream, range->recent), to = stream->end;
	unsigned wanted = range->recent ? ENTRY_PUBLICATION : ENTRY_HISTORY;
	int64_t left = range->limit < 0 ? INT64_MAX : range->limit;
	size_t bytes = 0;

	if (range->since_given && range->reverse)
		to = range->since.offset > 0 ? entry_behind(broker, stream, from, range->since.offset - 1) : from;
	else if (range->since_given)
		from = entry_behind(broker, stream, from, range->since.offset);
	while (from < to && left > 0) {
		uint64_t entry = *stream_entry(stream, range->reverse ? --to : from++);
		struct broker_event event;

		if (!(entry & wanted))
			continue;
		event = broker_event_locked(broker, entry);
		bytes += event.data.len;
		if (range->bytes_most > 0 && bytes > range->bytes_most)
			return WSD_E_TOO_LARGE;
		each(arg, &event);
		left--;
	}
	return WSD_OK;
}

int
broker_history(struct broker *broker, struct slice channel, const struct channel_options *options,
	       const struct broker_range *range, void (*each)(void *arg, const struct broker_event *event), void *arg,
	       struct broker_position *top)
{
	uint64_t now_ms = clock_mono_ms();
	struct stream *stream;
	int rc;

	(void)options;
	*top = (struct broker_position){ 0 };
	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	rc = broker_stream_locked(broker, channel, now_ms, &stream);
	if (rc == WSD_OK) {
		broker_keep_stream_locked(broker, stream, now_ms);
		broker_trim_locked(broker, stream, now_ms);
		broker_position_locked(stream, top);
		if (range->since_given && range->since.epoch[0] && strcmp(range->since.epoch, top->epoch) != 0)
			rc = WSD_E_UNKNOWN;
		else
			rc = read_locked(broker, stream, range, each, arg);
	}
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	return rc;
}

int
broker_history_remove(struct broker *broker, struct slice channel)
{
	struct stream *stream;
	int rc = WSD_OK;

	CHECK_ZERO(pthread_mutex_lock(&broker->mutex));
	stream = streams_find(&broker->streams, channel);
	if (stream && broker->stopped) {
		rc = WSD_E_CLOSED;
	} else if (stream) {
		stream_end_history(stream);
		stream->history_until = 0;
		stream->recent_from = stream->end;
		broker_note_position_locked(broker, stream);
	}
	CHECK_ZERO(pthread_mutex_unlock(&broker->mutex));
	return rc;
}
