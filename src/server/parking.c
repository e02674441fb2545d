/* SPDX-License-Identifier: MIT */
/*
 * A restart that no client notices: connections go into the parking lot (move/lot.h), this process ends,
 * and the next one takes them up. Main thread. Each failure point and what then holds: doc/handoff.md.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/tcp.h"
#include "move/lot.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "proto/state.h"
#include "server/server_priv.h"

#define FLUSH_MS 2

/* ---- the lot itself -------------------------------------------------------------------------- */

static bool
wanted(const struct conf *conf)
{
	const char *room = getenv("FDSTORE"); /* systemd 254 and later; before, the unit says PARKING=on */

	if (conf->parking == CONF_PARKING_AUTO)
		return room && atoi(room) >= SYSD_KEPT;
	return conf->parking == CONF_PARKING_ON;
}

static int
open_kept(struct server *s)
{
	int *kept = s->listeners.kept;
	int in = kept[SYSD_LOT_IN], out = kept[SYSD_LOT_OUT], table = kept[SYSD_LOT_TABLE];

	kept[SYSD_LOT_IN] = kept[SYSD_LOT_OUT] = kept[SYSD_LOT_TABLE] = -1;
	return lot_open(&s->lot, in, out, table);
}

static int
create_and_store(struct server *s)
{
	int rc = lot_create(&s->lot);

	if (rc == WSD_OK)
		rc = sysd_store(SYSD_LOT_IN, lot_in_fd(s->lot));
	if (rc == WSD_OK)
		rc = sysd_store(SYSD_LOT_OUT, lot_out_fd(s->lot));
	if (rc == WSD_OK)
		rc = sysd_store(SYSD_LOT_TABLE, lot_table_fd(s->lot));
	if (rc != WSD_OK)
		lot_destroy(&s->lot);
	return rc;
}

int
parking_open(struct server *s)
{
	const int *kept = s->listeners.kept;
	int rc;

	if (!wanted(s->conf))
		return WSD_OK;
	s->parked = calloc(LOT_BATCH, sizeof(struct worker_offer *)); /* now: parking must not fail for it */
	if (!s->parked)
		return -ENOMEM;
	if (kept[SYSD_LOT_IN] != -1 && kept[SYSD_LOT_OUT] != -1 && kept[SYSD_LOT_TABLE] != -1) {
		rc = open_kept(s);
		if (rc == WSD_OK)
			return rc;
		log_error("what an earlier process parked cannot be read (%s): its connections are lost",
			  wsd_strerror(rc));
	}
	rc = create_and_store(s);
	if (rc != WSD_OK)
		log_warn("connections will not be kept over a restart (%s)", wsd_strerror(rc));
	return WSD_OK;
}

void
parking_close(struct server *s)
{
	crashes_end(s);
	lot_destroy(&s->lot);
	free(s->parked);
	s->parked = NULL;
}

uint32_t
parking_count(const struct server *s)
{
	return s->lot ? lot_count(s->lot) : 0;
}

/* ---- taking up ------------------------------------------------------------------------------- */

struct taking {
	struct server *server;
	uint32_t taken, gone;
};

/* The fd goes to a worker, or is closed. */
static bool
take_one(struct server *s, int fd, const char *data, size_t len)
{
	struct worker_arrival arrival = { .fd = fd };
	struct front_seat seat;
	struct conn_state state;
	struct tcp_state tcp;

	if (state_decode(&state, data, len) != WSD_OK || !tcp_state_of(fd, &tcp) || !tcp.connected ||
	    front_import(s->front, state.id, state.token, state.count, &state.peer, &seat) != WSD_OK) {
		fd_close(&fd);
		return false;
	}
	arrival.serial = seat.serial;
	arrival.slot = seat.slot;
	arrival.state = &state;
	if (worker_import(s->workers[seat.worker], &arrival, NULL, NULL) == WSD_OK)
		return true;
	front_unimport(s->front, &seat);
	fd_close(&fd);
	return false;
}

static void
on_parked(void *arg, int fd, const char *data, size_t len)
{
	struct taking *t = arg;

	if (len == 0) /* accepted, but not heard yet: there is no state */
		front_welcome(t->server->front, fd);
	else if (take_one(t->server, fd, data, len))
		t->taken++;
	else
		t->gone++;
}

static void
take_sessions(struct server *s)
{
	struct session_state session;
	size_t len = 0, at = 0, used;
	char *data = NULL;

	if (lot_sessions(s->lot, &data, &len) != WSD_OK)
		return;
	while (state_decode_session(&session, data + at, len - at, &used) == WSD_OK) {
		front_import_session(s->front, session.id, session.token, session.count, session.expires_in_ms);
		at += used;
	}
	free(data);
}

