/* SPDX-License-Identifier: MIT */
/* A restart, from the signal until everybody stands still: restart.c. Main thread, but for what is marked. */
#ifndef WSD_SERVER_RESTART_H
#define WSD_SERVER_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/mailbox.h"

struct lifecycle;
struct workers;

struct restart {
	struct mail mail; /* of the last worker that answers; first, as mails are cast */

	/* what it needs */
	const struct workers *workers;
	struct lifecycle *lifecycle; /* told when everybody is to stand still */
	struct mailbox *box;         /* main's */

	/* its own */
	bool asking;
	uint32_t rounds;
	uint64_t round_since_ms;
	int64_t unmovable_before; /* by earlier handoffs */
	_Atomic uint32_t n_asked; /* [atomic] workers that have not answered yet */
};

void restart_begin(struct restart *r); /* there is a lot */
bool restart_is_asking(const struct restart *r);
void restart_answered(struct restart *r); /* any thread: a worker has */
void restart_hurry(struct restart *r);
void restart_give_up(struct restart *r); /* another end was asked for; harmless if no restart has begun */

/* Connections that could not be parked, so far. */
int64_t restart_told(const struct restart *r);

#endif
