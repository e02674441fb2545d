/* SPDX-License-Identifier: MIT */
/*
 * What the HTTP threads ask of the server. A question is posted to main, may go on to workers, and the asker
 * waits for it with a timeout; whoever comes last, the asker or the answer, frees it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "server/server_priv.h"

#define PATIENCE_S 2

struct item;

struct ask {
	struct mail mail;
	struct server *server;
	pthread_mutex_t mtx;
	pthread_cond_t answered;
	bool done, abandoned; /* [lock: mtx] */
	int rc;		      /* by whoever answers, before done */

	char id[WORKER_ID_MAX + 1], prefix[WORKER_ID_MAX + 1];
	bool on;
	struct admin_handoff handoff;
	uint32_t limit, n;
	bool more;
	uint64_t total;
	_Atomic uint32_t missing; /* [atomic] items not answered yet */
	struct item *items;	  /* n of them */
};

/* One connection asked about. */
struct item {
	struct worker_question question;
	struct ask *ask;
	struct admin_connection answer;
	bool found;
};

/* ---- an ask's life --------------------------------------------------------------------------- */

static struct ask *
ask_create(struct server *s, void (*run)(struct mail *, void *))
{
	struct ask *ask = calloc(1, sizeof(*ask));
	pthread_condattr_t attr;

	if (!ask)
		return NULL;
	ask->mail.run = run;
	ask->server = s;
	CHECK_ZERO(pthread_mutex_init(&ask->mtx, NULL));
	CHECK_ZERO(pthread_condattr_init(&attr));
	CHECK_ZERO(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	CHECK_ZERO(pthread_cond_init(&ask->answered, &attr));
	CHECK_ZERO(pthread_condattr_destroy(&attr));
	return ask;
}

static void
ask_free(struct ask *ask)
{
	CHECK_ZERO(pthread_cond_destroy(&ask->answered));
	CHECK_ZERO(pthread_mutex_destroy(&ask->mtx));
	free(ask->items);
	free(ask);
}

/* Any thread. */
static void
ask_answer(struct ask *ask, int rc)
{
	bool abandoned;

	CHECK_ZERO(pthread_mutex_lock(&ask->mtx));
	ask->rc = rc;
	ask->done = true;
	abandoned = ask->abandoned;
	CHECK_ZERO(pthread_cond_signal(&ask->answered));
	CHECK_ZERO(pthread_mutex_unlock(&ask->mtx));
	if (abandoned)
		ask_free(ask);
}

/* Posts and waits. On WSD_E_TIMEOUT the ask is gone; else it is the caller's to read and free. */
static int
ask_wait(struct ask *ask)
{
	struct timespec until;
	bool done;
	int rc = mailbox_post(&ask->server->box, &ask->mail);

	if (rc != WSD_OK)
		return WSD_E_BUSY;
	CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
	until.tv_sec += PATIENCE_S;
	CHECK_ZERO(pthread_mutex_lock(&ask->mtx));
	while (!ask->done && rc == 0)
		rc = pthread_cond_timedwait(&ask->answered, &ask->mtx, &until);
	done = ask->done;
	ask->abandoned = !done;
	rc = ask->rc;
	CHECK_ZERO(pthread_mutex_unlock(&ask->mtx));
	return done ? rc : WSD_E_TIMEOUT;
}

static int
ask_once(struct ask *ask)
{
	int rc;

	if (!ask)
		return -ENOMEM;
	rc = ask_wait(ask);
	if (rc != WSD_E_TIMEOUT)
		ask_free(ask);
	return rc;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void
fill(struct item *item, const char *id, const struct front_seat *seat)
{
	strcpy(item->answer.id, id);
	item->answer.worker = seat->worker;
	item->question.serial = seat->serial;
	item->question.slot = seat->slot;
}

static void
on_answered(struct worker_question *q) /* worker's thread */
{
	struct item *item = (struct item *)q;
	struct ask *ask = item->ask;

	item->found = q->found;
	item->answer.peer = q->peer;
	item->answer.connected_real_ms = q->opened_real_ms;
	item->answer.idle_ms = q->idle_ms;
	item->answer.messages = q->count;
	item->answer.queued_bytes = q->queued_bytes;
	item->answer.resumed = q->resumed;
	if (atomic_fetch_sub_explicit(&ask->missing, 1, memory_order_acq_rel) == 1)
		ask_answer(ask, WSD_OK);
}

static int
ask_one(struct worker *w, struct worker_question *q, bool end_it)
{
	if (!w) /* joined: the last departures are on their way */
		return WSD_E_CLOSED;
	return end_it ? worker_dismiss(w, q, WORKER_BYE_OPERATOR) : worker_ask(w, q);
}

/* Sends the n questions; answers the ask itself if none can be sent. */
static void
ask_workers(struct ask *ask, bool end_them)
{
	struct server *s = ask->server;

	atomic_store_explicit(&ask->missing, ask->n + 1,
			      memory_order_relaxed); /* one for ourselves, given back below */
	for (uint32_t i = 0; i < ask->n; i++) {
		struct item *item = &ask->items[i];

		item->ask = ask;
		item->question.answered = on_answered;
		if (ask_one(s->workers[item->answer.worker], &item->question, end_them) != WSD_OK)
			on_answered(&item->question);
	}
	if (atomic_fetch_sub_explicit(&ask->missing, 1, memory_order_acq_rel) == 1)
		ask_answer(ask, WSD_OK);
}

static void
about_one(struct ask *ask, struct server *s, bool end_it)
{
	struct front_seat seat;

	if (!front_find(s->front, ask->id, &seat)) {
		ask_answer(ask, WSD_E_UNKNOWN);
		return;
	}
	ask->items = calloc(1, sizeof(*ask->items));
	if (!ask->items) {
		ask_answer(ask, -ENOMEM);
		return;
	}
	ask->n = 1;
	fill(&ask->items[0], ask->id, &seat);
	ask_workers(ask, end_it);
}

static void
run_find(struct mail *mail, void *owner)
{
	about_one((struct ask *)mail, owner, false);
}

static void
run_disconnect(struct mail *mail, void *owner)
{
	about_one((struct ask *)mail, owner, true);
}

static void
run_page(struct mail *mail, void *owner)
{
	struct ask *ask = (struct ask *)mail;
	struct server *s = owner;
	struct front_entry *entries = calloc(ask->limit, sizeof(*entries));

	ask->items = calloc(ask->limit, sizeof(*ask->items));
	if (!entries || !ask->items) {
		free(entries);
		ask_answer(ask, -ENOMEM);
		return;
	}
	ask->total = front_connections(s->front);
	ask->n = front_list(s->front, ask->id, ask->prefix, entries, ask->limit, &ask->more);
	for (uint32_t i = 0; i < ask->n; i++)
		fill(&ask->items[i], entries[i].id, &entries[i].seat);
	free(entries);
	ask_workers(ask, false);
}

static int
copy_id(char out[WORKER_ID_MAX + 1], const char *id)
{
	size_t len = strlen(id);

	if (len > WORKER_ID_MAX)
		return WSD_E_UNKNOWN;
	memcpy(out, id, len + 1);
	return WSD_OK;
}

int
query_page(void *arg, struct admin_page *page)
{
	struct ask *ask = ask_create(arg, run_page);
	int rc;

	if (!ask)
		return -ENOMEM;
	if (copy_id(ask->id, page->after) != WSD_OK || copy_id(ask->prefix, page->prefix) != WSD_OK) {
		ask_free(ask);
		return WSD_E_UNKNOWN;
	}
	ask->limit = page->limit;
	rc = ask_wait(ask);
	if (rc == WSD_E_TIMEOUT)
		return rc;
	if (rc == WSD_OK) {
		page->n = 0;
		for (uint32_t i = 0; i < ask->n; i++)
			if (ask->items[i].found) /* others left while they were being asked */
				page->items[page->n++] = ask->items[i].answer;
		page->total = ask->total;
		page->more = ask->more;
	}
	ask_free(ask);
	return rc;
}

static int
one(struct server *s, const char *id, void (*run)(struct mail *, void *), struct admin_connection *out)
{
	struct ask *ask = ask_create(s, run);
	int rc;

	if (!ask)
		return -ENOMEM;
	if (copy_id(ask->id, id) != WSD_OK) {
		ask_free(ask);
		return WSD_E_UNKNOWN;
	}
	rc = ask_wait(ask);
	if (rc == WSD_E_TIMEOUT)
		return rc;
	if (rc == WSD_OK && !ask->items[0].found)
		rc = WSD_E_UNKNOWN;
	if (rc == WSD_OK && out)
		*out = ask->items[0].answer;
	ask_free(ask);
	return rc;
}

int
query_find(void *arg, const char *id, struct admin_connection *out)
{
	return one(arg, id, run_find, out);
}

int
query_disconnect(void *arg, const char *id)
{
	return one(arg, id, run_disconnect, NULL);
}

/* ---- the server's state ---------------------------------------------------------------------- */

static void
run_drain(struct mail *mail, void *owner)
{
	ask_answer((struct ask *)mail, lifecycle_drain(owner));
}

static void
run_accept(struct mail *mail, void *owner)
{
	struct ask *ask = (struct ask *)mail;

	ask_answer(ask, lifecycle_accept(owner, ask->on));
}

static void
run_handoff(struct mail *mail, void *owner)
{
	struct ask *ask = (struct ask *)mail;

	ask_answer(ask, handing_begin(owner, ask->id, ask->on));
}

static void
run_handoff_status(struct mail *mail, void *owner)
{
	struct ask *ask = (struct ask *)mail;
	struct server *s = owner;

	ask->handoff = s->handoff;
	if (ask->handoff.running)
		ask->handoff.ms = clock_mono_ms() - s->handoff_since_ms;
	ask_answer(ask, WSD_OK);
}

int
query_handoff(void *arg, const char *to, bool close)
{
	struct ask *ask = ask_create(arg, run_handoff);

	if (ask && copy_id(ask->id, to) != WSD_OK) {
		ask_free(ask);
		return WSD_E_UNKNOWN;
	}
	if (ask)
		ask->on = close;
	return ask_once(ask);
}

int
query_handoff_status(void *arg, struct admin_handoff *out)
{
	struct ask *ask = ask_create(arg, run_handoff_status);
	int rc;

	if (!ask)
		return -ENOMEM;
	rc = ask_wait(ask);
	if (rc == WSD_E_TIMEOUT)
		return rc;
	*out = ask->handoff;
	ask_free(ask);
	return rc;
}

int
query_drain(void *arg)
{
	return ask_once(ask_create(arg, run_drain));
}

int
query_accept(void *arg, bool on)
{
	struct ask *ask = ask_create(arg, run_accept);

	if (ask)
		ask->on = on;
	return ask_once(ask);
}

void
query_health(void *arg, struct admin_health *out)
{
	static const struct {
		const char *state, *not_ready;
	} texts[] = {
		[STATE_STARTING] = { "starting", "starting_up" },     [STATE_RUNNING] = { "running", NULL },
		[STATE_STANDBY] = { "standby", "standby" },	      [STATE_DRAINING] = { "draining", "draining" },
		[STATE_STOPPING] = { "draining", "shutting_down" },
	};
	const struct server *s = arg;
	enum server_state state = server_state(s);
	int64_t connections = metrics_sum(METRIC_CONNECTIONS);
	int64_t rate = atomic_load_explicit(&s->messages_per_second, memory_order_relaxed);

	out->state = texts[state].state;
	out->not_ready = texts[state].not_ready;
	out->connections = connections > 0 ? (uint64_t)connections : 0; /* shards are not read at one moment */
	out->messages_per_second = rate > 0 ? (uint64_t)rate : 0;
	out->uptime_ms = clock_mono_ms() - s->started_ms;
}
