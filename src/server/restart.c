/* SPDX-License-Identifier: MIT */
/*
 * A restart, until everybody stands still. Nobody may have to wait for a client that is silent in the middle of a
 * message, or does not read; so those are dealt with first, while everybody else is served. Main thread.
 *
 *   (served) ── SIGUSR2 ──► asking ── all are decided on ──► standing still (lot_fill.c) ──► the process ends
 *                           ▲    │
 *                           └────┘ it took so long that others may have begun something: they are asked once more
 */
#include "server/restart.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "server/lifecycle.h"
#include "server/workers.h"

#define PATIENCE_MS 3000 /* for a connection to stand on a frame boundary */
#define AGAIN_MS    1000 /* the same, for those that did a moment ago */
#define QUICK_MS    250  /* a round that is over within this is the last one */
#define ROUNDS_MOST 3

static void
ask(struct restart *r, uint32_t patience_ms)
{
	uint32_t n = workers_count(r->workers);

	r->rounds++;
	r->round_since_ms = clock_mono_ms();
	atomic_store_explicit(&r->n_asked, n, memory_order_relaxed); /* the mailbox orders it */
	for (uint32_t i = 0; i < n; i++)
		if (worker_export_ask(workers_at(r->workers, i), patience_ms) != WSD_OK) {
			log_error("worker %" PRIu32 " could not be asked which connections can be parked", i);
			restart_answered(r);
		}
}

static void
run_decided(struct mail *mail, void *owner)
{
	struct restart *r = (struct restart *)mail;
	uint64_t took_ms = clock_mono_ms() - r->round_since_ms;

	if (!r->asking)
		return;
	if (took_ms > QUICK_MS && r->rounds < ROUNDS_MOST)
		ask(r, AGAIN_MS);
	else
		restart_hurry(r);
}

void
restart_answered(struct restart *r)
{
	if (atomic_fetch_sub_explicit(&r->n_asked, 1, memory_order_acq_rel) > 1)
		return;
	r->mail.run = run_decided;
	CHECK(mailbox_return(r->box, &r->mail) == WSD_OK);
}

static int64_t
unmovable(void)
{
	return metrics_sum(METRIC_UNMOVABLE_BUSY) + metrics_sum(METRIC_UNMOVABLE_KIND);
}

int64_t
restart_told(const struct restart *r)
{
	return unmovable() - r->unmovable_before;
}

void
restart_begin(struct restart *r)
{
	r->unmovable_before = unmovable();
	r->asking = true;
	r->rounds = 0;
	ask(r, PATIENCE_MS);
}

bool
restart_is_asking(const struct restart *r)
{
	return r->asking;
}

void
restart_hurry(struct restart *r)
{
	r->asking = false;
	lifecycle_stand_still(r->lifecycle);
}

void
restart_give_up(struct restart *r)
{
	if (!r->asking)
		return;
	r->asking = false;
	for (uint32_t i = 0; i < workers_count(r->workers); i++)
		worker_export_stop(workers_at(r->workers, i));
}
