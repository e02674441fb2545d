/* SPDX-License-Identifier: MIT */
/*
 * When what is sent leaves. Hub's thread.
 *
 * What a wire has to say while its own input is being read is gathered and leaves in one write when the loop turns to
 * another one: one send(2), by far the dearest call, for all messages of one recv(2).
 * Holding everything back to the end of the turn instead was measured to be a third slower, the caches having
 * moved on.
 */
#include "wire/wire_priv.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "metrics/metrics.h"
#include "proto/frame.h"

/* Of the payload of most texts; the others are moved. */
#define HEADER_GUESS 2

static void
write_piece(struct wire_hub *hub, struct cork_piece *piece, uint64_t now_ns)
{
	struct wire *wire = piece->wire;

	if (piece->len > 0 && wire->lws && wire->state != WIRE_GONE &&
	    (piece->answers == 0 || receive_knows_mask(wire) || receive_check_mask(hub, wire, false)))
		send_bytes(hub, wire, hub->cork.space, piece->len);
	if (piece->answers > 0) {
		if (now_ns == 0)
			now_ns = clock_mono_ns();
		metrics_observe(hub->shard, HISTOGRAM_MESSAGE_LATENCY, now_ns - piece->since_ns, piece->answers);
	}
}

void
cork_flush(struct wire_hub *hub, uint64_t now_ns)
{
	/* more than once if writing finds that the client is too slow, and says so */
	while (hub->cork.now.wire) {
		struct cork_piece piece = hub->cork.now;

		hub->cork.now = (struct cork_piece){ .wire = NULL };
		write_piece(hub, &piece, now_ns);
	}
}

void
cork_enter(struct wire_hub *hub, struct wire *wire, uint64_t now_ns)
{
	if (hub->cork.now.wire == wire)
		return;
	cork_flush(hub, now_ns);
	hub->cork.now.wire = wire;
}

void
wire_count_message(struct wire_hub *hub, uint64_t read_ns)
{
	if (hub->cork.now.answers++ == 0)
		hub->cork.now.since_ns = read_ns;
}

bool
cork_takes(const struct wire *wire)
{
	return wire->lws && (wire->state == WIRE_OPEN || wire->state == WIRE_LEAVING);
}

bool
cork_add(struct wire_hub *hub, struct wire *wire, const char *data, size_t len)
{
	struct cork_piece *now = &hub->cork.now;

	if (now->wire != wire)
		return false;
	if (now->len + len > CORK_BYTES) {
		cork_flush(hub, 0);
		cork_enter(hub, wire, 0);
		return false;
	}
	memcpy(hub->cork.space + now->len, data, len);
	now->len += len;
	return true;
}

/* Room for need bytes at the end of what the wire has to say; NULL: it takes nothing more. */
static char *
room_for(struct wire_hub *hub, struct wire *wire, size_t need)
{
	struct cork_piece *now = &hub->cork.now;

	cork_enter(hub, wire, 0);
	if (now->len + need > CORK_BYTES) {
		cork_flush(hub, 0);
		cork_enter(hub, wire, 0);
	}
	return cork_takes(wire) ? hub->cork.space + now->len : NULL;
}

char *
wire_text_begin(struct wire_hub *hub, struct wire *wire, size_t most)
{
	char *at = room_for(hub, wire, FRAME_HEADER_MAX + most);

	return at ? at + HEADER_GUESS : NULL;
}

void
wire_text_end(struct wire_hub *hub, size_t len)
{
	struct cork_piece *now = &hub->cork.now;
	char *at = hub->cork.space + now->len;
	size_t header = frame_header_len(len);

	CHECK(now->wire && now->len + FRAME_HEADER_MAX + len <= CORK_BYTES);
	if (header != HEADER_GUESS)
		memmove(at + header, at + HEADER_GUESS, len);
	now->len += frame_header(at, FRAME_TEXT, len) + len;
}

void
wire_ping(struct wire_hub *hub, struct wire *wire, const void *payload, size_t len)
{
	char *at = room_for(hub, wire, FRAME_HEADER_MAX + len);

	if (at)
		hub->cork.now.len += frame_ping(at, payload, len);
}

void
cork_release(struct wire_hub *hub, struct wire *wire)
{
	if (hub->cork.now.wire == wire)
		cork_flush(hub, 0);
}

void
cork_drop(struct wire_hub *hub, struct wire *wire)
{
	if (hub->cork.now.wire == wire)
		hub->cork.now.len = 0;
}
