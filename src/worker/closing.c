/* SPDX-License-Identifier: MIT */
/* The connections that are to be closed when no callback of libwebsockets runs: conn_close.c says why.
 * Worker's thread. */
#include "worker/worker_priv.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"

int
closing_reserve(struct worker *w)
{
	uint32_t room = 2 * w->slots.n_room; /* a slot can be listed again for its next connection */
	uint32_t *bigger;

	if (w->closing_room >= room)
		return WSD_OK;
	bigger = realloc(w->closing, room * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	w->closing = bigger;
	w->closing_room = room;
	return WSD_OK;
}

void
worker_close_later(struct worker *w, struct conn *c)
{
	if (c->close_wanted)
		return;
	CHECK(w->n_closing < w->closing_room);
	c->close_wanted = true;
	w->closing[w->n_closing++] = c->slot;
}

void
closing_run(struct worker *w)
{
	if (w->n_closing == 0)
		return;
	for (uint32_t i = 0; i < w->n_closing; i++) {
		struct conn *c = w->slots.conns[w->closing[i]];

		if (c && c->close_wanted) {
			c->close_wanted = false;
			conn_close_now(w, c);
		}
	}
	w->n_closing = 0;
	if (w->context)
		lws_cancel_service(w->context); /* or its timers, set outside its own callbacks, would not run */
}
