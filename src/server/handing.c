/* SPDX-License-Identifier: MIT */
/*
 * A handoff: the connections of this instance go on in another one. Who owns each at which moment is the
 * arbiter's to say (move/arbiter.h); here the parts are brought together. Main thread.
 *
 * A connection that cannot be moved, or is not to be, is told to come back; but not before the other instance
 * has confirmed that its session is there, so that it is resumed however soon it comes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "config.h"
#include "move/arbiter.h"
#include "move/receiver.h"
#include "move/sender.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "proto/state.h"
#include "server/server_priv.h"

#define PATIENCE_MS 3000 /* for a connection to stand on a frame boundary */
#define NEWCOMERS   64   /* admitted already when it begins, but not at their worker yet */
#define RETRY_MS    1000 /* the few that cannot be moved come back within this */

/* ---- taking ---------------------------------------------------------------------------------- */

static int
arrived(void *arg, int fd, const struct conn_state *state, receiver_claim_cb claim, void *claim_arg)
{
	struct worker_arrival arrival = { .fd = fd, .state = state };
	struct server *s = arg;
	struct front_seat seat;
	int rc = WSD_E_BUSY;

	if (server_state(s) != STATE_STOPPING)
		rc = front_import(s->front, state->id, state->token, state->count, &state->peer, &seat);
	if (rc != WSD_OK) {
		fd_close(&fd);
		return rc;
	}
	arrival.serial = seat.serial;
	arrival.slot = seat.slot;
	rc = worker_import(s->workers[seat.worker], &arrival, claim, claim_arg);
	if (rc != WSD_OK) {
		front_unimport(s->front, &seat);
		fd_close(&fd);
	}
	return rc;
}

static int
session_offered(void *arg, const struct session_state *session, receiver_claim_cb claim, void *claim_arg)
{
	struct server *s = arg;
	int rc = WSD_E_BUSY;

	if (server_state(s) != STATE_STOPPING)
		rc = front_adopt_session(s->front, session->id, session->token, session->count, session->expires_in_ms,
					 claim, claim_arg);
	if (rc == WSD_OK)
		metrics_add(s->shard, METRIC_SESSIONS_IN, 1);
	return rc;
}

static void
session_arrived(void *arg, const struct session_state *session)
{
	struct server *s = arg;

	front_import_session(s->front, session->id, session->token, session->count, session->expires_in_ms);
}

static void
link_ended(void *arg, const char *from, uint32_t taken, uint32_t sessions, uint32_t refused, bool complete)
{
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_TAKEN_UP,
	       LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", taken), LOG_NUMBER("WS_SESSIONS", sessions),
			  LOG_NUMBER("WS_REFUSED", refused), LOG_TEXT("WS_HANDOFF_FROM", from)),
	       "took over %" PRIu32 " connections and %" PRIu32 " sessions without one from %s, refused %" PRIu32 "%s",
	       taken, sessions, from, refused, complete ? "" : "; the link ended early");
}

int
handing_listen(struct server *s)
{
	struct receiver_ops ops = { .arg = s,
				    .arrived = arrived,
				    .session_offered = session_offered,
				    .session = session_arrived,
				    .ended = link_ended };
	int *fds = s->listeners.fds[SYSD_HANDOFF];
	int fd, rc;

	if (s->listeners.n[SYSD_HANDOFF] == 0)
		return WSD_OK;
	fd = fds[0]; /* further ones stay unused until listen_stop() */
	fds[0] = -1;
	rc = receiver_start(&s->receiver, &s->loop, fd, s->conf->instance, PACKAGE_VERSION, &ops);
	if (rc != WSD_OK)
		starting_failed("could not listen for handoffs (%s)", wsd_strerror(rc));
	return rc;
}

void
handing_close(struct server *s)
{
	if (s->sender)
		sender_abort(s->sender, "this instance is being stopped");
	receiver_stop(&s->receiver);
	uv_run(&s->loop, UV_RUN_NOWAIT);
}

/* ---- giving ---------------------------------------------------------------------------------- */

/* Those of closed connections that the other side does not know yet; first of all, as their clients may come
 * there at any time, and once more at the end. */
static void
give_sessions(struct server *s)
{
	size_t len;
	char *sessions = sessions_gather(s->front, &len);

	front_mark_sessions(s->front, true);
	sender_sessions(s->sender, sessions, len);
	free(sessions);
}

static void
opened(void *arg, bool sessions)
{
	struct server *s = arg;

	s->sender_sessions = sessions;
	s->handoff_retry_ms = s->handoff.close ? lifecycle_retry_ms(s) : RETRY_MS;
	if (s->handoff.close && !sessions) {
		sender_abort(s->sender, "the other instance is of an older version: it takes no sessions alone");
		return;
	}
	s->sender_open = true;
	give_sessions(s);
	if (!s->sender)
		return;
	for (uint32_t i = 0; i < s->n_workers; i++) {
		struct worker *w = s->workers[i];
		int rc = s->handoff.close ? worker_export_sessions(w, lifecycle_spread_ms(s))
					  : worker_export(w, PATIENCE_MS, sessions);

		if (rc != WSD_OK)
			log_error("worker %" PRIu32 " could not be told to offer its connections", i);
	}
	handing_left(s); /* there may be none at all */
}

/* The other side has it: the connection, or its session alone. */
static int
give(struct server *s, struct worker_offer *offer)
{
	struct worker *w = s->workers[offer->worker];

	if (offer->fd != -1) {
		s->handoff.moved++;
		return worker_release(w, offer);
	}
	s->handoff.closed++;
	metrics_add(s->shard, METRIC_SESSIONS_OUT, 1);
	front_forget_session(s->front, offer->state.id, offer->state.token);
	return worker_keep(w, offer, CLIENT_BYE_RESTART, s->handoff_retry_ms);
}

