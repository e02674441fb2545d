/* SPDX-License-Identifier: MIT */
/*
 * Where a wire can stand still, to go on in another process. Hub's thread.
 *
 * It can go when libwebsockets stands exactly between two frames and holds no byte that it has read
 * and not parsed, since those bytes would stay behind. It does not tell, but the kernel does: TCP counts the
 * bytes that have been read, and we count those of all frames that were delivered. If both are equal, nothing
 * is in between. Unread bytes stay in the socket and travel with it.
 *
 * Frames that libwebsockets keeps to itself (a client's pings, empty pongs) are missing from our count. Then,
 * when all that the client has sent is read, the count is set anew and a ping is sent; if the next that comes
 * is counted up to its pong, it was right. doc/handoff.md has the reasoning.
 */
#include "wire/wire_priv.h"

#include <string.h>

#include "base/check.h"
#include "base/fd.h"
#include "base/tcp.h"

#define NONCE_BYTES 8

void
wire_hub_forget_pings(struct wire_hub *hub)
{
	fd_random(&hub->nonce, sizeof(hub->nonce));
}

void
wire_seek_boundary(struct wire_hub *hub, struct wire *wire)
{
	wire->seeking = true;
	wire->pinged = false;
	due_look(hub, wire);
}

void
wire_look_again(struct wire_hub *hub, struct wire *wire)
{
	due_look(hub, wire);
}

void
wire_stop_seeking(struct wire_hub *hub, struct wire *wire)
{
	wire->seeking = false;
	pause_mind(hub, wire);
}

void
boundary_pong(struct wire_hub *hub, struct wire *wire, const void *payload, size_t len)
{
	if (!wire->seeking || !wire->pinged || len != NONCE_BYTES || memcmp(payload, &hub->nonce, NONCE_BYTES) != 0)
		return;
	/* counted right: it will be found on the boundary; else it is tried again */
	wire->pinged = wire->unsure = false;
	due_look(hub, wire);
}

/* When nothing is unread, what was consumed is what was said, if that does not end in half a frame: the pong tells. */
static void
count_anew(struct wire_hub *hub, struct wire *wire, uint64_t consumed)
{
	wire->read_bytes = consumed;
	note_count_anew(wire);
	receive_forget_mask(wire); /* half a frame may have been read */
	wire->pinged = wire->unsure = true;
	wire_ping(hub, wire, &hub->nonce, NONCE_BYTES);
	cork_flush(hub, 0);
}

enum wire_place
wire_place(struct wire_hub *hub, struct wire *wire)
{
	struct tcp_state tcp = { 0 };
	bool tcp_known = tcp_state_of(wire_fd(wire), &tcp);
	bool between = !wire->inside_message; /* else more is to come, and it will be looked at then */
	bool waiting = (wire->queue || wire->by_queue) && hub->writeable != wire;

	/* Whoever is paused in the middle of something would stay there: it is read on. */
	wire->off_boundary = !between || tcp.consumed != wire->read_bytes;
	pause_mind(hub, wire);
	if (!between)
		return WIRE_WITHIN;
	if (lws_partial_buffered(wire->lws) || waiting) {
		lws_callback_on_writable(wire->lws); /* and again then */
		return WIRE_WITHIN;
	}
	if (!tcp_known)
		return WIRE_NOWHERE;
	if (tcp.consumed == wire->read_bytes && !wire->unsure)
		return WIRE_ON_BOUNDARY;
	if (tcp.unread == 0 && !wire->pinged)
		count_anew(hub, wire, tcp.consumed);
	return WIRE_WITHIN;
}

void
wire_hold(struct wire_hub *hub, struct wire *wire)
{
	CHECK(wire->state == WIRE_OPEN);
	note_sync(hub, wire); /* as long as it stands still this holds */
	wire->seeking = false;
	wire->state = WIRE_HELD;
	pause_mind(hub, wire);
}

void
wire_resume(struct wire_hub *hub, struct wire *wire)
{
	CHECK(wire->state == WIRE_HELD);
	wire->state = WIRE_OPEN;
	pause_mind(hub, wire);
	if (wire->queue)
		lws_callback_on_writable(wire->lws);
	adopt_watch(hub, wire); /* it was not while it was held; meanwhile the other process watches many */
}
