/* SPDX-License-Identifier: MIT */
/* Send queue of one connection. */
#include "wire/outq.h"

#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "base/check.h"
#include "base/err.h"

/* Large enough that a full queue is a few writes, small enough that one late answer costs little. */
#define CHUNK_MIN  1024
#define CHUNK_MOST 65536

struct outq_chunk {
	struct outq_chunk *next;
	size_t start, end, room;
	char data[]; /* LWS_PRE spare bytes, then room */
};

static struct outq_chunk *
chunk_create(size_t need, size_t queued)
{
	size_t room = queued < CHUNK_MOST ? queued : CHUNK_MOST; /* grow with the queue */
	struct outq_chunk *chunk;

	if (room < CHUNK_MIN)
		room = CHUNK_MIN;
	if (room < need)
		room = need;
	chunk = malloc(sizeof(*chunk) + LWS_PRE + room);
	if (!chunk)
		return NULL;
	chunk->next = NULL;
	chunk->start = chunk->end = 0;
	chunk->room = room;
	return chunk;
}

int
outq_append(struct outq *q, const char *data, size_t len)
{
	struct outq_chunk *chunk = q->last;

	if (!chunk || chunk->room - chunk->end < len) {
		chunk = chunk_create(len, q->bytes);
		if (!chunk)
			return -ENOMEM;
		if (q->last)
			q->last->next = chunk;
		else
			q->first = chunk;
		q->last = chunk;
	}
	memcpy(chunk->data + LWS_PRE + chunk->end, data, len);
	chunk->end += len;
	q->bytes += len;
	return WSD_OK;
}

size_t
outq_peek(struct outq *q, char **at)
{
	struct outq_chunk *chunk = q->first;

	if (!chunk)
		return 0;
	*at = chunk->data + LWS_PRE + chunk->start;
	return chunk->end - chunk->start;
}

void
outq_drop(struct outq *q, size_t len)
{
	struct outq_chunk *chunk = q->first;

	CHECK(chunk && len <= chunk->end - chunk->start);
	chunk->start += len;
	q->bytes -= len;
	if (chunk->start < chunk->end)
		return;
	q->first = chunk->next;
	if (!q->first)
		q->last = NULL;
	free(chunk);
}

size_t
outq_copy(const struct outq *q, char *out)
{
	size_t len = 0;

	for (const struct outq_chunk *chunk = q->first; chunk; chunk = chunk->next) {
		memcpy(out + len, chunk->data + LWS_PRE + chunk->start, chunk->end - chunk->start);
		len += chunk->end - chunk->start;
	}
	return len;
}

void
outq_clear(struct outq *q)
{
	while (q->first) {
		struct outq_chunk *next = q->first->next;

		free(q->first);
		q->first = next;
	}
	q->last = NULL;
	q->bytes = 0;
}
