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

/* Nothing that was read or is to be written is in this process's memory alone. */
static bool
is_at_rest(const struct wire_hub *hub, const struct wire *wire)
{
	return wire->state == WIRE_OPEN && !wire->inside_frame && !wire->inside_message && !wire->queue &&
	       !wire->by_queue && !wire->paused && !lws_partial_buffered(wire->lws) &&
	       lws_remaining_packet_payload(wire->lws) == 0 && /* also of a frame of which only the head has come */
	       (hub->cork.now.wire != wire || hub->cork.now.len == 0);
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
