/* SPDX-License-Identifier: MIT */
/* Saying goodbye to all connections of a worker, a few at a time, so that their reconnects do not stampede; or
 * whatever else is to be done so (export.c). Worker's thread. */
#include "worker/worker_priv.h"

#include "base/check.h"

#define STEP_MS 10

static void
say_goodbye(struct worker *w, struct client *c)
{
	struct drain *d = &w->drain;

	client_bye(&w->clients, c, d->bye, clients_random(&w->clients, d->retry_ms + 1));
}

/* How many should have been told by now. */
static uint64_t
due_by(const struct drain *d, uint64_t now_ms)
{
	if (now_ms >= d->until_ms)
		return UINT64_MAX;
	return (now_ms - d->from_ms) * d->at_start / (d->until_ms - d->from_ms) + 1;
}

static void
on_step(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	struct drain *d = &w->drain;
	uint64_t due = due_by(d, clients_now_ms(&w->clients));

	CHECK_MAGIC(w, WORKER_MAGIC);
	while (d->next_slot < w->slots.n_room && d->told < due) {
		struct client *c = w->slots.clients[d->next_slot++];

		if (!c)
			continue;
		d->tell(w, c);
		d->told++;
	}
	if (d->next_slot >= w->slots.n_room)
		drain_stop(w);
}

void
drain_stop(struct worker *w)
{
	uv_timer_stop(&w->drain.timer);
}

void
drain_init(struct worker *w)
{
	CHECK_ZERO(uv_timer_init(&w->loop, &w->drain.timer));
	w->drain.timer.data = w;
}

void
drain_start(struct worker *w, enum client_bye bye, uint32_t spread_ms, uint32_t retry_ms)
{
	w->drain.bye = bye;
	w->drain.retry_ms = retry_ms;
	drain_walk(w, say_goodbye, spread_ms);
}

void
drain_walk(struct worker *w, void (*tell)(struct worker *w, struct client *c), uint32_t spread_ms)
{
	struct drain *d = &w->drain;

	d->tell = tell;
	d->next_slot = 0;
	d->told = 0;
	d->at_start = w->slots.n_used;
	d->from_ms = clients_now_ms(&w->clients);
	d->until_ms = d->from_ms + spread_ms;
	CHECK_ZERO(uv_timer_start(&d->timer, on_step, 0, STEP_MS));
}
