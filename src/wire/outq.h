/* SPDX-License-Identifier: MIT */
/*
 * What waits for a client that reads too slowly: whole frames in order, in chunks on the heap, bounded by the
 * caller. An empty queue holds no memory. Hub's thread, or whoever makes the wire.
 */
#ifndef WSD_WIRE_OUTQ_H
#define WSD_WIRE_OUTQ_H

#include <stddef.h>

struct outq_chunk;

struct outq {
	struct outq_chunk *first, *last;
	size_t bytes;
};

/* Copies the bytes to the end. WSD_OK, or -ENOMEM (then the queue is as it was). */
int outq_append(struct outq *q, const char *data, size_t len);

/* The first run of bytes, in *at; 0 if the queue is empty. There are LWS_PRE spare bytes before *at. */
size_t outq_peek(struct outq *q, char **at);

/* Drops the first len bytes, at most what outq_peek() returned. */
void outq_drop(struct outq *q, size_t len);

/* Copies all of it to out, which has q->bytes; returns that. */
size_t outq_copy(const struct outq *q, char *out);

void outq_clear(struct outq *q);

#endif
