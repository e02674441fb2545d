/* SPDX-License-Identifier: MIT */
/*
 * Everything that is sent goes through here. Worker's thread.
 *
 * What a connection has to say while its own input is being read is gathered in the worker's cork and leaves in one write when the
 * loop turns to another connection, at the latest at the end of the loop turn: one send(2) for all messages of one recv(2), and
 * none is held back longer than its neighbours in the same packet. Gathering for all connections until the end of the turn instead
 * was measured to be a third slower, the caches having moved on.
 *
 * Frames are ours, written with LWS_WRITE_RAW. What the socket does not take waits in the connection's own queue, which
 * SEND_QUEUE_BYTES bounds (libwebsockets holds at most one cork of its own on top).
 */
#include "worker/worker_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
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

static void
send_or_queue(struct worker *w, struct conn *c, char *data, size_t len)
{
	if (!c->outq && !c->by_queue && !lws_partial_buffered(c->wsi)) {
		if (lws_write(c->wsi, (unsigned char *)data, len, LWS_WRITE_RAW) < 0)
			conn_kill(w, c);
		return;
	}
	if (c->phase == CONN_OPEN && conn_queued_bytes(c) + len > w->conf->send_queue_bytes) {
		conn_bye(w, c, WORKER_BYE_SLOW, 0);
		return;
	}
	if (enqueue(w, c, data, len) != WSD_OK) {
		metrics_add(w->shard, METRIC_ERROR_INTERNAL, 1);
		conn_kill(w, c);
		return;
	}
	lws_callback_on_writable(c->wsi);
}

void
cork_flush(struct worker *w, uint64_t now_ns)
{
	struct cork *cork = &w->cork;
	struct conn *c = cork->conn;
	size_t len = cork->len;

	if (!c)
		return;
	cork->conn = NULL;
	cork->len = 0;
	if (len > 0 && c->wsi && c->phase != CONN_GONE) {
		metrics_add(w->shard, METRIC_SENT_BYTES, (int64_t)len);
		send_or_queue(w, c, cork->space + LWS_PRE, len);
	}
	if (cork->answers > 0) {
		if (now_ns == 0)
			now_ns = clock_mono_ns();
		metrics_observe(w->shard, HISTOGRAM_MESSAGE_LATENCY, now_ns - cork->since_ns, cork->answers);
		cork->answers = 0;
	}
}

char *
conn_frame_begin(struct worker *w, struct conn *c, size_t need)
{
	struct cork *cork = &w->cork;

	CHECK(need <= CORK_BYTES);
	if (cork->conn && (cork->conn != c || cork->len + need > CORK_BYTES))
		cork_flush(w, 0);
	if (!c->wsi || c->phase == CONN_SEATED || c->phase >= CONN_CLOSING)
		return NULL;
	cork->conn = c;
	return cork->space + LWS_PRE + cork->len;
}

void
conn_frame_end(struct worker *w, size_t len)
{
	CHECK(w->cork.conn && w->cork.len + len <= CORK_BYTES);
	w->cork.len += len;
}

static void
drain_queue(struct worker *w, struct conn *c)
{
	while (c->outq && !lws_partial_buffered(c->wsi)) {
		char *at = NULL;
		size_t len = outq_peek(c->outq, &at);

		if (len == 0) {
			conn_outq_free(w, c);
			return;
		}
		/* Always a whole chunk, which ends with a frame: so the rest of the queue may be dropped at any time. */
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

void
conn_writeable(struct worker *w, struct conn *c)
{
	if (c->phase == CONN_GONE)
		return;
	drain_queue(w, c);
	if (c->phase == CONN_GONE)
		return;
	if (c->outq) {
		lws_callback_on_writable(c->wsi);
		return;
	}
	c->by_queue = false;
	if (c->phase == CONN_LEAVING)
		worker_close_later(w, c);
}
