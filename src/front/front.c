/* SPDX-License-Identifier: MIT */
/* The front desk as a whole: its beginning and end, its clock, and what the rest of the server tells and asks
 * it. Main thread. */
#include "front/front.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "front/front_priv.h"
#include "kept/notes.h"

#define TICK_MS 100

#define PEERS_MOST         65536
#define ADMIN_PENDING_MOST 64 /* operators, probes and Prometheus: they speak at once */

static void
on_visitor_due(struct wheel_timer *timer, void *arg)
{
	visitor_due(LIST_ENTRY(timer, struct visitor, timer));
}

static void
clock_lobby(struct front *f, struct lobby *lobby)
{
	visitor_look_again(lobby);
	if (lobby->full)
		visitor_evict_oldest(f, lobby);
}

static void
on_clock(uv_timer_t *timer)
{
	struct front *f = timer->data;
	uint64_t now_ms = uv_now(f->loop);

	CHECK_MAGIC(f, FRONT_MAGIC);
	wheel_run(&f->wheel, now_ms);
	sessions_expire(&f->sessions, now_ms);
	clock_lobby(f, &f->public);
	clock_lobby(f, &f->admin);
}

static void
lobby_init(struct lobby *lobby, uint32_t most, bool admin)
{
	lobby->most = most;
	lobby->admin = admin;
	list_init(&lobby->visitors);
}

int
front_create(struct front **out, const struct front_setup *setup)
{
	struct front *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (!f)
		return -ENOMEM;
	f->magic = FRONT_MAGIC;
	f->conf = setup->conf;
	f->ops = setup->ops;
	f->auth = setup->auth;
	f->loop = setup->loop;
	f->shard = setup->shard;
	if (seats_init(&f->seats, setup->workers) != WSD_OK) {
		free(f);
		return -ENOMEM;
	}
	lobby_init(&f->public, setup->most_pending, false);
	lobby_init(&f->admin, ADMIN_PENDING_MOST, true);
	wheel_init(&f->wheel, TICK_MS, uv_now(f->loop), on_visitor_due, f);
	sessions_init(&f->sessions, f->conf->session_ttl_ms, f->conf->max_connections, f->shard, setup->notes);
	f->notes = setup->notes;
	peers_init(&f->peers, PEERS_MOST);
	f->clock.data = f->retry.data = f;
	CHECK_ZERO(uv_timer_init(f->loop, &f->clock));
	CHECK_ZERO(uv_timer_start(&f->clock, on_clock, TICK_MS, TICK_MS));
	CHECK_ZERO(uv_timer_init(f->loop, &f->retry));
	f->open_handles = 2;
	*out = f;
	return WSD_OK;
}

void
front_handle_closed(struct front *f)
{
	CHECK(f->open_handles > 0);
	if (--f->open_handles == 0 && f->on_closed)
		f->on_closed(f->on_closed_arg);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	front_handle_closed(handle->data);
}

static void
empty_lobby(struct lobby *lobby)
{
	list_foreach (node, &lobby->visitors)
		visitor_done(LIST_ENTRY(node, struct visitor, node));
}

void
front_close(struct front *f, void (*on_closed)(void *arg), void *arg)
{
	CHECK_MAGIC(f, FRONT_MAGIC);
	f->mode = FRONT_CLOSED;
	f->on_closed = on_closed;
	f->on_closed_arg = arg;
	uv_close((uv_handle_t *)&f->clock, on_timer_closed);
	uv_close((uv_handle_t *)&f->retry, on_timer_closed);
	acceptor_close(f);
	empty_lobby(&f->public);
	empty_lobby(&f->admin);
}

void
front_destroy(struct front **front)
{
	struct front *f = *front;

	if (!f)
		return;
	CHECK_MAGIC(f, FRONT_MAGIC);
	CHECK(f->open_handles == 0);
	sessions_deinit(&f->sessions);
	peers_deinit(&f->peers);
	seats_deinit(&f->seats);
	f->magic = 0;
	free(f);
	*front = NULL;
}

void
front_set_mode(struct front *f, enum front_mode mode)
{
	bool stood_still = f->mode == FRONT_PARKING && mode != FRONT_PARKING;

	if (stood_still && mode == FRONT_CLOSED) /* parking is as closed, and who was parked must get no answer here */
		return;
	f->mode = mode;
	acceptor_update(f);
	if (!stood_still)
		return;
	list_foreach (node, &f->public.visitors)
		visitor_hear(LIST_ENTRY(node, struct visitor, node));
}

void
front_left(struct front *f, const struct front_seat *at, uint64_t count, bool session_over)
{
	struct seat *seat = seats_at(&f->seats, at->worker, at->slot);
	struct session *session = seat->session;

	CHECK(seat->serial == at->serial);
	if (seat->client)
		seat->client->connections--;
	if (session) {
		session->count = count;
		if (session->state == SESSION_LIVE && session_over)
			sessions_forget(&f->sessions, session);
		else if (session->state == SESSION_LIVE)
			sessions_keep(&f->sessions, session, uv_now(f->loop));
	}
	notes_free(f->notes, seat->note); /* its session has one of its own by now */
	seats_free(&f->seats, at->worker, at->slot);
}

uint32_t
front_connections(const struct front *f)
{
	return f->seats.n_taken;
}

bool
front_find(const struct front *f, const char *id, struct front_seat *out)
{
	struct session *session = sessions_find(&f->sessions, id);

	if (!session || session->state != SESSION_LIVE)
		return false;
	*out = session->seat;
	return true;
}
