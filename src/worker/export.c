/* SPDX-License-Identifier: MIT */
/*
 * Getting connections ready to go on in another process, or their sessions alone: who, when, and what of those that
 * cannot. Where a connection can stand still is the wire's to find out (wire/boundary.c). Worker's thread.
 *
 * A session that goes alone needs no boundary, since the connection stays: what has been counted is fixed as soon as
 * nothing more is read. It is said goodbye when the other process has it.
 */
#include "worker/worker_priv.h"

#include <stdlib.h>

#include "base/check.h"
#include "client/travel.h"
#include "metrics/metrics.h"

/* Connections that stand still at one time: it bounds how long each of them does. */
#define OFFERED_MOST 256

#define STEP_MS   10
#define LINGER_MS 2000 /* for who was told, before a restart goes on: others are served meanwhile */

/* ---- offering -------------------------------------------------------------------------------- */

static void
tell_to_come_back(struct worker *w, struct client *c)
{
	wire_stop_seeking(w->clients.hub, &c->wire);
	client_bye(&w->clients, c, CLIENT_BYE_RESTART, clients_random(&w->clients, 1000));
}

/* It cannot be moved. True: its session is to be offered still. */
static bool
give_up(struct worker *w, struct client *c, enum metric reason)
{
	metrics_add(w->clients.shard, reason, 1);
	if (w->export.sessions) {
		c->session_only = true;
		return true;
	}
	tell_to_come_back(w, c);
	return false;
}

static struct worker_offer *
make_offer(struct worker *w, struct client *c)
{
	size_t queued = c->session_only ? 0 : wire_queued(&c->wire);
	size_t subscribed = c->session_only ? 0 : travel_subscriptions(c, NULL);
	struct worker_offer *offer = calloc(1, sizeof(*offer) + queued + subscribed);
	struct conn_state *s;

	if (!offer)
		return NULL;
	offer->fd = c->session_only ? -1 : wire_fd(&c->wire);
	offer->serial = c->serial;
	offer->worker = w->clients.index;
	offer->slot = c->slot;
	s = &offer->state;
	travel_leave(c, s, clients_now_ms(&w->clients));
	s->queue = offer->room;
	s->queue_len = queued;
	if (queued > 0)
		wire_copy_queue(&c->wire, offer->room);
	s->subscriptions = (struct slice){ offer->room + queued, subscribed };
	if (subscribed > 0)
		travel_subscriptions(c, offer->room + queued);
	return offer;
}

static void
offer(struct worker *w, struct client *c)
{
	struct worker_offer *o = make_offer(w, c);

	if (!o) {
		metrics_add(w->clients.shard, METRIC_ERROR_INTERNAL, 1);
		tell_to_come_back(w, c);
		return;
	}
	w->export.offered++;
	client_hold(&w->clients, c);
	w->ops->offer(w->ops->arg, o);
}

/* Whether it can be offered now; if not yet, it is looked at again. */
static bool
can_go(struct worker *w, struct client *c)
{
	if (c->session_only)
		return true;
	switch (wire_place(w->clients.hub, &c->wire)) {
	case WIRE_ON_BOUNDARY:
		return true;
	case WIRE_NOWHERE:
		return give_up(w, c, METRIC_UNMOVABLE_KIND);
	default:
		return false;
	}
}

void
export_look(struct worker *w, struct client *c)
{
	if (!client_is_open(c))
		return;
	if (w->export.offered >= OFFERED_MOST && w->export.aim != EXPORT_LAST) {
		w->export.held_back = true;
		return;
	}
	if (!can_go(w, c))
		return;
	if (w->export.aim == EXPORT_ASK)
		wire_stop_seeking(w->clients.hub, &c->wire); /* it can go, and goes on until all can */
	else
		offer(w, c);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void
export_newcomer(struct worker *w, struct client *c)
{
	if (w->export.aim == EXPORT_NONE || w->export.aim == EXPORT_ASK)
		return;
	c->session_only = w->export.aim == EXPORT_SESSIONS;
	wire_seek_boundary(w->clients.hub, &c->wire);
}

/* One fewer stands still: the next may. */
static void
make_way(struct worker *w)
{
	struct export *e = &w->export;

	CHECK(e->offered > 0);
	e->offered--;
	if (!e->held_back || e->offered > OFFERED_MOST / 2)
		return;
	e->held_back = false;
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct client *c = w->slots.clients[slot];

		if (c && wire_is_seeking(&c->wire))
			wire_look_again(w->clients.hub, &c->wire);
	}
}

void
export_init(struct worker *w)
{
	CHECK_ZERO(uv_timer_init(&w->loop, &w->export.timer));
	w->export.timer.data = w;
}

