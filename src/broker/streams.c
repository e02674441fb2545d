/* SPDX-License-Identifier: MIT */
#include "broker/streams.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"

#define RING_LEAST 4

/* ---- entries --------------------------------------------------------------------------------- */

/* Into a ring of another size, in which each entry has its place by its number. */
static int
resize(struct stream *stream, uint32_t room)
{
	uint64_t *ring = malloc(room * sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	for (uint64_t n = stream->first; n < stream->end; n++)
		ring[n & (room - 1)] = *stream_entry(stream, n);
	free(stream->ring);
	stream->ring = ring;
	stream->room = room;
	return WSD_OK;
}

int
stream_reserve(struct stream *stream)
{
	if (stream->end - stream->first < stream->room)
		return WSD_OK;
	return resize(stream, stream->room > 0 ? 2 * stream->room : RING_LEAST);
}

void
stream_append(struct stream *stream, uint64_t place, unsigned marks)
{
	CHECK(stream->end - stream->first < stream->room);
	*stream_entry(stream, stream->end) = place | marks;
	if (marks & ENTRY_HISTORY) {
		if (stream->n_history == 0)
			stream->history_from = stream->end;
		stream->n_history++;
	}
	stream->end++;
	if (stream->n_history == 0)
		stream->history_from = stream->end;
}

/* The oldest entry of the history is none of it any more. */
static void
shorten_history(struct stream *stream)
{
	stream->n_history--;
	do
		stream->history_from++;
	while (stream->history_from < stream->end && !(*stream_entry(stream, stream->history_from) & ENTRY_HISTORY));
}

void
stream_pop(struct stream *stream)
{
	CHECK(stream->first < stream->end);
	if (stream->first == stream->history_from)
		shorten_history(stream);
	stream->first++;
}

void
stream_end_history(struct stream *stream)
{
	stream->n_history = 0;
	stream->history_from = stream->end;
}

void
stream_limit_history(struct stream *stream, uint32_t most)
{
	while (stream->n_history > most)
		shorten_history(stream);
}

void
stream_shrink(struct stream *stream)
{
	uint64_t n = stream->end - stream->first;

	if (n == 0) {
		free(stream->ring);
		stream->ring = NULL;
		stream->room = 0;
	} else if (stream->room > RING_LEAST && n <= stream->room / 4) {
		resize(stream, stream->room / 2); /* if there is no memory for it, it stays as large as it is */
	}
}

/* ---- the table ------------------------------------------------------------------------------- */

int
streams_init(struct streams *streams, uint32_t most)
{
	uint32_t n = 16;

	while (n < most && n < 1u << 31)
		n *= 2;
	*streams = (struct streams){ .buckets = calloc(n, sizeof(struct stream *)), .n_buckets = n };
	fd_random(&streams->key, sizeof(streams->key));
	return streams->buckets ? WSD_OK : -ENOMEM;
}

static void
free_stream(struct stream *stream)
{
	free(stream->ring);
	free(stream);
}

void
streams_deinit(struct streams *streams)
{
	for (uint32_t i = 0; streams->buckets && i < streams->n_buckets; i++)
		for (struct stream *s = streams->buckets[i], *next; s; s = next) {
			next = s->next;
			free_stream(s);
		}
	free(streams->buckets);
	*streams = (struct streams){ 0 };
}

struct stream *
streams_find(const struct streams *streams, struct slice name)
{
	uint64_t hash = hash_slice(&streams->key, name);
	struct stream *s = streams->buckets[hash & (streams->n_buckets - 1)];

	while (s && (s->hash != hash || s->name_len != name.len || memcmp(s->name, name.at, name.len) != 0))
		s = s->next;
	return s;
}

struct stream *
streams_add(struct streams *streams, struct slice name, const char *epoch)
{
	struct stream *s = calloc(1, sizeof(*s) + name.len);
	struct stream **bucket;

	if (!s)
		return NULL;
	s->hash = hash_slice(&streams->key, name);
	list_init(&s->interests);
	list_init(&s->members);
	memcpy(s->epoch, epoch, BROKER_EPOCH_LEN);
	s->name_len = (uint8_t)name.len;
	memcpy(s->name, name.at, name.len);
	bucket = &streams->buckets[s->hash & (streams->n_buckets - 1)];
	s->next = *bucket;
	*bucket = s;
	streams->n++;
	return s;
}

void
streams_remove(struct streams *streams, struct stream *stream)
{
	struct stream **at = &streams->buckets[stream->hash & (streams->n_buckets - 1)];

	CHECK(!stream_in_use(stream));
	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	streams->n--;
	free_stream(stream);
}
