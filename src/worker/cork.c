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

#include <string.h>

#include "base/check.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "proto/reply.h"

/* Of the payload of most texts; the others are moved. */
#define HEADER_GUESS 2

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

/* Room for need bytes at the end of what c has to say; NULL: it takes nothing more. */
static char *
room_for(struct worker *w, struct conn *c, size_t need)
{
	struct cork_piece *now = &w->cork.now;

	cork_enter(w, c, 0);
	if (now->len + need > CORK_BYTES) {
		cork_flush(w, 0);
		cork_enter(w, c, 0);
	}
	if (!c->wsi || c->phase == CONN_SEATED || c->phase == CONN_OFFERED || c->phase >= CONN_CLOSING)
		return NULL;
	return w->cork.space + LWS_PRE + now->len;
}

char *
cork_text(struct worker *w, struct conn *c)
{
	char *at = room_for(w, c, FRAME_HEADER_MAX + REPLY_MAX);

	return at ? at + HEADER_GUESS : NULL;
}

void
cork_text_end(struct worker *w, size_t len)
{
	struct cork_piece *now = &w->cork.now;
	char *at = w->cork.space + LWS_PRE + now->len;
	size_t header = frame_header_len(len);

	CHECK(now->conn && len <= REPLY_MAX);
	if (header != HEADER_GUESS)
		memmove(at + header, at + HEADER_GUESS, len);
	now->len += frame_header(at, FRAME_TEXT, len) + len;
}

void
cork_ping(struct worker *w, struct conn *c, const void *payload, size_t len)
{
	char *at = room_for(w, c, FRAME_HEADER_MAX + len);

	if (at)
		w->cork.now.len += frame_ping(at, payload, len);
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
