/* SPDX-License-Identifier: MIT */
/*
 * How far the stream has come, noted for the process after this one (kept/notes.h). Hub's thread; nothing is done for a
 * wire without a record.
 *
 * Before each write: what has been taken in up to here, and what will have been given out then. The kernel's
 * counts show afterwards whether it was. What libwebsockets reads and writes by itself (a client's pings, and its pongs
 * to them) is in none of that. So whenever nothing of a wire is under way here, and something of the kind may have
 * happened, the kernel's counts are taken as they are: it has done what it is asked about, and it is asked between two
 * callbacks.
 */
#include "wire/wire_priv.h"

#include "base/tcp.h"
#include "kept/notes.h"
#include "proto/frame.h"

static void
put(struct wire_hub *hub, struct wire *wire)
{
	struct note *note = wire->note;
	bool between = !wire->inside_frame && !wire->inside_message;

	hub->events->rows(hub->owner, wire, note_begin(note));
	note_end(note, between ? wire->read_bytes + note->unseen : NOTE_NOWHERE, note->given);
}

void
note_write(struct wire_hub *hub, struct wire *wire, size_t len)
{
	if (!wire->note)
		return;
	wire->note->given += len;
	put(hub, wire);
	if (wire->note->behind)
		due_look(hub, wire);
}

void
note_queue(struct wire_hub *hub, struct wire *wire, bool waits)
{
	if (!wire->note)
		return;
	note_hold(wire->note, waits);
	if (!waits)
		due_look(hub, wire);
}

void
note_leave(struct wire *wire)
{
	if (wire->note)
		note_set_state(wire->note, NOTE_LEAVING);
}

/* The first position is written before what opens it is sent: without that nobody could go on with it. */
void
note_start(struct wire *wire)
{
	struct tcp_state tcp;

	if (!wire->note || !tcp_state_of(wire_fd(wire), &tcp))
		return;
	wire->note->unseen = tcp.consumed - wire->read_bytes;
	wire->note->given = tcp.sent;
	note_set_state(wire->note, NOTE_OPEN);
}

/*
 * libwebsockets has read the beginning of a frame of which it has delivered nothing yet: what came in one segment
 * with a ping. A message is its first fragment from the first byte on until some of it is delivered; of others, and of
 * pings, some payload is missing.
 */
static bool
is_inside_header(const struct wire *wire)
{
	return lws_is_first_fragment(wire->lws) || lws_remaining_packet_payload(wire->lws) > 0;
}

/* Nothing that was read or is to be written is in this process's memory alone. */
static bool
is_at_rest(const struct wire_hub *hub, const struct wire *wire)
{
	return wire->state == WIRE_OPEN && !wire->inside_frame && !wire->inside_message && !wire->queue &&
	       !wire->by_queue && !wire->paused && !lws_partial_buffered(wire->lws) &&
	       (hub->cork.now.wire != wire || hub->cork.now.len == 0) && !is_inside_header(wire);
}

/*
 * What came and left uncounted is more than pings and pongs: up to five bytes of a control frame's header, of which
 * libwebsockets shows nothing. Only behind several pings, which it need not answer all, they are not recognised.
 */
static bool
has_part_of_header(uint64_t in, uint64_t out)
{
	uint64_t more = in - out - (out > 0 ? FRAME_MASK : 0);

	return more > 0 && more < FRAME_MASKED_HEADER &&
	       (more != FRAME_MASK || out == 0); /* a second ping, and its pong */
}

void
note_sync(struct wire_hub *hub, struct wire *wire)
{
	struct tcp_state tcp;

	if (!wire->note)
		return;
	wire->note->behind = !is_at_rest(hub, wire); /* it is seen to when it next says something */
	if (wire->note->behind || !tcp_state_of(wire_fd(wire), &tcp))
		return;
	if (wire->note->state == NOTE_OPEN &&
	    has_part_of_header(tcp.consumed - wire->read_bytes - wire->note->unseen, tcp.sent - wire->note->given))
		return; /* it comes to its end, or it is no place to go on from */
	wire->note->unseen = tcp.consumed - wire->read_bytes;
	wire->note->given = tcp.sent;
	put(hub, wire);
	note_set_state(wire->note, NOTE_OPEN);
}

void
note_count_anew(struct wire *wire)
{
	if (wire->note)
		wire->note->unseen = 0;
}

void
note_look(struct wire_hub *hub, struct wire *wire)
{
	if (wire->note)
		due_look(hub, wire);
}

void
wire_set_note(struct wire *wire, struct note *note)
{
	wire->note = note;
}
