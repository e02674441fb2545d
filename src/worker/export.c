/* SPDX-License-Identifier: MIT */
/*
 * Getting connections ready to go on in another process, or their sessions alone. Worker's thread.
 *
 * A connection can go when libwebsockets stands exactly between two frames and holds no byte that it has read
 * and not parsed, since those bytes would stay behind. It does not tell, but the kernel does: TCP counts the
 * bytes that have been read, and we count those of all frames that were delivered. If both are equal, nothing
 * is in between. Unread bytes stay in the socket and travel with it.
 *
 * Frames that libwebsockets keeps to itself (a client's pings, empty pongs) are missing from our count. Then,
 * when all that the client has sent is read, the count is set anew and a ping is sent; if the next that comes
 * is counted up to its pong, it was right. doc/handoff.md has the reasoning.
 *
 * None of that matters where the session goes alone, since the connection stays with its libwebsockets: what has
 * been counted is fixed as soon as nothing more is read. It is said goodbye when the other process has it.
 */
#include "worker/worker_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/tcp.h"
#include "conf/conf.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "worker/outq.h"
#include "worker/travel.h"

#define NONCE_BYTES 8

/* Connections that were admitted already when all were to be offered, but had not come here yet. */
#define NEWCOMERS 1024

/* Connections that stand still at one time: it bounds how long each of them does. */
#define OFFERED_MOST 256

#define STEP_MS	  10
#define LINGER_MS 2000 /* for who was told, before a restart goes on: others are served meanwhile */

uint64_t
export_consumed(const struct conn *c)
{
	struct tcp_state tcp;

	return tcp_state_of(lws_get_socket_fd(c->wsi), &tcp) ? tcp.consumed : 0;
}

/* ---- offering -------------------------------------------------------------------------------- */

/* It cannot be moved. True: its session is to be offered still. */
static bool
give_up(struct worker *w, struct conn *c, enum metric reason)
{
	metrics_add(w->shard, reason, 1);
	if (w->export.sessions) {
		c->session_only = true;
		return true;
	}
	c->exporting = false;
	conn_bye(w, c, WORKER_BYE_RESTART, worker_random(w, 1000));
	return false;
}

static struct worker_offer *
make_offer(struct worker *w, struct conn *c)
{
	size_t queued = c->session_only ? 0 : conn_queued_bytes(c);
	struct worker_offer *offer = calloc(1, sizeof(*offer) + queued);
	struct conn_state *s;

	if (!offer)
		return NULL;
	offer->fd = c->session_only ? -1 : lws_get_socket_fd(c->wsi);
	offer->serial = c->serial;
	offer->worker = w->index;
	offer->slot = c->slot;
	s = &offer->state;
	travel_leave(c, s, worker_now_ms(w));
	s->queue = offer->queue;
	s->queue_len = queued > 0 ? outq_copy(c->outq, offer->queue) : 0;
	return offer;
}

static void
offer(struct worker *w, struct conn *c)
{
	struct worker_offer *o = make_offer(w, c);

	if (!o) {
		metrics_add(w->shard, METRIC_ERROR_INTERNAL, 1);
		c->exporting = false;
		conn_bye(w, c, WORKER_BYE_RESTART, worker_random(w, 1000));
		return;
	}
	c->exporting = false;
	w->export.offered++;
	c->phase = CONN_OFFERED;
	wheel_clear(&c->timer);
	conn_mind_input(w, c);
	w->ops->offer(w->ops->arg, o);
}

/* ---- the boundary ---------------------------------------------------------------------------- */

static void
send_ping(struct worker *w, struct conn *c)
{
	cork_ping(w, c, &w->export.nonce, NONCE_BYTES);
	cork_flush(w, 0);
}

/* Whether it stands on a boundary; if not yet, sees to it that it is looked at again. */
static bool
on_boundary(struct worker *w, struct conn *c, bool in_writeable)
{
	struct tcp_state tcp = { 0 };
	bool tcp_known = tcp_state_of(lws_get_socket_fd(c->wsi), &tcp);
	bool between = !c->assembly && !c->inside_frame; /* else more is to come, and it will be looked at then */

	/* Whoever is paused in the middle of something would stay there: it is read on. */
	c->off_boundary = !between || tcp.consumed != c->rx_bytes;
	conn_mind_input(w, c);
	if (!between)
		return false;
	if (lws_partial_buffered(c->wsi) || ((c->outq || c->by_queue) && !in_writeable)) {
		lws_callback_on_writable(c->wsi); /* and again then */
		return false;
	}
	if (!tcp_known)
		return give_up(w, c, METRIC_UNMOVABLE_KIND);
	if (tcp.consumed == c->rx_bytes && !c->unsure)
		return true;
	if (tcp.unread == 0 && !c->pinged) {
		c->rx_bytes = tcp.consumed;
		c->mask_looks = CONN_MASK_UNKNOWN; /* half a frame may have been read */
		c->pinged = c->unsure = true;
		send_ping(w, c);
	}
	return false;
}

/* Offers the connection if it can go now. in_writeable: libwebsockets does not want to write to it just now. */
static bool
try(struct worker *w, struct conn *c, bool in_writeable)
{
	if (c->phase != CONN_OPEN || !c->exporting)
		return false;
	if (w->export.offered >= OFFERED_MOST && w->export.aim != EXPORT_LAST) {
		w->export.held_back = true;
		return false;
	}
	if (w->cork.now.conn == c)
		return false; /* it is being read: it will be looked at again at the end of the turn */
	if (!c->session_only && !on_boundary(w, c, in_writeable))
		return false;
	if (w->export.aim == EXPORT_ASK) {
		c->exporting = false; /* it can go, and goes on until all can */
		return false;
	}
	offer(w, c);
	return true;
}

