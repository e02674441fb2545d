/* SPDX-License-Identifier: MIT */
/* What backends want done with clients: each worker does it with those of its own, and the last to be done wakes who
 * asked. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "loop/ask.h"
#include "server/queries.h"
#include "server/workers.h"

struct order {
	enum admin_deed deed;
	char user[SUBJECT_MAX + 1];
	char client[CONNECTION_ID_MAX + 1];
	char channel[ADMIN_CHANNEL_MAX + 1];
	char *text; /* the order's own */
	size_t text_len;
	_Atomic uint32_t n_done; /* the answer */
};

struct tally {
	struct ask *ask;
	struct order *order;      /* lives until the ask is answered */
	_Atomic uint32_t missing; /* [atomic] workers that are not done yet, and main as long as it sends */
	struct part {
		struct worker_command command;
		struct tally *tally;
	} parts[];
};

static const enum worker_deed deeds[] = {
	[ADMIN_DISCONNECT] = WORKER_DISCONNECT,
	[ADMIN_UNSUBSCRIBE] = WORKER_UNSUBSCRIBE,
	[ADMIN_MESSAGE] = WORKER_MESSAGE,
};

static void
drop(void *payload)
{
	struct order *order = payload;

	free(order->text);
}

/* ---- main, and workers ----------------------------------------------------------------------- */

static void
done_one(struct tally *tally)
{
	if (atomic_fetch_sub_explicit(&tally->missing, 1, memory_order_acq_rel) != 1)
		return;
	ask_answer(tally->ask, WSD_OK);
	free(tally);
}

static void
on_done(struct worker_command *command) /* worker's thread */
{
	struct part *part = (struct part *)command;

	atomic_fetch_add_explicit(&part->tally->order->n_done, command->n_done, memory_order_relaxed);
	done_one(part->tally);
}

static void
run_order(struct ask *ask, void *payload, void *owner)
{
	struct order *order = payload;
	struct queries *of = owner;
	uint32_t n = workers_count(of->workers);
	struct tally *tally = calloc(1, sizeof(*tally) + n * sizeof(*tally->parts));

	if (!tally) {
		ask_answer(ask, -ENOMEM);
		return;
	}
	tally->ask = ask;
	tally->order = order;
	atomic_store_explicit(&tally->missing, n + 1, memory_order_relaxed);
	for (uint32_t i = 0; i < n; i++) {
		struct worker *w = workers_at(of->workers, i);
		struct part *part = &tally->parts[i];

		part->tally = tally;
		part->command = (struct worker_command){ .done = on_done,
							 .deed = deeds[order->deed],
							 .user = order->user,
							 .client = order->client,
							 .channel = order->channel,
							 .text = { order->text, order->text_len } };
		if (!w || worker_command(w, &part->command) != WSD_OK)
			on_done(&part->command);
	}
	done_one(tally);
}

/* ---- the HTTP threads ------------------------------------------------------------------------ */

int
query_command(void *arg, const struct admin_command *command, uint32_t *n_done)
{
	static const struct ask_kind kind = { .size = sizeof(struct order), .run = run_order, .drop = drop };
	struct order order = { .deed = command->deed, .text_len = command->text.len };
	struct queries *of = arg;
	int rc;

	memcpy(order.user, command->user, sizeof(order.user));
	memcpy(order.client, command->client, sizeof(order.client));
	memcpy(order.channel, command->channel, sizeof(order.channel));
	if (command->text.len > 0) {
		order.text = malloc(command->text.len);
		if (!order.text)
			return -ENOMEM;
		memcpy(order.text, command->text.at, command->text.len);
	}
	rc = ask(&of->box, &kind, &order, QUERY_PATIENCE_MS);
	*n_done = order.n_done;
	if (rc != WSD_E_TIMEOUT)
		free(order.text);
	return rc;
}
