/* SPDX-License-Identifier: MIT */
/*
 * How the parts reach each other: front desk, workers and HTTP know nothing of one another but the ops that are filled
 * in here. Main thread, but for what the workers call.
 */
#ifndef WSD_SERVER_WIRING_H
#define WSD_SERVER_WIRING_H

#include "front/front.h"
#include "loop/mailbox.h"
#include "worker/worker.h"

struct admin;
struct handoff_give;
struct lifecycle;
struct lot_fill;
struct restart;
struct workers;

struct wiring {
	/* what it connects */
	struct front *front;
	struct admin *admin;
	const struct workers *workers;
	struct lifecycle *lifecycle;
	struct restart *restart;
	struct lot_fill *fill;
	struct handoff_give *give;

	/* its own */
	struct mailbox box;           /* [lock: its own] main's, for what workers send */
	struct front_ops front_ops;   /* [const after start] */
	struct worker_ops worker_ops; /* the same */
};

/* Before the front desk: fills the ops. */
void wiring_init(struct wiring *w);

/* Before the workers: from here on they may send. WSD_OK or a negative errno. */
int wiring_start(struct wiring *w, uv_loop_t *loop);

/* After the workers: what they have sent is run. The loop has to turn once more, some time, before it is closed. */
void wiring_stop(struct wiring *w);

#endif
