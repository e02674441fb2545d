/* SPDX-License-Identifier: MIT */
/* What backends want of clients, passed on to those of this worker that are meant. Worker's thread. */
#include "worker/worker_priv.h"

#include "base/err.h"
#include "client/backend.h"

static void
run_command(struct mail *mail, void *owner)
{
	struct worker_command *command = (struct worker_command *)mail;
	bool one = command->serial != 0;
	struct worker *w = owner;
	uint32_t from = one ? command->slot : 0, to = one ? command->slot + 1 : w->slots.n_room;

	for (uint32_t slot = from; slot < to && slot < w->slots.n_room; slot++) {
		struct client *c = w->slots.clients[slot];

		if (c && (!one || c->serial == command->serial) && backend_means(c, command->what))
			backend_run(&w->clients, c, command->what, &command->result);
	}
	command->answered(command);
}

int
worker_command(struct worker *w, struct worker_command *command)
{
	command->mail.run = run_command;
	return mailbox_return(&w->box, &command->mail);
}
