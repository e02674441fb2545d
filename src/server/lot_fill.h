/* SPDX-License-Identifier: MIT */
/* Parking: puts connections into the lot, for the next process. Main thread. */
#ifndef WSD_SERVER_LOT_FILL_H
#define WSD_SERVER_LOT_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "move/lot.h"

struct conf;
struct front;
struct worker_offer;
struct workers;

struct lot_fill {
	uint32_t magic;

	/* what it needs */
	const struct conf *conf;
	uv_loop_t *loop;
	const struct front *front;
	const struct workers *workers;
	struct lot *lot; /* NULL: connections are not kept over a restart */

	/* its own */
	bool running;
	uv_timer_t flush;
	struct worker_offer *offers[LOT_BATCH]; /* put into the lot, but not flushed yet */
	uint32_t n, total;
	uint64_t since_ms;
};

bool lot_fill_possible(const struct lot_fill *f);

/* Nobody is served any more; all workers are told to offer their connections. */
void lot_fill_begin(struct lot_fill *f);

/* True: the offer is taken, and will be settled. False: it is not for the lot. */
bool lot_fill_offer(struct lot_fill *f, struct worker_offer *offer);

/* Who was accepted but not heard yet, and the sessions, go along. told: connections that could not be parked, for the
 * log. Harmless if it has not begun. */
void lot_fill_finish(struct lot_fill *f, int64_t told);

#endif
