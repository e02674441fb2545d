/* SPDX-License-Identifier: MIT */
/*
 * Whose input is read: the one place that says so. Worker's thread.
 *
 * A client that does not take what it was sent is not read from until it does. What it says meanwhile stays in the
 * kernel, which stops it in the end; but for what is left of the present read, which libwebsockets keeps. So nobody's
 * queue grows by his own requests, and a Close frame is found when all that was asked before it has been answered:
 * libwebsockets drops a connection without a word when it finds one while something is half-written. Who takes nothing
 * for SEND_TIMEOUT is told to go: conn_timer.c.
 */
#include "worker/worker_priv.h"

#include "metrics/metrics.h"

/* A queue that is not behind something half-written is that of answers which let a pong go first. The loop's next turn
 * writes it, unless the socket is nearly full. */
#define QUEUE_MARK 65536

static bool
is_wanted(const struct conn *c)
{
	if (c->phase == CONN_OFFERED)
		return false; /* the other process reads what comes now */
	if (c->exporting && c->off_boundary)
		return true; /* or it could never be moved, standing in the middle of a frame */
	return !lws_partial_buffered(c->wsi) && conn_queued_bytes(c) < QUEUE_MARK;
}

void
conn_mind_input(struct worker *w, struct conn *c)
{
	bool pause = !is_wanted(c);
	int how = pause ? LWS_RXFLOW_REASON_APPLIES_DISABLE : LWS_RXFLOW_REASON_APPLIES_ENABLE;

	if (pause == c->paused || c->phase >= CONN_CLOSING)
		return;
	c->paused = pause;
	metrics_add(w->shard, METRIC_PAUSED, pause ? 1 : -1);
	/* at once: when it is offered, the loop must have let go of the socket before its number means another one */
	lws_rx_flow_control(c->wsi, how | LWS_RXFLOW_REASON_USER_BOOL | LWS_RXFLOW_REASON_FLAG_PROCESS_NOW);
	/* what it has read already it looks at after an event only, and of this socket none is near */
	if (!pause && lws_partial_buffered(c->wsi))
		lws_cancel_service(w->context);
	if (pause && c->phase == CONN_OPEN) {
		c->last_rx_ms = worker_now_ms(w);
		conn_rearm(w, c);
	}
}
