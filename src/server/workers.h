/* SPDX-License-Identifier: MIT */
/* The workers as a table. Main thread, but for what is marked. */
#ifndef WSD_SERVER_WORKERS_H
#define WSD_SERVER_WORKERS_H

#include <stdint.h>

#include "loop/thread.h"
#include "worker/worker.h"

struct workers {
	/* what it needs */
	const struct conf *conf;
	const struct auth *auth; /* NULL: clients need no token */
	const struct worker_ops *ops;
	struct broker *broker; /* NULL, and the rules too: there are no channels */
	struct channel_rules_now *rules;

	/* its own */
	struct worker **all; /* [const after start] */
	uint32_t n;          /* of them started */
	struct gate gate;
};

/* Returns when all of them serve: WSD_OK; or why one could not, and then none is left. */
int workers_start(struct workers *ws);

/* Joins them. What they sent on their way out is in main's mailbox then. */
void workers_stop(struct workers *ws);

/* The rules of channels have changed. */
void workers_reload(struct workers *ws);

/* Also the watchdog's thread, which lives shorter. */
uint32_t workers_count(const struct workers *ws);
struct worker *workers_at(const struct workers *ws, uint32_t index); /* NULL: it has ended */

#endif