static void
begin(struct worker *w, enum export_aim aim, bool sessions)
{
	struct export *e = &w->export;

	uv_update_time(&w->loop); /* the turn may be an old one, with many arrivals before us */
	uv_timer_stop(&e->timer);
	e->aim = aim;
	e->sessions = sessions;
	e->held_back = false;
}

static void
begin_with_each(struct worker *w, enum export_aim aim, bool sessions)
{
	begin(w, aim, sessions);
	wire_hub_forget_pings(w->clients.hub);
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct client *c = w->slots.clients[slot];

		if (!c || !client_is_open(c))
			continue;
		c->session_only = false;
		wire_seek_boundary(w->clients.hub, &c->wire);
	}
}

static void
give_up_rest(struct worker *w)
{
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct client *c = w->slots.clients[slot];

		if (c && wire_is_seeking(&c->wire) && !c->session_only && give_up(w, c, METRIC_UNMOVABLE_BUSY))
			wire_look_again(w->clients.hub, &c->wire);
	}
}

static void
on_patience_over(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	CHECK_MAGIC(w, WORKER_MAGIC);
	if (w->export.held_back)
		return; /* not all had their turn: once more as long */
	uv_timer_stop(timer);
	w->export.aim = EXPORT_NONE;
	give_up_rest(w);
}

void
export_start(struct worker *w, uint32_t patience_ms, bool sessions)
{
	begin_with_each(w, EXPORT_MOVE, sessions);
	CHECK_ZERO(uv_timer_start(&w->export.timer, on_patience_over, patience_ms, patience_ms));
}

/* ---- a restart ------------------------------------------------------------------------------- */

static void
cut_leaving(struct worker *w)
{
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct client *c = w->slots.clients[slot];

		if (c && client_is_ending(c))
			wire_cut(w->clients.hub, &c->wire);
	}
}

/* Whoever once is decided on stays so. */
static bool
all_decided(struct worker *w)
{
	const struct slots *slots = &w->slots;
	uint32_t *next = &w->export.next_slot;

	for (; *next < slots->n_room; ++*next) {
		const struct client *c = slots->clients[*next];

		if (c && (wire_is_seeking(&c->wire) || client_is_ending(c)))
			return false;
	}
	return true;
}

static void
on_asking(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	struct export *e = &w->export;

	CHECK_MAGIC(w, WORKER_MAGIC);
	if (clients_now_ms(&w->clients) >= e->patient_ms)
		give_up_rest(w);
	if (clients_now_ms(&w->clients) >= e->cut_ms)
		cut_leaving(w);
	if (!all_decided(w))
		return;
	uv_timer_stop(timer);
	e->aim = EXPORT_NONE;
	w->ops->asked(w->ops->arg);
}

void
export_ask(struct worker *w, uint32_t patience_ms)
{
	struct export *e = &w->export;

	begin_with_each(w, EXPORT_ASK, false);
	e->next_slot = 0;
	e->patient_ms = clients_now_ms(&w->clients) + patience_ms;
	e->cut_ms = e->patient_ms + LINGER_MS;
	CHECK_ZERO(uv_timer_start(&e->timer, on_asking, STEP_MS, STEP_MS));
}

static void
on_grace_over(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	CHECK_MAGIC(w, WORKER_MAGIC);
	give_up_rest(w);
	cut_leaving(w);
}

void
export_last(struct worker *w, uint32_t grace_ms)
{
	begin_with_each(w, EXPORT_LAST, false);
	/* again and again, for those that come late, or come back since there was no room for them */
	CHECK_ZERO(uv_timer_start(&w->export.timer, on_grace_over, grace_ms, STEP_MS));
}

/* ---- sessions alone -------------------------------------------------------------------------- */

static void
come_forward(struct worker *w, struct client *c)
{
	if (!client_is_open(c)) /* a newcomer will be asked when it is */
		return;
	c->session_only = true;
	wire_seek_boundary(w->clients.hub, &c->wire);
}

void
export_start_sessions(struct worker *w, uint32_t spread_ms)
{
	begin(w, EXPORT_SESSIONS, true); /* none of them can refuse */
	drain_walk(w, come_forward, spread_ms);
}

void
export_stop(struct worker *w)
{
	w->export.aim = EXPORT_NONE;
	uv_timer_stop(&w->export.timer);
	if (w->drain.tell == come_forward) /* and not an operator's drain that has come in between */
		drain_stop(w);
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct client *c = w->slots.clients[slot];

		if (c && wire_is_seeking(&c->wire))
			wire_stop_seeking(w->clients.hub, &c->wire);
	}
}

void
export_release(struct worker *w, struct client *c)
{
	make_way(w);
	client_give_away(&w->clients, c);
}

void
export_keep(struct worker *w, struct client *c)
{
	make_way(w);
	client_resume(&w->clients, c);
}
