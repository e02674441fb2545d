/* SPDX-License-Identifier: MIT */
/*
 * Frames are ours, written with LWS_WRITE_RAW. What the socket does not take waits in the wire's own queue,
 * which is bounded (libwebsockets holds at most one cork, or one frame, of its own on top). What is sent comes from the
 * cork (cork.c), or is a run of frames for many (frames.c). Hub's thread, but for what wire.h says.
 */
#include "wire/wire_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "wire/frames.h"

size_t
wire_queued(const struct wire *wire)
{
	return wire->queue ? wire->queue->bytes : 0;
}

void
wire_copy_queue(const struct wire *wire, char *out)
{
	if (wire->queue)
		outq_copy(wire->queue, out);
}

void
send_free_queue(struct wire *wire)
{
	if (!wire->queue)
		return;
	outq_clear(wire->queue);
	free(wire->queue);
	wire->queue = NULL;
}

void
wire_drop_queue(struct wire_hub *hub, struct wire *wire)
{
	metrics_add(hub->shard, METRIC_QUEUED_BYTES, -(int64_t)wire_queued(wire));
	send_free_queue(wire);
	note_queue(hub, wire, false);
}

static struct outq *
queue_of(struct wire *wire)
{
	if (!wire->queue)
		wire->queue = calloc(1, sizeof(*wire->queue));
	return wire->queue;
}

int
wire_preload(struct wire *wire, const char *frames, size_t len)
{
	return queue_of(wire) ? outq_append(wire->queue, frames, len) : -ENOMEM;
}

void
wire_behind_pong(struct wire *wire)
{
	wire->by_queue = true;
}

/* libwebsockets takes all of it: it holds what the socket does not take, and writes that first. The bytes it only
 * reads. False: the wire was killed. */
static bool
write_out(struct wire_hub *hub, struct wire *wire, const char *data, size_t len)
{
	note_write(hub, wire, len);
	if (lws_write(wire->lws, (unsigned char *)data, len, LWS_WRITE_RAW) >= 0)
		return true;
	wire_kill(hub, wire);
	return false;
}

/* As far as the socket takes it, or all: then libwebsockets keeps the rest, and writes it first. */
static void
drain_queue(struct wire_hub *hub, struct wire *wire, bool all)
{
	while (wire->queue && (all || !lws_partial_buffered(wire->lws))) {
		const char *at = NULL;
		/* Always whole frames: so the rest of the queue may be dropped at any time. */
		size_t len = outq_peek(wire->queue, hub->gathered, &at);

		if (len > 0 && !write_out(hub, wire, at, len))
			return;
		outq_drop(wire->queue, len);
		metrics_add(hub->shard, METRIC_QUEUED_BYTES, -(int64_t)len);
		if (wire->queue->bytes == 0)
			wire_drop_queue(hub, wire);
	}
}

static bool
fits(const struct wire_hub *hub, const struct wire *wire, size_t len)
{
	return wire->state != WIRE_OPEN || wire_queued(wire) + len <= hub->queue_most;
}

/* Nothing has to leave first. */
static bool
is_clear(const struct wire *wire)
{
	return !wire->queue && !wire->by_queue && !lws_partial_buffered(wire->lws);
}

/* frames: whose last bytes they are, or NULL: then they are at data. */
static void
enqueue(struct wire_hub *hub, struct wire *wire, const char *data, size_t len, struct wire_frames *frames)
{
	int rc = -ENOMEM;

	if (!fits(hub, wire, len))
		drain_queue(hub, wire, false); /* it may have waited for a pong only, or for the loop's next turn */
	if (wire->state == WIRE_GONE)
		return;
	if (!fits(hub, wire, len) && lws_partial_buffered(wire->lws)) {
		hub->events->overrun(hub->owner, wire);
		return;
	}
	if (queue_of(wire))
		rc = frames ? outq_append_frames(wire->queue, frames, frames->len - len)
			    : outq_append(wire->queue, data, len);
	if (rc != WSD_OK) {
		metrics_add(hub->shard, METRIC_ERROR_INTERNAL, 1);
		wire_kill(hub, wire);
		return;
	}
	metrics_add(hub->shard, METRIC_QUEUED_BYTES, (int64_t)len);
	note_queue(hub, wire, true);
	lws_callback_on_writable(wire->lws);
	pause_mind(hub, wire);
}

void
send_bytes(struct wire_hub *hub, struct wire *wire, const char *data, size_t len)
{
	metrics_add(hub->shard, METRIC_SENT_BYTES, (int64_t)len);
	if (!is_clear(wire))
		enqueue(hub, wire, data, len, NULL);
	else if (write_out(hub, wire, data, len))
		pause_mind(hub, wire);
}

bool
wire_send_frames(struct wire_hub *hub, struct wire *wire, struct wire_frames *frames)
{
	size_t rest = frames->len, len;

	if (cork_takes(wire) && cork_add(hub, wire, frames->data, rest))
		return true;
	if (!cork_takes(wire))
		return false;
	metrics_add(hub->shard, METRIC_SENT_BYTES, (int64_t)rest);
	/* In pieces, so that libwebsockets never holds much: it copies what it holds. */
	for (; rest > 0 && is_clear(wire); rest -= len) {
		len = frames_piece(frames, frames->len - rest, OUTQ_GATHER);
		if (!write_out(hub, wire, frames->data + frames->len - rest, len))
			return false;
	}
	if (rest > 0)
		enqueue(hub, wire, NULL, rest, frames);
	else
		pause_mind(hub, wire);
	return true;
}

void
send_writeable(struct wire_hub *hub, struct wire *wire)
{
	if (wire->state == WIRE_GONE || wire->state == WIRE_HELD)
		return;
	note_look(hub, wire); /* a pong has perhaps left, of which nothing else tells */
	if (wire->paused)
		hub->events->took(hub->owner, wire);
	if (wire->seeking && hub->cork.now.wire != wire) { /* else it is being read, and looked at when the turn ends */
		hub->writeable = wire;
		hub->events->boundary(hub->owner, wire);
		hub->writeable = NULL;
		if (wire->state == WIRE_HELD)
			return;
	}
	drain_queue(hub, wire, false);
	if (wire->state == WIRE_GONE)
		return;
	pause_mind(hub, wire);
	if (wire->queue) {
		lws_callback_on_writable(wire->lws);
		return;
	}
	wire->by_queue = false;
	if (wire->state == WIRE_LEAVING)
		due_close(hub, wire);
}

void
send_rest(struct wire_hub *hub, struct wire *wire)
{
	cork_release(hub, wire);
	wire->by_queue = false;
	drain_queue(hub, wire, true);
}

void
send_close(struct wire *wire, uint16_t code)
{
	char out[FRAME_CLOSE_LEN];
	size_t len = frame_close(out, code);

	lws_write(wire->lws, (unsigned char *)out, len, LWS_WRITE_RAW);
}
