/* SPDX-License-Identifier: MIT */
/* What backends want of clients: main knows where one sits, or asks all workers; the last one that answers wakes who
 * asked. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "channel/command.h"
#include "conf/conf.h"
#include "front/front.h"
#include "loop/ask.h"
#include "server/queries.h"
#include "server/workers.h"

struct errand;

struct part {
	struct worker_command command;
	struct errand *errand;
};

/* A command on its way. Its texts lie behind its parts. */
struct errand {
	struct ask *ask;
	struct channel_command what;
	_Atomic uint32_t missing; /* [atomic] parts not answered yet */
	uint32_t n;
	struct part parts[];
};

struct question {
	struct errand *errand;
};

static void
drop(void *payload)
{
	struct question *q = payload;

	free(q->errand);
}

static struct slice
copy(char **room, struct slice text)
{
	char *at = *room;

	if (text.len > 0)
		memcpy(at, text.at, text.len);
	*room += text.len;
	return (struct slice){ at, text.len };
}

static struct errand *
errand_create(const struct channel_command *c, uint32_t workers)
{
	size_t head = sizeof(struct errand) + workers * sizeof(struct part);
	struct errand *e =
		malloc(head + c->client.len + 1 + c->user.len + c->spared.len + c->channel.len + c->data.len);
	char *room = (char *)e + head;

	if (!e)
		return NULL;
	memset(e, 0, head);
	e->what = *c;
	e->what.client = copy(&room, c->client);
	*room++ = '\0'; /* front_find() wants it so */
	e->what.user = copy(&room, c->user);
	e->what.spared = copy(&room, c->spared);
	e->what.channel = copy(&room, c->channel);
	e->what.data = copy(&room, c->data);
	return e;
}

/* ---- main, and workers -------------------------------------------------------------------------- */

static void
answered_one(struct errand *e)
{
	if (atomic_fetch_sub_explicit(&e->missing, 1, memory_order_acq_rel) == 1)
		ask_answer(e->ask, WSD_OK);
}

static void
on_answered(struct worker_command *command) /* worker's thread */
{
	answered_one(((struct part *)command)->errand);
}

static void
send_part(const struct queries *of, struct errand *e, uint32_t worker, const struct front_seat *seat)
{
	struct worker *w = workers_at(of->workers, worker);
	struct part *part = &e->parts[e->n++];

	part->errand = e;
	part->command.what = &e->what;
	part->command.serial = seat ? seat->serial : 0;
	part->command.slot = seat ? seat->slot : 0;
	part->command.answered = on_answered;
	atomic_fetch_add_explicit(&e->missing, 1, memory_order_relaxed);
	if (!w || worker_command(w, &part->command) != WSD_OK) /* its connections are on their way out */
		answered_one(e);
}

static void
run_command(struct ask *ask, void *payload, void *owner)
{
	struct errand *e = ((struct question *)payload)->errand;
	const struct queries *of = owner;
	struct front_seat seat;

	e->ask = ask;
	atomic_store_explicit(&e->missing, 1, memory_order_relaxed); /* for ourselves, given back below */
	if (e->what.client.len == 0) {
		for (uint32_t i = 0; i < workers_count(of->workers); i++)
			send_part(of, e, i, NULL);
	} else if (front_find(of->front, e->what.client.at, &seat)) {
		send_part(of, e, seat.worker, &seat);
	}
	answered_one(e);
}

/* ---- the HTTP threads ---------------------------------------------------------------------------- */

int
query_command(void *arg, const struct channel_command *command, struct channel_command_result *result)
{
	static const struct ask_kind kind = { .size = sizeof(struct question), .run = run_command, .drop = drop };
	struct queries *of = arg;
	struct question q = { .errand = errand_create(command, of->workers->conf->workers) };
	int rc;

	*result = (struct channel_command_result){ .rc = WSD_OK };
	if (!q.errand)
		return -ENOMEM;
	rc = ask(&of->box, &kind, &q, QUERY_PATIENCE_MS);
	for (uint32_t i = 0; rc == WSD_OK && i < q.errand->n; i++) {
		const struct channel_command_result *one = &q.errand->parts[i].command.result;

		result->done += one->done;
		result->moving += one->moving;
		if (result->rc == WSD_OK)
			result->rc = one->rc;
	}
	if (rc != WSD_E_TIMEOUT) /* then it goes with the answer */
		free(q.errand);
	return rc;
}
