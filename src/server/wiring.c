/* SPDX-License-Identifier: MIT */
/*
 * How the parts reach each other: front desk, workers and HTTP know nothing of one another but the ops that
 * are filled in here. What comes from another thread comes through main's mailbox.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "server/server_priv.h"

/* ---- front desk to workers (main thread) ----------------------------------------------------- */

static int
seat_guest(void *arg, const struct front_guest *g)
{
	struct server *s = arg;
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
		.id = g->id,
	};

	memcpy(guest.token, g->token, sizeof(guest.token));
	memcpy(guest.key, g->key, sizeof(guest.key));
	return worker_seat(s->workers[g->seat.worker], &guest);
}

/* A connection that is being replaced: asked of its worker, answered to the front desk. */
struct swap {
	struct worker_question question;
	struct server *server;
	char id[];
};

static void
run_swapped(struct mail *mail, void *owner)
{
	struct swap *swap = (struct swap *)mail;
	struct server *s = owner;

	front_dismissed(s->front, swap->id, swap->question.serial, swap->question.known, swap->question.count);
	free(swap);
}

static void
on_swapped(struct worker_question *q) /* worker's thread */
{
	struct swap *swap = (struct swap *)q;

	q->mail.run = run_swapped;
	CHECK(mailbox_return(&swap->server->box, &q->mail) == WSD_OK);
}

static int
dismiss(void *arg, const struct front_seat *seat, const char *id)
{
	struct server *s = arg;
	struct swap *swap = calloc(1, sizeof(*swap) + strlen(id) + 1);
	int rc;

	if (!swap)
		return -ENOMEM;
	swap->question.serial = seat->serial;
	swap->question.slot = seat->slot;
	swap->question.answered = on_swapped;
	swap->server = s;
	strcpy(swap->id, id);
	rc = worker_dismiss(s->workers[seat->worker], &swap->question, CLIENT_BYE_REPLACED);
	if (rc != WSD_OK)
		free(swap);
	return rc;
}

static int
reserve(void *arg, bool admin, const struct sockaddr *peer, socklen_t peer_len)
{
	struct server *s = arg;

	return admin_reserve(s->admin, admin ? ADMIN_SIDE_ADMIN : ADMIN_SIDE_PUBLIC, peer, peer_len);
}

static void
plain(void *arg, bool admin, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
	struct server *s = arg;

	/* where it can't take it, the library has closed it */
	admin_add(s->admin, admin ? ADMIN_SIDE_ADMIN : ADMIN_SIDE_PUBLIC, fd, peer, peer_len);
}

/* ---- workers to front desk ------------------------------------------------------------------- */

static void
run_left(struct mail *mail, void *owner)
{
	struct client_departure *d = (struct client_departure *)mail;
	struct server *s = owner;
	struct front_seat seat = { .serial = d->serial, .worker = d->worker, .slot = d->slot };

	front_left(s->front, &seat, d->count, d->session_over);
	client_departure_free(d);
	lifecycle_left(s);
}

static void
left(void *arg, struct client_departure *d) /* worker's thread */
{
	struct server *s = arg;

	d->mail.run = run_left;
	CHECK(mailbox_return(&s->box, &d->mail) == WSD_OK);
}

static void
run_offer(struct mail *mail, void *owner)
{
	struct worker_offer *offer = (struct worker_offer *)mail;
	struct server *s = owner;
	struct worker *w = s->workers[offer->worker]; /* NULL: it has ended meanwhile */
	enum client_bye bye = server_state(s) == STATE_STOPPING ? CLIENT_BYE_RESTART : CLIENT_BYES;

	if (s->parking && offer->fd != -1)
		parking_offer(s, offer);
	else if (s->sender)
		handing_offer(s, offer);
	else if (!w || worker_keep(w, offer, bye, 0) != WSD_OK)
		free(offer);
}

static void
offer(void *arg, struct worker_offer *o) /* worker's thread */
{
	struct server *s = arg;

	o->mail.run = run_offer;
	CHECK(mailbox_return(&s->box, &o->mail) == WSD_OK);
}

static void
run_asked(struct mail *mail, void *owner)
{
	restart_asked(owner);
}

static void
asked(void *arg) /* worker's thread */
{
	struct server *s = arg;

	if (atomic_fetch_sub_explicit(&s->restart.n_asked, 1, memory_order_acq_rel) > 1)
		return;
	s->restart.mail.run = run_asked;
	CHECK(mailbox_return(&s->box, &s->restart.mail) == WSD_OK);
}

void
wiring_init(struct server *s)
{
	s->front_ops = (struct front_ops){
		.arg = s,
		.seat = seat_guest,
		.dismiss = dismiss,
		.reserve = reserve,
		.plain = plain,
	};
	s->worker_ops = (struct worker_ops){ .arg = s, .left = left, .offer = offer, .asked = asked };
	s->admin_ops = (struct admin_ops){
		.arg = s,
		.health = query_health,
		.page = query_page,
		.find = query_find,
		.disconnect = query_disconnect,
		.drain = query_drain,
		.accept = query_accept,
		.handoff = query_handoff,
		.handoff_status = query_handoff_status,
	};
}
