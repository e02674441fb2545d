/* SPDX-License-Identifier: MIT */
/* Send queue of one connection. */
#include "wire/outq.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "wire/frames.h"
#include "wire/wire.h"

/* Large enough that a full queue is a few writes, small enough that one late answer costs little. */
#define CHUNK_MIN  1024
#define CHUNK_MOST 65536

/* A shorter run is copied: a reference takes about as much. */
#define REFER_MIN 128

struct outq_chunk {
	struct outq_chunk *next;
	struct wire_frames *frames; /* that it refers to; NULL: the bytes are its own */
	size_t start, end, room;    /* no room but in its own */
	char data[];
};

static struct outq_chunk *
chunk_create(size_t room)
{
	struct outq_chunk *chunk = malloc(sizeof(*chunk) + room);

	if (chunk)
		*chunk = (struct outq_chunk){ .room = room };
	return chunk;
}

static void
chunk_free(struct outq_chunk *chunk)
{
	wire_frames_put(&chunk->frames);
	free(chunk);
}

static size_t
left(const struct outq_chunk *chunk)
{
	return chunk->end - chunk->start;
}

static const char *
bytes(const struct outq_chunk *chunk)
{
	return (chunk->frames ? chunk->frames->data : chunk->data) + chunk->start;
}

static void
add_chunk(struct outq *q, struct outq_chunk *chunk)
{
	if (q->last)
		q->last->next = chunk;
	else
		q->first = chunk;
	q->last = chunk;
}

/* Of the next chunk: they grow with what is copied one after the other. Behind a reference there may be no more of it
 * than this. */
static size_t
next_room(const struct outq_chunk *last, size_t need)
{
	size_t room = !last ? CHUNK_MIN : last->frames ? need : 2 * last->room;

	if (room > CHUNK_MOST)
		room = CHUNK_MOST;
	return room < need ? need : room;
}

int
outq_append(struct outq *q, const char *data, size_t len)
{
	struct outq_chunk *chunk = q->last;

	if (!chunk || chunk->frames || chunk->room - chunk->end < len) {
		chunk = chunk_create(next_room(chunk, len));
		if (!chunk)
			return -ENOMEM;
		add_chunk(q, chunk);
	}
	memcpy(chunk->data + chunk->end, data, len);
	chunk->end += len;
	q->bytes += len;
	return WSD_OK;
}

int
outq_append_frames(struct outq *q, struct wire_frames *frames, size_t from)
{
	struct outq_chunk *chunk;

	if (frames->len - from < REFER_MIN)
		return outq_append(q, frames->data + from, frames->len - from);
	chunk = chunk_create(0);
	if (!chunk)
		return -ENOMEM;
	chunk->frames = wire_frames_get(frames);
	chunk->start = from;
	chunk->end = frames->len;
	add_chunk(q, chunk);
	q->bytes += left(chunk);
	return WSD_OK;
}

size_t
outq_peek(const struct outq *q, char *space, const char **at)
{
	const struct outq_chunk *chunk = q->first;
	size_t len = 0;

	if (!chunk)
		return 0;
	if (!chunk->next || left(chunk) + left(chunk->next) > OUTQ_GATHER) {
		*at = bytes(chunk);
		return chunk->frames ? frames_piece(chunk->frames, chunk->start, OUTQ_GATHER) : left(chunk);
	}
	for (; chunk && len + left(chunk) <= OUTQ_GATHER; chunk = chunk->next) {
		memcpy(space + len, bytes(chunk), left(chunk));
		len += left(chunk);
	}
	*at = space;
	return len;
}

void
outq_drop(struct outq *q, size_t len)
{
	q->bytes -= len;
	while (len > 0) {
		struct outq_chunk *chunk = q->first;
		size_t n;

		CHECK(chunk);
		n = left(chunk) < len ? left(chunk) : len;
		chunk->start += n;
		len -= n;
		if (left(chunk) > 0)
			return;
		q->first = chunk->next;
		if (!q->first)
			q->last = NULL;
		chunk_free(chunk);
	}
}

size_t
outq_copy(const struct outq *q, char *out)
{
	size_t len = 0;

	for (const struct outq_chunk *chunk = q->first; chunk; chunk = chunk->next) {
		memcpy(out + len, bytes(chunk), left(chunk));
		len += left(chunk);
	}
	return len;
}

void
outq_clear(struct outq *q)
{
	while (q->first) {
		struct outq_chunk *next = q->first->next;

		chunk_free(q->first);
		q->first = next;
	}
	q->last = NULL;
	q->bytes = 0;
}
