/* SPDX-License-Identifier: MIT */
/*
 * Whose input is read: the one place that says so. Hub's thread.
 *
 * A peer that does not take what it was sent is not read from until it does. What it says meanwhile stays in the
 * kernel, which stops it in the end; but for what is left of the present read, which libwebsockets keeps. So nobody's
 * queue grows by his own requests, and a Close frame is found when all that was asked before it has been answered:
 * libwebsockets drops a connection without a word when it finds one while something is half-written. How long
 * a peer may take nothing is for the owner to say, who is told by the events `stalled` and `took`.
 */
#include "wire/wire_priv.h"

#include "metrics/metrics.h"

/* A queue that is not behind something half-written is that of answers which let a pong go first. The loop's next turn
 * writes it, unless the socket is nearly full. */
#define QUEUE_MARK 65536

static bool
is_wanted(const struct wire *wire)
{
	if (wire->state == WIRE_HELD)
		return false; /* the other process reads what comes now */
	if (wire->seeking && wire->off_boundary)
		return true; /* or it could never be moved, standing in the middle of a frame */
	return !lws_partial_buffered(wire->lws) && wire_queued(wire) < QUEUE_MARK;
}

void
pause_mind(struct wire_hub *hub, struct wire *wire)
{
	bool pause = !is_wanted(wire);
	int how = pause ? LWS_RXFLOW_REASON_APPLIES_DISABLE : LWS_RXFLOW_REASON_APPLIES_ENABLE;

	if (pause == wire->paused || wire->state >= WIRE_CLOSING)
		return;
	wire->paused = pause;
	metrics_add(hub->shard, METRIC_PAUSED, pause ? 1 : -1);
	/* at once: when it is held, the loop must have let go of the socket before its number means another one */
	lws_rx_flow_control(wire->lws, how | LWS_RXFLOW_REASON_USER_BOOL | LWS_RXFLOW_REASON_FLAG_PROCESS_NOW);
	/* what it has read already it looks at after an event only, and of this socket none is near */
	if (!pause && lws_partial_buffered(wire->lws))
		lws_cancel_service(hub->context);
	if (pause && wire->state == WIRE_OPEN)
		hub->events->stalled(hub->owner, wire);
}
