/* SPDX-License-Identifier: MIT */
/*
 * What main wants of all connections of a worker: goodbyes, offers, and no more of either. Main thread; what runs
 * is the worker's. An order lies in the worker itself, since one that failed for want of memory would leave
 * thousands of connections behind: untold in a stop, or offered after a handoff has failed.
 */
#include "worker/worker_priv.h"

#include "base/check.h"
#include "base/err.h"

/* ---- worker's thread ------------------------------------------------------------------------- */

/* Copies the order and gives its place back. */
static struct order
read_order(struct mail *mail)
{
	struct order *o = (struct order *)mail;
	struct order copy = { .sessions = o->sessions, .bye = o->bye, .ms = o->ms, .retry_ms = o->retry_ms };

	atomic_store_explicit(&o->taken, false, memory_order_release);
	return copy;
}

static void
run_drain(struct mail *mail, void *owner)
{
	struct order o = read_order(mail);
	struct worker *w = owner;

	if (!w->stopping)
		drain_start(w, o.bye, o.ms, o.retry_ms);
}

static void
run_drain_stop(struct mail *mail, void *owner)
{
	struct worker *w = owner;

	read_order(mail);
	if (!w->stopping)
		drain_stop(w);
}

static void
run_export(struct mail *mail, void *owner)
{
	struct order o = read_order(mail);
	struct worker *w = owner;

	if (!w->stopping)
		export_start(w, o.ms, o.sessions);
}

static void
run_export_ask(struct mail *mail, void *owner)
{
	struct order o = read_order(mail);
	struct worker *w = owner;

	if (!w->stopping)
		export_ask(w, o.ms);
}

static void
run_export_last(struct mail *mail, void *owner)
{
	struct order o = read_order(mail);
	struct worker *w = owner;

	if (!w->stopping)
		export_last(w, o.ms);
}

static void
run_export_sessions(struct mail *mail, void *owner)
{
	struct order o = read_order(mail);
	struct worker *w = owner;

	if (!w->stopping)
		export_start_sessions(w, o.ms);
}

static void
run_export_stop(struct mail *mail, void *owner)
{
	read_order(mail);
	export_stop(owner);
}

static void
run_reload(struct mail *mail, void *owner)
{
	struct worker *w = owner;

	read_order(mail);
	channels_reload(&w->clients);
}

/* ---- main thread ----------------------------------------------------------------------------- */

static int
post(struct worker *w, void (*run)(struct mail *, void *), const struct order *what)
{
	for (unsigned i = 0; i < WORKER_ORDERS; i++) {
		struct order *o = &w->orders[i];
		int rc;

		if (atomic_load_explicit(&o->taken, memory_order_acquire))
			continue;
		o->mail.run = run;
		o->sessions = what->sessions;
		o->bye = what->bye;
		o->ms = what->ms;
		o->retry_ms = what->retry_ms;
		atomic_store_explicit(&o->taken, true, memory_order_relaxed);
		rc = mailbox_return(&w->box, &o->mail);
		if (rc != WSD_OK)
			atomic_store_explicit(&o->taken, false, memory_order_relaxed);
		return rc;
	}
	return WSD_E_FULL;
}

int
worker_drain(struct worker *w, enum client_bye bye, uint32_t spread_ms, uint32_t retry_ms)
{
	return post(w, run_drain, &(struct order){ .bye = bye, .ms = spread_ms, .retry_ms = retry_ms });
}

int
worker_drain_stop(struct worker *w)
{
	return post(w, run_drain_stop, &(struct order){ .ms = 0 });
}

int
worker_export(struct worker *w, uint32_t patience_ms, bool sessions)
{
	return post(w, run_export, &(struct order){ .ms = patience_ms, .sessions = sessions });
}

int
worker_export_ask(struct worker *w, uint32_t patience_ms)
{
	return post(w, run_export_ask, &(struct order){ .ms = patience_ms });
}

int
worker_export_last(struct worker *w, uint32_t grace_ms)
{
	return post(w, run_export_last, &(struct order){ .ms = grace_ms });
}

int
worker_export_sessions(struct worker *w, uint32_t spread_ms)
{
	return post(w, run_export_sessions, &(struct order){ .ms = spread_ms });
}

int
worker_export_stop(struct worker *w)
{
	return post(w, run_export_stop, &(struct order){ .ms = 0 });
}

int
worker_reload(struct worker *w)
{
	return post(w, run_reload, &(struct order){ .ms = 0 });
}
