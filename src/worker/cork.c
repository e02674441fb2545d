/* SPDX-License-Identifier: MIT */
/*
 * When what is sent leaves. Worker's thread.
 *
 * What a connection has to say while its own input is being read is gathered and leaves in one write when the
 * loop turns to another connection: one send(2), by far the dearest call, for all messages of one recv(2).
 * Holding everything back to the end of the turn instead was measured to be a third slower, the caches having
 * moved on.
 */
#include "worker/worker_priv.h"

#include "base/check.h"
#include "metrics/metrics.h"

static void
write_piece(struct worker *w, struct cork_piece *piece, uint64_t now_ns)
{
	struct conn *c = piece->conn;

	if (piece->len > 0 && c->wsi && c->phase != CONN_GONE &&
	    (piece->answers == 0 || c->mask_looks >= CONN_MASK_LOOKS || conn_check_mask(w, c, false)))
		conn_send(w, c, w->cork.space + LWS_PRE, piece->len);
	if (piece->answers > 0) {
		if (now_ns == 0)
			now_ns = clock_mono_ns();
		metrics_observe(w->shard, HISTOGRAM_MESSAGE_LATENCY, now_ns - piece->since_ns, piece->answers);
	}
}

void
cork_flush(struct worker *w, uint64_t now_ns)
{
	/* more than once if writing finds that the client is too slow, and says so */
	while (w->cork.now.conn) {
		struct cork_piece piece = w->cork.now;

		w->cork.now = (struct cork_piece){ .conn = NULL };
		write_piece(w, &piece, now_ns);
	}
}

void
cork_enter(struct worker *w, struct conn *c, uint64_t now_ns)
{
	if (w->cork.now.conn == c)
		return;
	cork_flush(w, now_ns);
	w->cork.now.conn = c;
}

void
cork_count(struct worker *w, uint64_t now_ns)
{
	if (w->cork.now.answers++ == 0)
		w->cork.now.since_ns = now_ns;
}

char *
cork_begin(struct worker *w, struct conn *c, size_t need)
{
	struct cork_piece *now = &w->cork.now;

	CHECK(need <= CORK_BYTES);
	cork_enter(w, c, 0);
	if (now->len + need > CORK_BYTES) {
		cork_flush(w, 0);
		cork_enter(w, c, 0);
	}
	if (!c->wsi || c->phase == CONN_SEATED || c->phase == CONN_OFFERED || c->phase >= CONN_CLOSING)
		return NULL;
	return w->cork.space + LWS_PRE + now->len;
}

void
cork_end(struct worker *w, size_t len)
{
	struct cork_piece *now = &w->cork.now;

	CHECK(now->conn && now->len + len <= CORK_BYTES);
	now->len += len;
}

void
cork_release(struct worker *w, struct conn *c)
{
	if (w->cork.now.conn == c)
		cork_flush(w, 0);
}

void
cork_drop(struct worker *w, struct conn *c)
{
	if (w->cork.now.conn == c)
		w->cork.now.len = 0;
}
