/* SPDX-License-Identifier: MIT */
/*
 * When what is sent leaves. Worker's thread.
 *
 * What a connection has to say while its own input is being read is gathered and leaves in one write when the
 * loop turns to another connection: one send(2), by far the dearest call, for all messages of one recv(2).
 * Holding everything back to the end of the turn instead was measured to be a third slower, the caches having
 * moved on.
 *
 * A connection whose read filled libwebsockets' small buffer has more to say in the same packet. It is
 * parked, with its answers, until the others of this turn have been read; then it is read again until nothing
 * is left, or its share is used up, and all its answers leave together. So the buffer, which each of ten
 * thousand idle connections has to pay for, can be small.
 */
#include "worker/worker_priv.h"

#include <string.h>

#include "base/check.h"
#include "metrics/metrics.h"

/* Reads in one turn, so that one busy client does not hold up the others. */
#define READS_MOST 32

static void
write_piece(struct worker *w, struct cork_piece *piece, uint64_t now_ns)
{
	struct conn *c = piece->conn;

	if (piece->len > 0 && c->wsi && c->phase != CONN_GONE)
		conn_send(w, c, w->cork.space + LWS_PRE + piece->start, piece->len);
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

		w->cork.now = (struct cork_piece){ .start = piece.start };
		write_piece(w, &piece, now_ns);
	}
}

static bool
room_to_park(const struct cork *cork)
{
	return cork->n_parked < CORK_PARKED && cork->now.start + cork->now.len + 2 * CORK_BYTES <= CORK_SPACE;
}

/* The present connection makes way for another. */
static void
leave(struct worker *w, uint64_t now_ns)
{
	struct cork *cork = &w->cork;
	struct conn *c = cork->now.conn;

	if (!c)
		return;
	if (!c->hungry || c->phase != CONN_OPEN || !room_to_park(cork)) {
		cork_flush(w, now_ns);
		return;
	}
	c->parked = true;
	cork->parked[cork->n_parked++] = cork->now;
	cork->now = (struct cork_piece){ .start = cork->now.start + cork->now.len };
}

/* Takes c's piece out of the list; NULL: it is not there. */
static struct cork_piece *
find_parked(struct cork *cork, const struct conn *c)
{
	for (uint32_t i = 0; c->parked && i < cork->n_parked; i++)
		if (cork->parked[i].conn == c)
			return &cork->parked[i];
	return NULL;
}

static void
unpark(struct worker *w, struct conn *c)
{
	struct cork_piece *piece = find_parked(&w->cork, c);
	struct cork_piece taken;

	CHECK(piece);
	taken = *piece;
	piece->conn = NULL;
	c->parked = false;
	write_piece(w, &taken, 0);
}

static void
enter(struct worker *w, struct conn *c, uint64_t now_ns)
{
	if (w->cork.now.conn == c)
		return;
	leave(w, now_ns);
	if (c->parked) /* it is not the end of the turn, and not its own input: keep the order */
		unpark(w, c);
	w->cork.now.conn = c;
}

void
cork_enter(struct worker *w, struct conn *c, uint64_t now_ns)
{
	enter(w, c, now_ns);
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
	enter(w, c, 0);
	if (now->len + need > CORK_BYTES) {
		cork_flush(w, 0);
		enter(w, c, 0);
	}
	if (!c->wsi || c->phase == CONN_SEATED || c->phase == CONN_OFFERED || c->phase >= CONN_CLOSING)
		return NULL;
	return w->cork.space + LWS_PRE + now->start + now->len;
}

void
cork_end(struct worker *w, size_t len)
{
	struct cork_piece *now = &w->cork.now;

	CHECK(now->conn && now->len + len <= CORK_BYTES && now->start + now->len + len <= CORK_SPACE);
	now->len += len;
}

static void
read_again(struct worker *w, struct cork_piece *parked)
{
	struct cork_piece *now = &w->cork.now;
	struct conn *c = parked->conn;

	/* its answers so far move to where the rest can follow */
	*now = (struct cork_piece){ .conn = c, .start = now->start, .len = parked->len, .since_ns = parked->since_ns,
				    .answers = parked->answers };
	memcpy(w->cork.space + LWS_PRE + now->start, w->cork.space + LWS_PRE + parked->start, parked->len);
	c->parked = false;
	for (int reads = 0; c->hungry && c->phase == CONN_OPEN && reads < READS_MOST; reads++) {
		struct lws_pollfd pfd = { .fd = lws_get_socket_fd(c->wsi),
					  .events = LWS_POLLIN,
					  .revents = LWS_POLLIN };

		c->hungry = false;
		w->gauge.conn = NULL;
		if (lws_service_fd(w->context, &pfd) != 0)
			break;
	}
	c->hungry = false;
	cork_flush(w, 0);
}

void
cork_end_turn(struct worker *w)
{
	struct cork *cork = &w->cork;

	leave(w, 0);
	/* what is read again does not park: enter() meets no other connection's input here */
	for (uint32_t i = 0; i < cork->n_parked; i++) {
		struct cork_piece parked = cork->parked[i];

		if (parked.conn)
			read_again(w, &parked);
	}
	cork->n_parked = 0;
	cork->now.start = 0;
	w->gauge.conn = NULL;
}

void
cork_release(struct worker *w, struct conn *c)
{
	if (c->parked)
		unpark(w, c);
	else if (w->cork.now.conn == c)
		cork_flush(w, 0);
}

void
cork_forget(struct worker *w, struct conn *c)
{
	struct cork_piece *piece = find_parked(&w->cork, c);

	if (piece)
		piece->conn = NULL;
	if (w->cork.now.conn == c)
		cork_flush(w, 0); /* only counts: there is no socket any more */
	if (w->gauge.conn == c)
		w->gauge.conn = NULL;
}