void
export_pong(struct worker *w, struct conn *c, const void *payload, size_t len)
{
	if (!c->pinged || len != NONCE_BYTES || memcmp(payload, &w->export.nonce, NONCE_BYTES) != 0)
		return;
	c->pinged = c->unsure = false; /* counted right: it will be found on the boundary; else it is tried again */
	export_look_later(w, c);
}

bool
export_writeable(struct worker *w, struct conn *c)
{
	return try(w, c, true);
}

void
export_look_later(struct worker *w, struct conn *c)
{
	struct export *e = &w->export;

	if (c->check_wanted)
		return;
	c->check_wanted = true;
	if (e->n_look < e->look_room)
		e->look[e->n_look++] = c->slot;
	else
		e->look_at_all = true;
}

void
export_end_turn(struct worker *w)
{
	struct export *e = &w->export;
	bool all = e->look_at_all;
	uint32_t n = all ? w->slots.n_room : e->n_look;

	e->look_at_all = false;
	for (uint32_t i = 0; i < n; i++) {
		struct conn *c = w->slots.conns[all ? i : e->look[i]];

		if (!c || !c->check_wanted)
			continue;
		c->check_wanted = false;
		try(w, c, false);
	}
	e->n_look = 0;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void
export_newcomer(struct worker *w, struct conn *c)
{
	if (w->export.aim == EXPORT_NONE || w->export.aim == EXPORT_ASK)
		return;
	c->exporting = true;
	c->session_only = w->export.aim == EXPORT_SESSIONS;
	c->pinged = false;
	export_look_later(w, c);
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
		struct conn *c = w->slots.conns[slot];

		if (c && c->exporting)
			export_look_later(w, c);
	}
}

int
export_init(struct worker *w)
{
	/* Now and not when it is needed: libwebsockets 4.1.6 closes a descriptor twice when a context ends, and the
	 * second time may hit what another thread has just opened. */
	w->export.dummy = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return w->export.dummy == -1 ? wsd_errno() : WSD_OK;
}

void
export_init_timer(struct worker *w)
{
	CHECK_ZERO(uv_timer_init(&w->loop, &w->export.timer));
	w->export.timer.data = w;
}

static void
begin(struct worker *w, enum export_aim aim, bool sessions)
{
	struct export *e = &w->export;

	free(e->look);
	e->look_room = w->slots.n_room + NEWCOMERS;
	e->look = calloc(e->look_room, sizeof(*e->look));
	e->n_look = 0;
	if (!e->look)
		e->look_room = 0; /* it goes without, only slower */
	uv_update_time(&w->loop); /* the turn may be an old one, with many arrivals before us */
	uv_timer_stop(&e->timer);
	e->aim = aim;
	e->sessions = sessions;
	e->held_back = false;
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++)
		if (w->slots.conns[slot])
			w->slots.conns[slot]->check_wanted = false; /* of a list that is gone */
}

static void
begin_with_each(struct worker *w, enum export_aim aim, bool sessions)
{
	begin(w, aim, sessions);
	fd_random(&w->export.nonce, sizeof(w->export.nonce));
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct conn *c = w->slots.conns[slot];

		if (!c || c->phase != CONN_OPEN)
			continue;
		c->exporting = true;
		c->session_only = false;
		c->pinged = false;
		export_look_later(w, c);
	}
}

static void
give_up_rest(struct worker *w)
{
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct conn *c = w->slots.conns[slot];

		if (c && c->exporting && !c->session_only && give_up(w, c, METRIC_UNMOVABLE_BUSY))
			export_look_later(w, c);
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

static bool
is_leaving(const struct conn *c)
{
	return c->phase == CONN_LEAVING || c->phase == CONN_CLOSING;
}

static void
cut_leaving(struct worker *w)
{
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct conn *c = w->slots.conns[slot];

		if (c && is_leaving(c))
			conn_cut(w, c);
	}
}

/* Whoever once is decided on stays so. */
static bool
all_decided(struct worker *w)
{
	const struct slots *slots = &w->slots;
	uint32_t *next = &w->export.next_slot;

	for (; *next < slots->n_room; ++*next) {
		const struct conn *c = slots->conns[*next];

		if (c && (c->exporting || is_leaving(c)))
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
	if (worker_now_ms(w) >= e->patient_ms)
		give_up_rest(w);
	if (worker_now_ms(w) >= e->cut_ms)
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
	e->patient_ms = worker_now_ms(w) + patience_ms;
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
come_forward(struct worker *w, struct conn *c)
{
	if (c->phase != CONN_OPEN) /* a newcomer will be asked when it is */
		return;
	c->exporting = c->session_only = true;
	export_look_later(w, c);
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
		struct conn *c = w->slots.conns[slot];

		if (c && c->exporting) {
			c->exporting = false;
			conn_mind_input(w, c);
		}
	}
}

void
export_release(struct worker *w, struct conn *c)
{
	int fd = lws_get_socket_fd(c->wsi);

	make_way(w);
	/* libwebsockets is about to shut down and close this number; the connection itself must not notice */
	CHECK(dup2(w->export.dummy, fd) == fd);
	c->moved = true;
	c->phase = CONN_GONE;
	worker_close_later(w, c);
}

void
export_keep(struct worker *w, struct conn *c)
{
	make_way(w);
	c->phase = CONN_OPEN;
	c->session_only = false;
	conn_mind_input(w, c);
	if (c->outq)
		lws_callback_on_writable(c->wsi);
	conn_rearm(w, c);
	ws_watched(w, c); /* it was not while it was offered; meanwhile the other process watches many */
}

void
export_deinit(struct worker *w)
{
	free(w->export.look);
	w->export.look = NULL;
	fd_close(&w->export.dummy);
}
