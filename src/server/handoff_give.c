/* SPDX-License-Identifier: MIT */
/*
 * A handoff: the connections of this instance go on in another one. Who owns each at which moment is the
 * arbiter's to say (move/arbiter.h); here the parts are brought together. Main thread.
 *
 * A connection that cannot be moved, or is not to be, is told to come back; but not before the other instance
 * has confirmed that its session is there, so that it is resumed however soon it comes.
 */
#include "server/handoff_give.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "conf/conf.h"
#include "config.h"
#include "front/front.h"
#include "kept/notes.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "move/arbiter.h"
#include "move/link.h"
#include "move/sender.h"
#include "server/export.h"
#include "server/lifecycle.h"
#include "server/workers.h"

#define PATIENCE_MS 3000 /* for a connection to stand on a frame boundary */
#define NEWCOMERS   64   /* admitted already when it begins, but not at their worker yet */
#define RETRY_MS    1000 /* the few that cannot be moved come back within this */

/* Those of closed connections that the other side does not know yet; first of all, as their clients may come
 * there at any time, and once more at the end. */
static void
give_sessions(struct handoff_give *g)
{
	size_t len;
	char *sessions = export_sessions(g->front, &len);

	front_mark_sessions(g->front, true);
	sender_sessions(g->sender, sessions, len);
	free(sessions);
}

static void
opened(void *arg, uint32_t version)
{
	struct handoff_give *g = arg;
	bool sessions = version >= LINK_WITH_SESSIONS;

	g->sessions = sessions;
	g->channels = version >= LINK_WITH_CHANNELS;
	g->retry_ms = g->status.close ? lifecycle_retry_ms(g->lifecycle) : RETRY_MS;
	if (g->status.close && !sessions) {
		sender_abort(g->sender, "the other instance is of an older version: it takes no sessions alone");
		return;
	}
	g->open = true;
	give_sessions(g);
	if (!g->sender)
		return;
	for (uint32_t i = 0; i < workers_count(g->workers); i++) {
		struct worker *w = workers_at(g->workers, i);
		int rc = g->status.close ? worker_export_sessions(w, lifecycle_spread_ms(g->lifecycle))
					 : worker_export(w, PATIENCE_MS, sessions);

		if (rc != WSD_OK)
			log_error("worker %" PRIu32 " could not be told to offer its connections", i);
	}
	handoff_give_left(g); /* there may be none at all */
}

/* For the process after this one, if this one is killed. */
static void
note_offer(const struct handoff_give *g, const struct worker_offer *offer, enum note_offer whose, uint32_t word)
{
	struct front_seat seat = { .serial = offer->serial, .worker = offer->worker, .slot = offer->slot };

	note_set_offer(front_note(g->front, &seat), whose, word);
}

/* The other side has it: the connection, or its session alone. */
static int
on_taken(struct handoff_give *g, struct worker_offer *offer)
{
	struct worker *w = workers_at(g->workers, offer->worker);

	if (offer->fd != -1) {
		g->status.moved++;
		return worker_release(w, offer);
	}
	g->status.closed++;
	metrics_add(g->shard, METRIC_SESSIONS_OUT, 1);
	front_forget_session(g->front, offer->state.id, offer->state.token);
	return worker_keep(w, offer, CLIENT_BYE_RESTART, g->retry_ms);
}

/* The other side does not want it. */
static int
on_refused(struct handoff_give *g, struct worker_offer *offer)
{
	if (offer->fd != -1) {
		g->status.refused++;
		metrics_add(g->shard, METRIC_UNMOVABLE_REFUSED, 1);
		if (g->sessions) {
			offer->fd = -1;
			CHECK(handoff_give_offer(g, offer)); /* once more, its session */
			return WSD_OK;
		}
	} else if (g->status.close) {
		g->status.refused++;
	}
	return worker_keep(workers_at(g->workers, offer->worker), offer, CLIENT_BYE_RESTART, g->retry_ms);
}

static void
settled(void *arg, void *what, enum sender_fate fate)
{
	struct worker_offer *offer = what;
	struct handoff_give *g = arg;
	int rc = WSD_E_CLOSED;

	switch (fate) {
	case SENDER_TAKEN:
		note_offer(g, offer, offer->fd != -1 ? NOTE_GIVEN : NOTE_GIVEN_SESSION, 0);
		rc = on_taken(g, offer);
		break;
	case SENDER_KEPT:
		note_offer(g, offer, NOTE_OURS, 0);
		g->status.kept++;
		rc = worker_keep(workers_at(g->workers, offer->worker), offer, CLIENT_BYES, 0);
		break;
	case SENDER_REFUSED:
		note_offer(g, offer, NOTE_OURS, 0);
		rc = on_refused(g, offer);
		break;
	}
	CHECK(rc == WSD_OK); /* workers end after the last handoff */
}

