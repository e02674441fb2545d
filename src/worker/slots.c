/* SPDX-License-Identifier: MIT */
/* Table of a worker's connections. */
#include "worker/worker_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

static int
make_room(struct slots *slots, uint32_t slot)
{
	uint32_t room = slots->n_room ? slots->n_room : 64;
	struct client **bigger;

	while (room <= slot)
		room += room / 2; /* not doubled: it counts in the memory of each connection */
	bigger = realloc(slots->clients, room * sizeof(struct client *));
	if (!bigger)
		return -ENOMEM;
	memset(bigger + slots->n_room, 0, (room - slots->n_room) * sizeof(struct client *));
	slots->clients = bigger;
	slots->n_room = room;
	return WSD_OK;
}

int
slots_put(struct slots *slots, struct client *c)
{
	if (c->slot >= slots->n_room && make_room(slots, c->slot) != WSD_OK)
		return -ENOMEM;
	CHECK(!slots->clients[c->slot]);
	slots->clients[c->slot] = c;
	slots->n_used++;
	return WSD_OK;
}

void
slots_remove(struct slots *slots, struct client *c)
{
	CHECK(c->slot < slots->n_room && slots->clients[c->slot] == c);
	slots->clients[c->slot] = NULL;
	slots->n_used--;
}

struct client *
slots_find(const struct slots *slots, uint32_t slot, uint64_t serial)
{
	struct client *c = slot < slots->n_room ? slots->clients[slot] : NULL;

	return c && c->serial == serial ? c : NULL;
}

void
slots_deinit(struct slots *slots)
{
	CHECK(slots->n_used == 0);
	free(slots->clients);
	slots->clients = NULL;
	slots->n_room = 0;
}