/* The other side does not want it. */
static int
take_leave(struct server *s, struct worker_offer *offer)
{
	if (offer->fd != -1) {
		s->handoff.refused++;
		metrics_add(s->shard, METRIC_UNMOVABLE_REFUSED, 1);
		if (s->sender_sessions) {
			offer->fd = -1;
			handing_offer(s, offer);
			return WSD_OK;
		}
	} else if (s->handoff.close) {
		s->handoff.refused++;
	}
	return worker_keep(s->workers[offer->worker], offer, CLIENT_BYE_RESTART, s->handoff_retry_ms);
}

static void
settled(void *arg, void *what, enum sender_fate fate)
{
	struct worker_offer *offer = what;
	struct server *s = arg;
	int rc = WSD_E_CLOSED;

	switch (fate) {
	case SENDER_TAKEN:
		rc = give(s, offer);
		break;
	case SENDER_KEPT:
		s->handoff.kept++;
		rc = worker_keep(s->workers[offer->worker], offer, CLIENT_BYES, 0);
		break;
	case SENDER_REFUSED:
		rc = take_leave(s, offer);
		break;
	}
	CHECK(rc == WSD_OK); /* workers end after handing_close() */
}

static void
over(void *arg, int rc, const char *why)
{
	struct server *s = arg;
	struct admin_handoff *h = &s->handoff;

	s->sender = NULL;
	h->running = false;
	h->ok = rc == WSD_OK;
	h->ms = clock_mono_ms() - s->handoff_since_ms;
	metrics_add(s->shard, h->ok ? METRIC_HANDOFFS_DONE : METRIC_HANDOFFS_FAILED, 1);
	metrics_observe(s->shard, HISTOGRAM_HANDOFF_DURATION, h->ms * CLOCK_NS_PER_MS, 1);
	snprintf(h->why, sizeof(h->why), "%s", why);
	if (!h->close && h->at_start > h->moved + h->kept + h->refused)
		h->unmovable = h->at_start - h->moved - h->kept - h->refused;
	s->sender_sessions = false;
	for (uint32_t i = 0; i < s->n_workers; i++)
		worker_export_stop(s->workers[i]);
	if (h->ok)
		front_forget_sessions(s->front);
	else
		front_mark_sessions(s->front, false);
	if (!h->ok && server_state(s) == STATE_STANDBY)
		lifecycle_set_state(s, s->handoff_before);
	LOG_AT(h->ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, LOG_ID_HANDED_OVER,
	       LOG_FIELDS(LOG_TEXT("WS_HANDOFF_TO", h->to), LOG_NUMBER("WS_CONNECTIONS", h->moved),
			  LOG_NUMBER("WS_CLOSED", h->closed), LOG_NUMBER("WS_REFUSED", h->refused),
			  LOG_NUMBER("WS_KEPT", h->kept)),
	       "handoff to %s %s after %" PRIu64 " ms: %" PRIu64 " moved, %" PRIu64 " closed, %" PRIu64
	       " refused, %" PRIu64 " unmovable, %" PRIu64 " kept%s%s",
	       h->to, h->ok ? "done" : "failed", h->ms, h->moved, h->closed, h->refused, h->unmovable, h->kept,
	       h->ok ? "" : ": ", h->why);
}

int
handing_begin(struct server *s, const char *to, bool close)
{
	struct sender_ops ops = { .arg = s, .opened = opened, .settled = settled, .over = over };
	enum server_state state = server_state(s);
	char path[512];
	uint32_t most; /* some are offered twice */
	int rc;

	if ((state != STATE_RUNNING && state != STATE_STANDBY) || s->sender || s->restart.asking)
		return WSD_E_BUSY;
	snprintf(path, sizeof(path), "%s/%s/handoff.sock", s->conf->handoff_dir, to);
	most = 2 * (front_connections(s->front) + NEWCOMERS);
	rc = sender_start(&s->sender, &s->loop, path, s->conf->instance, PACKAGE_VERSION,
			  most < ARBITER_MOST ? most : ARBITER_MOST, &ops);
	if (rc != WSD_OK)
		return rc;
	s->handoff = (struct admin_handoff){ .running = true, .close = close, .at_start = front_connections(s->front) };
	snprintf(s->handoff.to, sizeof(s->handoff.to), "%s", to);
	s->handoff_since_ms = clock_mono_ms();
	s->handoff_before = state;
	s->sender_open = s->sender_sessions = false;
	lifecycle_set_state(s, STATE_STANDBY);
	log_notice("handing %" PRIu32 " %s over to %s", front_connections(s->front), close ? "sessions" : "connections",
		   to);
	return WSD_OK;
}

void
handing_offer(struct server *s, struct worker_offer *offer)
{
	bool whole = offer->fd != -1;
	size_t len = 0;
	char *data;

	if (!whole && !s->sender_sessions) { /* of a handoff that is over */
		settled(s, offer, SENDER_KEPT);
		return;
	}
	data = whole ? offer_encode(s->front, offer, &len)
		     : offer_encode_session(s->front, offer, s->conf->session_ttl_ms, &len);
	if (!data)
		settled(s, offer, SENDER_REFUSED);
	else if (whole)
		sender_offer(s->sender, offer, offer->fd, data, len);
	else
		sender_offer_session(s->sender, offer, data, len);
	free(data);
}

void
handing_left(struct server *s)
{
	if (!s->sender || !s->sender_open || front_connections(s->front) > 0)
		return;
	s->sender_open = false;
	give_sessions(s);
	if (s->sender)
		sender_finish(s->sender);
}
