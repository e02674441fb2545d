/* SPDX-License-Identifier: MIT */
/*
 * The wires that are to be looked at or closed when no callback of libwebsockets runs: at the end of the loop turn. It
 * must not be asked to close a connection from inside its own callbacks for another one. There is room for every wire
 * from its adoption on, so that nothing here can fail. Hub's thread.
 */
#include "wire/wire_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

#define ROOM_MIN 64

int
due_reserve(struct wire_hub *hub)
{
	struct due *due = &hub->due;
	uint32_t room = due->room ? due->room : ROOM_MIN;
	struct wire **bigger;

	while (room < hub->n_wires)
		room += room / 2; /* not doubled: it counts in the memory of each connection */
	if (due->room >= room)
		return WSD_OK;
	bigger = realloc(due->wires, room * sizeof(struct wire *));
	if (!bigger)
		return -ENOMEM;
	due->wires = bigger;
	due->room = room;
	return WSD_OK;
}

static void
append(struct wire_hub *hub, struct wire *wire)
{
	struct due *due = &hub->due;

	if (wire->look_wanted || wire->close_wanted)
		return;            /* it is there */
	if (due->n == due->room) { /* those before first have been attended to */
		due->n -= due->first;
		memmove(due->wires, due->wires + due->first, due->n * sizeof(struct wire *));
		due->first = 0;
	}
	CHECK(due->n < due->room);
	due->wires[due->n++] = wire;
}

void
due_look(struct wire_hub *hub, struct wire *wire)
{
	append(hub, wire);
	wire->look_wanted = true;
}

void
due_close(struct wire_hub *hub, struct wire *wire)
{
	append(hub, wire);
	wire->close_wanted = true;
}

void
due_forget(struct wire_hub *hub, struct wire *wire)
{
	struct due *due = &hub->due;

	if (!wire->look_wanted && !wire->close_wanted)
		return;
	wire->look_wanted = wire->close_wanted = false;
	for (uint32_t i = due->first; i < due->n; i++) {
		if (due->wires[i] != wire)
			continue;
		due->n--;
		memmove(&due->wires[i], &due->wires[i + 1], (due->n - i) * sizeof(struct wire *));
		return;
	}
}

/* The wire may be gone after this. */
static bool
attend(struct wire_hub *hub, struct wire *wire)
{
	bool look = wire->look_wanted, close = wire->close_wanted;

	wire->look_wanted = wire->close_wanted = false;
	if (look)
		note_sync(hub, wire);
	if (look && wire->seeking)
		hub->events->boundary(hub->owner, wire);
	if (close)
		close_now(hub, wire);
	return close;
}

void
due_run(struct wire_hub *hub)
{
	struct due *due = &hub->due;
	bool closed = false;

	while (due->first < due->n) {
		struct wire *wire = due->wires[due->first++];

		if (attend(hub, wire))
			closed = true;
	}
	due->first = due->n = 0;
	if (closed)
		lws_cancel_service(hub->context); /* or its timers, set outside its own callbacks, would not run */
}

void
due_deinit(struct wire_hub *hub)
{
	free(hub->due.wires);
	hub->due = (struct due){ .wires = NULL };
}
