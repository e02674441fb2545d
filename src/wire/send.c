/* SPDX-License-Identifier: MIT */
/*
 * Frames are ours, written with LWS_WRITE_RAW. What the socket does not take waits in the wire's own queue,
 * which is bounded (libwebsockets holds at most one cork of its own on top). What is sent comes from the cork (cork.c).
 * Hub's thread, but for what wire.h says.
 */
#include "wire/wire_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "wire/outq.h"

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
}

int
wire_preload(struct wire *wire, const char *frames, size_t len)
{
	if (!wire->queue) {
		wire->queue = calloc(1, sizeof(*wire->queue));
		if (!wire->queue)
			return -ENOMEM;
	}
	return outq_append(wire->queue, frames, len);
}

static int
enqueue(struct wire_hub *hub, struct wire *wire, const char *data, size_t len)
{
	int rc = wire_preload(wire, data, len);

	if (rc == WSD_OK)
		metrics_add(hub->shard, METRIC_QUEUED_BYTES, (int64_t)len);
	return rc;
}

void
wire_behind_pong(struct wire *wire)
{
	wire->by_queue = true;
}

/* As far as the socket takes it, or all: then libwebsockets keeps the rest, and writes it first. */
static void
drain_queue(struct wire_hub *hub, struct wire *wire, bool all)
{
	while (wire->queue && (all || !lws_partial_buffered(wire->lws))) {
		char *at = NULL;
		size_t len = outq_peek(wire->queue, &at);

		if (len == 0) {
			wire_drop_queue(hub, wire);
			return;
		}
		/* Always a whole chunk, which ends with a frame: so the rest of the queue may be dropped at
		 * any time. */
		if (lws_write(wire->lws, (unsigned char *)at, len, LWS_WRITE_RAW) < 0) {
			wire_kill(hub, wire);
			return;
		}
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

void
send_frames(struct wire_hub *hub, struct wire *wire, char *data, size_t len)
{
	metrics_add(hub->shard, METRIC_SENT_BYTES, (int64_t)len);
	if (!wire->queue && !wire->by_queue && !lws_partial_buffered(wire->lws)) {
		if (lws_write(wire->lws, (unsigned char *)data, len, LWS_WRITE_RAW) < 0)
			wire_kill(hub, wire);
		else
			pause_mind(hub, wire);
		return;
	}
	if (!fits(hub, wire, len))
		drain_queue(hub, wire, false); /* it may have waited for a pong only, or for the loop's next turn */
	if (wire->state == WIRE_GONE)
		return;
	if (!fits(hub, wire, len) && lws_partial_buffered(wire->lws)) {
		hub->events->overrun(hub->owner, wire);
		return;
	}
	if (enqueue(hub, wire, data, len) != WSD_OK) {
		metrics_add(hub->shard, METRIC_ERROR_INTERNAL, 1);
		wire_kill(hub, wire);
		return;
	}
	lws_callback_on_writable(wire->lws);
	pause_mind(hub, wire);
}

void
send_writeable(struct wire_hub *hub, struct wire *wire)
{
	if (wire->state == WIRE_GONE || wire->state == WIRE_HELD)
		return;
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
	char out[LWS_PRE + FRAME_CLOSE_LEN];
	size_t len = frame_close(out + LWS_PRE, code);

	lws_write(wire->lws, (unsigned char *)out + LWS_PRE, len, LWS_WRITE_RAW);
}