int
parking_take(struct server *s)
{
	struct taking t = { .server = s };
	uint64_t began_ms = clock_mono_ms();
	int rc;

	if (!s->lot)
		return WSD_OK;
	front_set_mode(s->front, FRONT_PARKING); /* who was not heard yet is heard when this process is ready */
	take_sessions(s);
	if (lot_count(s->lot) == 0)
		return WSD_OK;
	rc = lot_look(s->lot, on_parked, &t);
	if (rc < 0)
		starting_failed("the parking lot could not be read (%s)", wsd_strerror(rc));
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_TAKEN_UP,
	       LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", t.taken), LOG_NUMBER("WS_LOST", t.gone)),
	       "took up %" PRIu32 " connections in %" PRIu64 " ms, %" PRIu32 " had gone", t.taken,
	       clock_mono_ms() - began_ms, t.gone);
	return WSD_OK;
}

void
parking_clear(struct server *s)
{
	if (s->lot)
		lot_clear(s->lot);
}

/* ---- parking --------------------------------------------------------------------------------- */

/* What was put since the last flush is in the lot now, or is not. */
static void
settle(struct server *s, int rc)
{
	for (uint32_t i = 0; i < s->n_parked; i++) {
		struct worker_offer *offer = s->parked[i];
		struct worker *w = s->workers[offer->worker];

		if (rc == WSD_OK)
			CHECK(worker_release(w, offer) == WSD_OK);
		else
			CHECK(worker_keep(w, offer, CLIENT_BYE_RESTART, 0) == WSD_OK);
	}
	if (rc == WSD_OK)
		s->total_parked += s->n_parked;
	else
		log_error("connections could not be parked (%s)", wsd_strerror(rc));
	s->n_parked = 0;
}

static void
flush(struct server *s)
{
	if (s->n_parked > 0)
		settle(s, lot_flush(s->lot));
}

static void
on_flush_due(uv_timer_t *timer)
{
	flush(timer->data); /* what has not made up a batch by now does not wait for others */
}

/* Puts the offer into the lot, and keeps it until that is flushed. */
static int
put(struct server *s, struct worker_offer *offer)
{
	size_t len;
	char *data = offer_encode(s->front, offer, &len);
	int rc;

	if (!data)
		return -ENOMEM;
	rc = lot_put(s->lot, offer->fd, data, len);
	free(data);
	return rc;
}

void
parking_offer(struct server *s, struct worker_offer *offer)
{
	int rc;

	if (s->n_parked == LOT_BATCH)
		flush(s);
	rc = put(s, offer);
	if (rc == WSD_OK)
		s->parked[s->n_parked++] = offer;
	else
		CHECK(worker_keep(s->workers[offer->worker], offer, CLIENT_BYE_RESTART, 0) == WSD_OK);
}

void
parking_begin(struct server *s)
{
	CHECK_ZERO(uv_timer_init(&s->loop, &s->park_flush));
	s->park_flush.data = s;
	CHECK_ZERO(uv_timer_start(&s->park_flush, on_flush_due, FLUSH_MS, FLUSH_MS));
	s->parking = true;
	for (uint32_t i = 0; i < s->n_workers; i++)
		if (worker_export_last(s->workers[i], s->conf->parking_grace_ms) != WSD_OK)
			log_error("worker %" PRIu32 " could not be told to park its connections", i);
}

static void
park_visitor(void *arg, int fd)
{
	struct server *s = arg;
	int rc = lot_put(s->lot, fd, "", 0);

	if (rc == WSD_E_FULL) { /* the batch is */
		rc = lot_flush(s->lot);
		if (rc == WSD_OK)
			rc = lot_put(s->lot, fd, "", 0);
	}
	if (rc != WSD_OK)
		log_warn("a connection that was just accepted could not be parked (%s)", wsd_strerror(rc));
}

void
parking_finish(struct server *s)
{
	int64_t told = restart_told(s);
	char *sessions;
	size_t len;

	if (!s->parking)
		return;
	flush(s);
	s->parking = false;
	uv_close((uv_handle_t *)&s->park_flush, NULL);
	front_each_visitor(s->front, park_visitor, s);
	if (lot_flush(s->lot) != WSD_OK)
		log_warn("connections that were just accepted could not be parked");
	sessions = sessions_gather(s->front, &len);
	if (lot_set_sessions(s->lot, sessions, len) != WSD_OK)
		log_warn("the sessions of closed connections could not be parked");
	free(sessions);
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_PARKED,
	       LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", s->total_parked), LOG_NUMBER("WS_CLOSED", told)),
	       "parked %" PRIu32 " connections for the next process in %" PRIu64 " ms, %" PRId64
	       " were told to come back",
	       s->total_parked, clock_mono_ms() - s->drain_since_ms, told);
}
