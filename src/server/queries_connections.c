/* SPDX-License-Identifier: MIT */
/* What the HTTP threads ask about connections: main finds them in the front desk, their workers know the rest, and the
 * last one that answers wakes who asked. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "loop/ask.h"
#include "front/front.h"
#include "server/queries.h"
#include "server/workers.h"

struct inquiry;

/* One connection asked about. */
struct item {
	struct worker_question question;
	struct inquiry *inquiry;
	struct admin_connection answer;
	bool found;
};

struct inquiry {
	struct ask *ask;
	_Atomic uint32_t missing; /* [atomic] items not answered yet */
	uint32_t n;
	struct item items[];
};

struct question {
	char id[CONNECTION_ID_MAX + 1];     /* of one connection, or the one before the first of a page */
	char prefix[CONNECTION_ID_MAX + 1]; /* of a page */
	uint32_t limit;
	bool end_them;
	/* the answer */
	struct inquiry *inquiry; /* NULL: none; the asker's */
	bool more;
	uint64_t total;
};

static void
drop(void *payload)
{
	struct question *q = payload;

	free(q->inquiry);
}

/* ---- main, and workers -------------------------------------------------------------------------- */

static void
answered_one(struct inquiry *inquiry)
{
	if (atomic_fetch_sub_explicit(&inquiry->missing, 1, memory_order_acq_rel) == 1)
		ask_answer(inquiry->ask, WSD_OK);
}

static void
on_answered(struct worker_question *q) /* worker's thread */
{
	struct item *item = (struct item *)q;

	item->found = q->found;
	item->answer.peer = q->peer;
	item->answer.connected_real_ms = q->opened_real_ms;
	item->answer.idle_ms = q->idle_ms;
	item->answer.messages = q->count;
	item->answer.queued_bytes = q->queued_bytes;
	item->answer.resumed = q->resumed;
	answered_one(item->inquiry);
}

static int
ask_worker(struct worker *w, struct worker_question *q, bool end_it)
{
	if (!w) /* joined: the last departures are on their way */
		return WSD_E_CLOSED;
	return end_it ? worker_dismiss(w, q, CLIENT_BYE_OPERATOR) : worker_ask(w, q);
}

/* Sends a question about each entry, or answers at once if there is none. */
static void
ask_workers(struct ask *ask, struct question *q, struct queries *of, const struct front_entry *entries, uint32_t n)
{
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry) + n * sizeof(*inquiry->items));

	if (!inquiry) {
		ask_answer(ask, -ENOMEM);
		return;
	}
	q->inquiry = inquiry;
	inquiry->ask = ask;
	inquiry->n = n;
	/* one for ourselves, given back below */
	atomic_store_explicit(&inquiry->missing, n + 1, memory_order_relaxed);
	for (uint32_t i = 0; i < n; i++) {
		struct item *item = &inquiry->items[i];

		item->inquiry = inquiry;
		strcpy(item->answer.id, entries[i].id);
		item->answer.worker = entries[i].seat.worker;
		item->question.serial = entries[i].seat.serial;
		item->question.slot = entries[i].seat.slot;
		item->question.answered = on_answered;
		if (ask_worker(workers_at(of->workers, item->answer.worker), &item->question, q->end_them) != WSD_OK)
			on_answered(&item->question);
	}
	answered_one(inquiry);
}

static void
run_one(struct ask *ask, void *payload, void *owner)
{
	struct question *q = payload;
	struct queries *of = owner;
	struct front_entry entry = { .id = q->id };

	if (front_find(of->front, q->id, &entry.seat))
		ask_workers(ask, q, of, &entry, 1);
	else
		ask_answer(ask, WSD_E_UNKNOWN);
}

static void
run_page(struct ask *ask, void *payload, void *owner)
{
	struct question *q = payload;
	struct queries *of = owner;
	struct front_entry *entries = calloc(q->limit, sizeof(*entries));
	uint32_t n;

	if (!entries) {
		ask_answer(ask, -ENOMEM);
		return;
	}
	q->total = front_connections(of->front);
	n = front_list(of->front, q->id, q->prefix, entries, q->limit, &q->more);
	ask_workers(ask, q, of, entries, n);
	free(entries);
}

/* ---- the HTTP threads ---------------------------------------------------------------------------- */

static int
copy_id(char out[CONNECTION_ID_MAX + 1], const char *id)
{
	size_t len = strlen(id);

	if (len > CONNECTION_ID_MAX)
		return WSD_E_UNKNOWN;
	memcpy(out, id, len + 1);
	return WSD_OK;
}

int
query_page(void *arg, struct admin_page *page)
{
	static const struct ask_kind kind = { .size = sizeof(struct question), .run = run_page, .drop = drop };
	struct question q = { .limit = page->limit };
	struct queries *of = arg;
	int rc;

	if (copy_id(q.id, page->after) != WSD_OK || copy_id(q.prefix, page->prefix) != WSD_OK)
		return WSD_E_UNKNOWN;
	rc = ask(&of->box, &kind, &q, QUERY_PATIENCE_MS);
	if (rc == WSD_OK) {
		page->n = 0;
		for (uint32_t i = 0; i < q.inquiry->n; i++)
			if (q.inquiry->items[i].found) /* others left while they were being asked */
				page->items[page->n++] = q.inquiry->items[i].answer;
		page->total = q.total;
		page->more = q.more;
	}
	free(q.inquiry);
	return rc;
}

static int
about_one(struct queries *of, const char *id, bool end_it, struct admin_connection *out)
{
	static const struct ask_kind kind = { .size = sizeof(struct question), .run = run_one, .drop = drop };
	struct question q = { .end_them = end_it };
	int rc = copy_id(q.id, id);

	if (rc == WSD_OK)
		rc = ask(&of->box, &kind, &q, QUERY_PATIENCE_MS);
	if (rc == WSD_OK && !q.inquiry->items[0].found)
		rc = WSD_E_UNKNOWN;
	if (rc == WSD_OK && out)
		*out = q.inquiry->items[0].answer;
	free(q.inquiry);
	return rc;
}

int
query_find(void *arg, const char *id, struct admin_connection *out)
{
	return about_one(arg, id, false, out);
}

int
query_disconnect(void *arg, const char *id)
{
	return about_one(arg, id, true, NULL);
}
