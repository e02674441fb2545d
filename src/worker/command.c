/* SPDX-License-Identifier: MIT */
/* What backends have done with clients, whoever of this worker's they mean. Worker's thread. */
#include "worker/worker_priv.h"

#include <string.h>

#include "base/err.h"
#include "client/channels.h"
#include "client/subscriptions.h"

/* Named by its user, its id or both. One that is moving or leaving is not asked any more. */
static bool
is_meant(const struct worker_command *command, const struct client *c)
{
	return client_is_open(c) && (!command->user[0] || strcmp(command->user, client_user(c)) == 0) &&
	       (!command->client[0] || strcmp(command->client, c->id) == 0);
}

static bool
unsubscribe(struct worker *w, struct client *c, const struct worker_command *command)
{
	struct channel *ch = channels_find(&w->clients, slice_of(command->channel));

	if (!ch || !subscriptions_find(c, ch))
		return false;
	subscriptions_expel(&w->clients, c, ch);
	return true;
}

static bool
do_with(struct worker *w, struct client *c, const struct worker_command *command)
{
	switch (command->deed) {
	case WORKER_DISCONNECT:
		client_bye(&w->clients, c, CLIENT_BYE_OPERATOR, 0);
		return true;
	case WORKER_UNSUBSCRIBE:
		return unsubscribe(w, c, command);
	case WORKER_MESSAGE:
		return client_push(&w->clients, c, command->text);
	}
	return false;
}

static void
run_command(struct mail *mail, void *owner)
{
	struct worker_command *command = (struct worker_command *)mail;
	struct worker *w = owner;

	for (uint32_t slot = 0; slot < w->slots.n_room; slot++) {
		struct client *c = w->slots.clients[slot];

		if (c && is_meant(command, c))
			command->n_done += do_with(w, c, command);
	}
	command->done(command);
}

int
worker_command(struct worker *w, struct worker_command *command)
{
	command->mail.run = run_command;
	return mailbox_return(&w->box, &command->mail);
}
