/* SPDX-License-Identifier: MIT */
/* How front desk, workers and HTTP reach each other. What comes from a worker's thread comes through main's mailbox. */
#include "server/wiring.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "base/check.h"
#include "base/err.h"
#include "server/handoff_give.h"
#include "server/lifecycle.h"
#include "server/lot_fill.h"
#include "server/restart.h"
#include "server/workers.h"

/* ---- front desk to workers (main thread) ----------------------------------------------------- */

static int
seat_guest(void *arg, const struct front_guest *g)
{
	struct wiring *w = arg;
	struct client_guest guest = {
		.fd = g->fd,
		.serial = g->seat.serial,
		.slot = g->seat.slot,
		.peer = g->client,
		.count = g->count,
		.resumed = g->resumed,
		.subprotocol = g->subprotocol,
		.expires_real_ms = g->expires_real_ms,
		.subject = g->subject,
		.user = g->user,
		.id = g->id,
		.note = g->note,
	};

	memcpy(guest.token, g->token, sizeof(guest.token));
	memcpy(guest.key, g->key, sizeof(guest.key));
	return worker_seat(workers_at(w->workers, g->seat.worker), &guest);
}

/* A connection that is being replaced: asked of its worker, answered to the front desk. */
struct swap {
	struct worker_question question;
	struct mailbox *box;
	char id[];
};

static void
run_swapped(struct mail *mail, void *owner)
{
	struct swap *swap = (struct swap *)mail;
	struct wiring *w = owner;

	front_dismissed(w->front, swap->id, swap->question.serial, swap->question.known, swap->question.count);
	free(swap);
}

static void
on_swapped(struct worker_question *q) /* worker's thread */
{
	struct swap *swap = (struct swap *)q;

	q->mail.run = run_swapped;
	CHECK(mailbox_return(swap->box, &q->mail) == WSD_OK);
}

static int
dismiss(void *arg, const struct front_seat *seat, const char *id)
{
	struct wiring *w = arg;
	struct swap *swap = calloc(1, sizeof(*swap) + strlen(id) + 1);
	int rc;

	if (!swap)
		return -ENOMEM;
	swap->question.serial = seat->serial;
	swap->question.slot = seat->slot;
	swap->question.answered = on_swapped;
	swap->box = &w->box;
	strcpy(swap->id, id);
	rc = worker_dismiss(workers_at(w->workers, seat->worker), &swap->question, CLIENT_BYE_REPLACED);
	if (rc != WSD_OK)
		free(swap);
	return rc;
}

static int
reserve(void *arg, bool admin, const struct sockaddr *peer, socklen_t peer_len)
{
	struct wiring *w = arg;

	return admin_reserve(w->admin, admin ? ADMIN_SIDE_ADMIN : ADMIN_SIDE_PUBLIC, peer, peer_len);
}

static void
plain(void *arg, bool admin, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
	struct wiring *w = arg;

	/* where it can't take it, the library has closed it */
	admin_add(w->admin, admin ? ADMIN_SIDE_ADMIN : ADMIN_SIDE_PUBLIC, fd, peer, peer_len);
}

/* ---- workers to front desk ------------------------------------------------------------------- */

static void
run_left(struct mail *mail, void *owner)
{
	struct client_departure *d = (struct client_departure *)mail;
	struct wiring *w = owner;
	struct front_seat seat = { .serial = d->serial, .worker = d->worker, .slot = d->slot };

	front_left(w->front, &seat, d->count, d->session_over);
	client_departure_free(d);
	lifecycle_left(w->lifecycle);
}

static void
left(void *arg, struct client_departure *d) /* worker's thread */
{
	struct wiring *w = arg;

	d->mail.run = run_left;
	CHECK(mailbox_return(&w->box, &d->mail) == WSD_OK);
}

static void
run_offer(struct mail *mail, void *owner)
{
	struct worker_offer *offer = (struct worker_offer *)mail;
	struct wiring *w = owner;
	struct worker *worker = workers_at(w->workers, offer->worker); /* NULL: it has ended meanwhile */
	enum client_bye bye = lifecycle_state(w->lifecycle) == LIFE_STOPPING ? CLIENT_BYE_RESTART : CLIENT_BYES;

	if (lot_fill_offer(w->fill, offer) || handoff_give_offer(w->give, offer))
		return;
	if (!worker || worker_keep(worker, offer, bye, 0) != WSD_OK)
		free(offer);
}

static void
offer(void *arg, struct worker_offer *o) /* worker's thread */
{
	struct wiring *w = arg;

	o->mail.run = run_offer;
	CHECK(mailbox_return(&w->box, &o->mail) == WSD_OK);
}

static void
asked(void *arg) /* worker's thread */
{
	struct wiring *w = arg;

	restart_answered(w->restart);
}

void
wiring_init(struct wiring *w)
{
	w->front_ops = (struct front_ops){
		.arg = w,
		.seat = seat_guest,
		.dismiss = dismiss,
		.reserve = reserve,
		.plain = plain,
	};
	w->worker_ops = (struct worker_ops){ .arg = w, .left = left, .offer = offer, .asked = asked };
}

int
wiring_start(struct wiring *w, uv_loop_t *loop)
{
	return mailbox_init(&w->box, loop, w, 0); /* only mailbox_return(), which needs no bound */
}

void
wiring_stop(struct wiring *w)
{
	mailbox_close(&w->box, NULL);
	mailbox_deinit(&w->box);
}
