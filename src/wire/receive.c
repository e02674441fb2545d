/* SPDX-License-Identifier: MIT */
/* What comes: delivered, and counted as far as libwebsockets shows it. Hub's thread. */
#include "wire/wire_priv.h"

#include "base/clock.h"
#include "base/tcp.h"
#include "metrics/metrics.h"
#include "proto/frame.h"

/* Of a wire whose bytes were not counted from the beginning: nothing follows from them. */
#define MASK_UNKNOWN 15

uint64_t
receive_consumed(const struct wire *wire)
{
	struct tcp_state tcp;

	return tcp_state_of(wire_fd(wire), &tcp) ? tcp.consumed : 0;
}

static void
count(struct wire *wire, size_t len, size_t rest)
{
	size_t frame = len + rest;

	if (!wire->inside_frame)
		len += frame < 126 ? FRAME_MASKED_HEADER : frame < 65536 ? 8 : 14;
	wire->read_bytes += len;
	wire->inside_frame = rest > 0;
}

/*
 * libwebsockets takes frames without a mask and does not tell (RFC 6455, 5.1 has us close). But they are four
 * bytes shorter than we count them, so that more has been delivered than the kernel gave out: no masked frame
 * can do that, as what is read but not delivered yet, and pings, which are not shown to us, only add to the
 * kernel's side. A client masks all frames or none; once a frame ends exactly where the kernel's count does,
 * there is no reason to look again.
 */
static bool
masks(struct wire *wire)
{
	struct tcp_state tcp;

	wire->mask_looks++;
	if (!tcp_state_of(wire_fd(wire), &tcp) || tcp.consumed == wire->read_bytes)
		wire->mask_looks = MASK_LOOKS;
	else
		return tcp.consumed > wire->read_bytes;
	return true;
}

void
receive_forget_mask(struct wire *wire)
{
	wire->mask_looks = MASK_UNKNOWN;
}

bool
receive_check_mask(struct wire_hub *hub, struct wire *wire, bool again)
{
	if (wire->state != WIRE_OPEN || wire->mask_looks == MASK_UNKNOWN)
		return true;
	if ((receive_knows_mask(wire) && !again) || masks(wire))
		return true;
	metrics_add(hub->shard, METRIC_ERROR_PROTOCOL, 1);
	hub->events->broke(hub->owner, wire, 1002, "a frame without a mask");
	return false;
}

void
receive_data(struct wire_hub *hub, struct wire *wire, const char *data, size_t len)
{
	struct wire_piece piece = { .data = data, .len = len };

	hub->resting = NULL;
	if (wire->state != WIRE_OPEN)
		return;
	piece.first = lws_is_first_fragment(wire->lws);
	piece.last = lws_is_final_fragment(wire->lws);
	piece.rest = lws_remaining_packet_payload(wire->lws);
	piece.binary = piece.first && lws_frame_is_binary(wire->lws);
	piece.now_ns = clock_mono_ns();
	cork_enter(hub, wire, piece.now_ns);
	count(wire, len, piece.rest);
	wire->inside_message = !piece.last;
	if (wire->mask_looks < MASK_LOOKS / 2 && !receive_check_mask(hub, wire, false))
		return;
	if (wire->seeking)
		due_look(hub, wire);
	hub->events->piece(hub->owner, wire, &piece);
	if (wire->paused)
		hub->resting = wire;
}

void
receive_pong(struct wire_hub *hub, struct wire *wire, const void *payload, size_t len)
{
	wire->read_bytes += FRAME_MASKED_HEADER + len;
	hub->events->pong(hub->owner, wire);
	note_look(hub, wire);
	boundary_pong(hub, wire, payload, len);
	hub->resting = wire->paused ? wire : NULL;
}

void
receive_close(struct wire *wire, size_t len)
{
	wire->read_bytes += FRAME_MASKED_HEADER + len;
}
