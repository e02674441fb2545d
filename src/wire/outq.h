/* SPDX-License-Identifier: MIT */
/*
 * What waits for a client that reads too slowly: whole frames in order, bounded by the caller. What is the client's own
 * is copied into chunks on the heap; to what many are sent the queue refers. An empty queue holds no memory. Hub's
 * thread, or whoever makes the wire.
 */
#ifndef WSD_WIRE_OUTQ_H
#define WSD_WIRE_OUTQ_H

#include <stddef.h>

#define OUTQ_GATHER 16384 /* most that is put together, or taken of a run of frames, to be written at once */

struct outq_chunk;
struct wire_frames;

struct outq {
	struct outq_chunk *first, *last;
	size_t bytes;
};

/* Copies the bytes to the end. WSD_OK, or -ENOMEM (then the queue is as it was). */
int outq_append(struct outq *q, const char *data, size_t len);

/* The same for what is in the run from there on, where a frame begins; refers to it, if that is worth it. */
int outq_append_frames(struct outq *q, struct wire_frames *frames, size_t from);

/* What is to be written next, whole frames, in *at: where it lies, or put together in space, which has OUTQ_GATHER
 * bytes. Returns how much; 0 if the queue is empty. */
size_t outq_peek(const struct outq *q, char *space, const char **at);

/* Drops as much as outq_peek() returned. */
void outq_drop(struct outq *q, size_t len);

/* Copies all of it to out, which has q->bytes; returns that. */
size_t outq_copy(const struct outq *q, char *out);

void outq_clear(struct outq *q);

#endif
