/* SPDX-License-Identifier: MIT */
/*
 * A restart that no client notices: connections go into the parking lot (move/lot.h), this process ends, and the next
 * one takes them up (lot_take.c). Main thread. Each failure point and what then holds: doc/handoff.md.
 */
#include "server/lot_fill.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "conf/conf.h"
#include "front/front.h"
#include "kept/table.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "server/export.h"
#include "server/workers.h"

#define LOT_FILL_MAGIC 0x66696c6cu
#define FLUSH_MS       2

/* What was put since the last flush is in the lot now, or is not. */
static void
settle(struct lot_fill *f, bool parked)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct worker_offer *offer = f->offers[i];
		struct worker *w = workers_at(f->workers, offer->worker);

		CHECK((parked ? worker_release(w, offer) : worker_keep(w, offer, CLIENT_BYE_RESTART, 0)) == WSD_OK);
	}
	if (parked)
		f->total += f->n;
	f->n = 0;
}

static void
flush(struct lot_fill *f)
{
	int rc = lot_flush(f->lot);

	if (rc != WSD_OK)
		log_error("connections could not be parked (%s)", wsd_strerror(rc));
	settle(f, rc == WSD_OK);
}

static void
on_flush_due(uv_timer_t *timer)
{
	struct lot_fill *f = timer->data;

	CHECK_MAGIC(f, LOT_FILL_MAGIC);
	flush(f); /* what has not made up a batch by now does not wait for others */
}

static int
put(struct lot_fill *f, int fd, const char *data, size_t len)
{
	int rc = lot_put(f->lot, fd, data, len);

	if (rc == WSD_E_FULL) { /* the batch is */
		flush(f);
		rc = lot_put(f->lot, fd, data, len);
	}
	return rc;
}

bool
lot_fill_possible(const struct lot_fill *f)
{
	return f->lot != NULL;
}

void
lot_fill_begin(struct lot_fill *f)
{
	CHECK_ZERO(uv_timer_init(f->loop, &f->flush));
	f->magic = LOT_FILL_MAGIC;
	f->flush.data = f;
	CHECK_ZERO(uv_timer_start(&f->flush, on_flush_due, FLUSH_MS, FLUSH_MS));
	f->running = true;
	kept_set_parking(true);
	f->since_ms = clock_mono_ms();
	for (uint32_t i = 0; i < workers_count(f->workers); i++)
		if (worker_export_last(workers_at(f->workers, i), f->conf->parking_grace_ms) != WSD_OK)
			log_error("worker %" PRIu32 " could not be told to park its connections", i);
}

bool
lot_fill_offer(struct lot_fill *f, struct worker_offer *offer)
{
	size_t len;
	char *data;
	int rc = -ENOMEM;

	if (!f->running || offer->fd == -1)
		return false;
	data = export_connection(f->front, offer, &len);
	if (data)
		rc = put(f, offer->fd, data, len);
	free(data);
	if (rc == WSD_OK)
		f->offers[f->n++] = offer;
	else
		CHECK(worker_keep(workers_at(f->workers, offer->worker), offer, CLIENT_BYE_RESTART, 0) == WSD_OK);
	return true;
}

static void
park_visitor(void *arg, int fd)
{
	int rc = put(arg, fd, "", 0);

	if (rc != WSD_OK)
		log_warn("a connection that was just accepted could not be parked (%s)", wsd_strerror(rc));
}

static void
park_sessions(struct lot_fill *f)
{
	size_t len;
	char *sessions = export_sessions(f->front, &len);

	if (lot_set_sessions(f->lot, sessions, len) != WSD_OK)
		log_warn("the sessions of closed connections could not be parked");
	free(sessions);
}

void
lot_fill_finish(struct lot_fill *f, int64_t told)
{
	if (!f->running)
		return;
	flush(f);
	f->running = false;
	uv_close((uv_handle_t *)&f->flush, NULL);
	front_each_visitor(f->front, park_visitor, f);
	flush(f);
	park_sessions(f);
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_PARKED,
	       LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", f->total), LOG_NUMBER("WS_CLOSED", told)),
	       "parked %" PRIu32 " connections for the next process in %" PRIu64 " ms, %" PRId64
	       " were told to come back",
	       f->total, clock_mono_ms() - f->since_ms, told);
}
