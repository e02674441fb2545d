/* SPDX-License-Identifier: MIT */
/* The mail that brings a client of another process: made by main, read by the worker. How it goes on is
 * client/travel.c's. */
#include "worker/worker_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tcp.h"
#include "client/travel.h"
#include "kept/notes.h"

struct import_mail {
	struct mail mail;
	struct client *client;
	int fd;
	bool noted;
	size_t subscribed; /* bytes */
	char subscriptions[];
};

static void
run_import(struct mail *mail, void *owner)
{
	struct import_mail *m = (struct import_mail *)mail;
	struct worker *w = owner;

	CHECK_MAGIC(w, WORKER_MAGIC);
	if (worker_take_up(w, m->client, m->fd))
		client_go_on(&w->clients, m->client, m->fd, !m->noted,
			     (struct slice){ m->subscriptions, m->subscribed });
	free(m);
}

/* It is here from now on if the process is killed; or, if it was offered, from the moment on at which it is claimed:
 * whoever gave it away has nothing of it then. It stands still, so that the kernel's counts tell where. */
static void
note_arrival(const struct worker_arrival *a, const struct client *c, bool claimed)
{
	struct note *note = a->note;
	struct tcp_state tcp;

	if (!note || a->noted || !tcp_state_of(a->fd, &tcp))
		return;
	if (claimed)
		note_set_offer(note, NOTE_CLAIMED, a->word);
	note_hold(note, a->state->queue_len > 0); /* until that has been sent */
	travel_note(c, note_begin(note));
	note_end(note, tcp.consumed, tcp.sent);
	note->given = tcp.sent;
	note->unseen = 0;
	note_set_fd(note, a->fd);
	note_set_state(note, NOTE_OPEN);
}

int
worker_import(struct worker *w, const struct worker_arrival *arrival, bool (*claim)(void *arg), void *claim_arg)
{
	const struct slice *subscriptions = &arrival->state->subscriptions;
	struct import_mail *m = malloc(sizeof(*m) + subscriptions->len);
	int rc = -ENOMEM;

	if (!m)
		return rc;
	*m = (struct import_mail){
		.mail.run = run_import,
		.client = client_arrive(arrival->state, arrival->serial, arrival->slot, arrival->note),
		.fd = arrival->fd,
		.noted = arrival->noted,
		.subscribed = subscriptions->len,
	};
	if (subscriptions->len > 0)
		memcpy(m->subscriptions, subscriptions->at, subscriptions->len);
	if (!m->client)
		goto out;
	note_arrival(arrival, m->client, claim != NULL);
	/* without a bound: what was claimed must not be lost; the sender's window bounds it */
	rc = claim && !claim(claim_arg) ? WSD_E_CLOSED : mailbox_return(&w->box, &m->mail);
	if (rc == WSD_OK)
		return rc;
	client_free(m->client);
out:
	free(m);
	return rc;
}
