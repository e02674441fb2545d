/* SPDX-License-Identifier: MIT */
/*
 * A restart, until everybody stands still. Nobody may have to wait for a client that is silent in the middle of a
 * message, or does not read; so those are dealt with first, while everybody else is served. Main thread.
 *
 *   (served) ── SIGUSR2 ──► asking ── all are decided on ──► standing still (parking.c) ──► the process ends
 *                           ▲    │
 *                           └────┘ it took so long that others may have begun something: they are asked once more
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "server/server_priv.h"

#define PATIENCE_MS 3000 /* for a connection to stand on a frame boundary */
#define AGAIN_MS    1000 /* the same, for those that did a moment ago */
#define QUICK_MS    250  /* a round that is over within this is the last one */
#define ROUNDS_MOST 3

static void
ask(struct server *s, uint32_t patience_ms)
{
	s->restart.rounds++;
	s->restart.round_since_ms = clock_mono_ms();
	atomic_store_explicit(&s->restart.n_asked, s->n_workers, memory_order_relaxed); /* the mailbox orders it */
	for (uint32_t i = 0; i < s->n_workers; i++)
		if (worker_export_ask(s->workers[i], patience_ms) != WSD_OK) {
			log_error("worker %" PRIu32 " could not be asked which connections can be parked", i);
			s->worker_ops.asked(s);
		}
}

static int64_t
unmovable(void)
{
	return metrics_sum(METRIC_UNMOVABLE_BUSY) + metrics_sum(METRIC_UNMOVABLE_KIND);
}

int64_t
restart_told(const struct server *s)
{
	return unmovable() - s->restart.unmovable_before;
}

void
restart_begin(struct server *s)
{
	s->restart.unmovable_before = unmovable();
	s->restart.asking = true;
	s->restart.rounds = 0;
	ask(s, PATIENCE_MS);
}

void
restart_asked(struct server *s)
{
	uint64_t took_ms = clock_mono_ms() - s->restart.round_since_ms;

	if (!s->restart.asking)
		return;
	if (took_ms > QUICK_MS && s->restart.rounds < ROUNDS_MOST)
		ask(s, AGAIN_MS);
	else
		restart_hurry(s);
}

void
restart_hurry(struct server *s)
{
	s->restart.asking = false;
	lifecycle_stand_still(s);
}

void
restart_give_up(struct server *s)
{
	if (!s->restart.asking)
		return;
	s->restart.asking = false;
	for (uint32_t i = 0; i < s->n_workers; i++)
		worker_export_stop(s->workers[i]);
}
