/* SPDX-License-Identifier: MIT */
/*
 * Frames are ours, written with LWS_WRITE_RAW. What the socket does not take waits in the connection's own
 * queue, which SEND_QUEUE_BYTES bounds (libwebsockets holds at most one cork of its own on top). What is sent
 * comes from the cork (cork.c). Worker's thread.
 */
#include "worker/worker_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "worker/outq.h"

bool
conn_has_queued(const struct conn *c)
{
	return c->outq != NULL;
}

size_t
conn_queued_bytes(const struct conn *c)
{
	return c->outq ? c->outq->bytes : 0;
}

void
conn_outq_free(struct worker *w, struct conn *c)
{
	if (!c->outq)
		return;
	metrics_add(w->shard, METRIC_QUEUED_BYTES, -(int64_t)c->outq->bytes);
	outq_clear(c->outq);
	free(c->outq);
	c->outq = NULL;
}

static int
enqueue(struct worker *w, struct conn *c, const char *data, size_t len)
{
	int rc;

	if (!c->outq) {
		c->outq = calloc(1, sizeof(*c->outq));
		if (!c->outq)
			return -ENOMEM;
	}
	rc = outq_append(c->outq, data, len);
	if (rc == WSD_OK)
		metrics_add(w->shard, METRIC_QUEUED_BYTES, (int64_t)len);
	return rc;
}

/* As far as the socket takes it, or all: then libwebsockets keeps the rest, and writes it first. */
static void
drain_queue(struct worker *w, struct conn *c, bool all)
{
	while (c->outq && (all || !lws_partial_buffered(c->wsi))) {
		char *at = NULL;
		size_t len = outq_peek(c->outq, &at);

		if (len == 0) {
			conn_outq_free(w, c);
			return;
		}
		/* Always a whole chunk, which ends with a frame: so the rest of the queue may be dropped at
		 * any time. */
		if (lws_write(c->wsi, (unsigned char *)at, len, LWS_WRITE_RAW) < 0) {
			conn_kill(w, c);
			return;
		}
		outq_drop(c->outq, len);
		metrics_add(w->shard, METRIC_QUEUED_BYTES, -(int64_t)len);
		if (c->outq->bytes == 0)
			conn_outq_free(w, c);
	}
}

static bool
fits(const struct worker *w, const struct conn *c, size_t len)
{
	return c->phase != CONN_OPEN || conn_queued_bytes(c) + len <= w->conf->send_queue_bytes;
}

void
conn_send(struct worker *w, struct conn *c, char *data, size_t len)
{
	metrics_add(w->shard, METRIC_SENT_BYTES, (int64_t)len);
	if (!c->outq && !c->by_queue && !lws_partial_buffered(c->wsi)) {
		if (lws_write(c->wsi, (unsigned char *)data, len, LWS_WRITE_RAW) < 0)
			conn_kill(w, c);
		else
			conn_mind_input(w, c);
		return;
	}
	if (!fits(w, c, len))
		drain_queue(w, c, false); /* it may have waited for a pong only, or for the loop's next turn */
	if (c->phase == CONN_GONE)
		return;
	if (!fits(w, c, len) && lws_partial_buffered(c->wsi)) {
		conn_bye(w, c, WORKER_BYE_SLOW, 0);
		return;
	}
	if (enqueue(w, c, data, len) != WSD_OK) {
		metrics_add(w->shard, METRIC_ERROR_INTERNAL, 1);
		conn_kill(w, c);
		return;
	}
	lws_callback_on_writable(c->wsi);
	conn_mind_input(w, c);
}

void
conn_writeable(struct worker *w, struct conn *c)
{
	if (c->phase == CONN_GONE || c->phase == CONN_OFFERED)
		return;
	if (c->paused)
		c->last_rx_ms = worker_now_ms(w);
	if (c->exporting && export_writeable(w, c))
		return;
	drain_queue(w, c, false);
	if (c->phase == CONN_GONE)
		return;
	conn_mind_input(w, c);
	if (c->outq) {
		lws_callback_on_writable(c->wsi);
		return;
	}
	c->by_queue = false;
	if (c->phase == CONN_LEAVING)
		worker_close_later(w, c);
}

void
conn_send_rest(struct worker *w, struct conn *c)
{
	cork_release(w, c);
	c->by_queue = false;
	drain_queue(w, c, true);
}

void
conn_send_close(struct conn *c, uint16_t code)
{
	char out[LWS_PRE + FRAME_CLOSE_LEN];
	size_t len = frame_close(out + LWS_PRE, code);

	lws_write(c->wsi, (unsigned char *)out + LWS_PRE, len, LWS_WRITE_RAW);
}