static void
over(void *arg, int rc, const char *why)
{
	struct handoff_give *g = arg;
	struct admin_handoff *h = &g->status;

	g->sender = NULL;
	h->running = false;
	h->ok = rc == WSD_OK;
	h->ms = clock_mono_ms() - g->since_ms;
	metrics_add(g->shard, h->ok ? METRIC_HANDOFFS_DONE : METRIC_HANDOFFS_FAILED, 1);
	metrics_observe(g->shard, HISTOGRAM_HANDOFF_DURATION, h->ms * CLOCK_NS_PER_MS, 1);
	snprintf(h->why, sizeof(h->why), "%s", why);
	if (!h->close && h->at_start > h->moved + h->kept + h->refused)
		h->unmovable = h->at_start - h->moved - h->kept - h->refused;
	g->sessions = false;
	for (uint32_t i = 0; i < workers_count(g->workers); i++)
		worker_export_stop(workers_at(g->workers, i));
	if (h->ok)
		front_forget_sessions(g->front);
	else
		front_mark_sessions(g->front, false);
	lifecycle_handoff_ends(g->lifecycle, h->ok);
	LOG_AT(h->ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, LOG_ID_HANDED_OVER,
	       LOG_FIELDS(LOG_TEXT("WS_HANDOFF_TO", h->to), LOG_NUMBER("WS_CONNECTIONS", h->moved),
			  LOG_NUMBER("WS_CLOSED", h->closed), LOG_NUMBER("WS_REFUSED", h->refused),
			  LOG_NUMBER("WS_KEPT", h->kept)),
	       "handoff to %s %s after %" PRIu64 " ms: %" PRIu64 " moved, %" PRIu64 " closed, %" PRIu64
	       " refused, %" PRIu64 " unmovable, %" PRIu64 " kept%s%s",
	       h->to, h->ok ? "done" : "failed", h->ms, h->moved, h->closed, h->refused, h->unmovable, h->kept,
	       h->ok ? "" : ": ", h->why);
}

/* ---- what others call ------------------------------------------------------------------------ */

int
handoff_give_begin(struct handoff_give *g, const char *to, bool close)
{
	struct sender_ops ops = { .arg = g, .opened = opened, .settled = settled, .over = over };
	uint32_t n = front_connections(g->front), most = 2 * (n + NEWCOMERS); /* some are offered twice */
	char path[512];
	int rc;

	if (!lifecycle_is_free(g->lifecycle))
		return WSD_E_BUSY;
	snprintf(path, sizeof(path), LINK_PATH, g->conf->handoff_dir, to);
	rc = sender_start(&g->sender, g->loop, path, g->conf->instance, PACKAGE_VERSION,
			  most < ARBITER_MOST ? most : ARBITER_MOST, &ops);
	if (rc != WSD_OK)
		return rc;
	g->status = (struct admin_handoff){ .running = true, .close = close, .at_start = n };
	snprintf(g->status.to, sizeof(g->status.to), "%s", to);
	g->since_ms = clock_mono_ms();
	g->open = g->sessions = false;
	lifecycle_handoff_begins(g->lifecycle);
	log_notice("handing %" PRIu32 " %s over to %s", n, close ? "sessions" : "connections", to);
	return WSD_OK;
}

bool
handoff_give_running(const struct handoff_give *g)
{
	return g->sender != NULL;
}

void
handoff_give_status(const struct handoff_give *g, struct admin_handoff *out)
{
	*out = g->status;
	if (out->running)
		out->ms = clock_mono_ms() - g->since_ms;
}

bool
handoff_give_offer(struct handoff_give *g, struct worker_offer *offer)
{
	bool whole = offer->fd != -1;
	size_t len = 0;
	char *data;

	if (!g->sender)
		return false;
	if (!whole && !g->sessions) { /* of a handoff that is over */
		settled(g, offer, SENDER_KEPT);
		return true;
	}
	if (whole && !g->channels && offer->state.subscriptions.len > 0) { /* they would be dropped without a word */
		settled(g, offer, SENDER_REFUSED);
		return true;
	}
	data = whole ? export_connection(g->front, offer, &len)
		     : export_session(g->front, offer, g->conf->session_ttl_ms, &len);
	if (data) /* before it leaves */
		note_offer(g, offer, whole ? NOTE_OFFERED : NOTE_OFFERED_SESSION, sender_next_word(g->sender));
	if (!data)
		settled(g, offer, SENDER_REFUSED);
	else if (whole)
		sender_offer(g->sender, offer, offer->fd, data, len);
	else
		sender_offer_session(g->sender, offer, data, len);
	free(data);
	return true;
}

void
handoff_give_left(struct handoff_give *g)
{
	if (!g->sender || !g->open || front_connections(g->front) > 0)
		return;
	g->open = false;
	give_sessions(g);
	if (g->sender)
		sender_finish(g->sender);
}

void
handoff_give_abort(struct handoff_give *g)
{
	if (g->sender)
		sender_abort(g->sender, "this instance is being stopped");
}
