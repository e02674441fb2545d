/* SPDX-License-Identifier: MIT */
/* What the HTTP threads ask of the server as a whole; of its connections: queries_connections.c. */
#include "server/queries.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "kept/table.h"
#include "loop/ask.h"
#include "metrics/metrics.h"
#include "server/handoff_give.h"
#include "server/lifecycle.h"
#include "server/status.h"

#define ASKED_MOST    4096 /* questions at a time */
#define INSTANCE_MOST 32   /* characters of an instance's name */

/* ---- drain, accept ---------------------------------------------------------------------------- */

static void
run_drain(struct ask *ask, void *payload, void *owner)
{
	struct queries *q = owner;

	ask_answer(ask, lifecycle_drain(q->lifecycle));
}

static int
query_drain(void *arg)
{
	static const struct ask_kind kind = { .run = run_drain };
	struct queries *q = arg;

	return ask(&q->box, &kind, "", QUERY_PATIENCE_MS);
}

static void
run_accept(struct ask *ask, void *payload, void *owner)
{
	struct queries *q = owner;

	ask_answer(ask, lifecycle_accept(q->lifecycle, *(bool *)payload));
}

static int
query_accept(void *arg, bool on)
{
	static const struct ask_kind kind = { .size = sizeof(on), .run = run_accept };
	struct queries *q = arg;

	return ask(&q->box, &kind, &on, QUERY_PATIENCE_MS);
}

/* ---- handoff ---------------------------------------------------------------------------------- */

struct handoff_order {
	char to[INSTANCE_MOST + 1];
	bool close;
};

static void
run_handoff(struct ask *ask, void *payload, void *owner)
{
	const struct handoff_order *order = payload;
	struct queries *q = owner;

	ask_answer(ask, handoff_give_begin(q->give, order->to, order->close));
}

static int
query_handoff(void *arg, const char *to, bool close)
{
	static const struct ask_kind kind = { .size = sizeof(struct handoff_order), .run = run_handoff };
	struct handoff_order order = { .close = close };
	struct queries *q = arg;

	if (strlen(to) > INSTANCE_MOST)
		return WSD_E_UNKNOWN;
	strcpy(order.to, to);
	return ask(&q->box, &kind, &order, QUERY_PATIENCE_MS);
}

static void
run_handoff_status(struct ask *ask, void *payload, void *owner)
{
	struct queries *q = owner;

	handoff_give_status(q->give, payload);
	ask_answer(ask, WSD_OK);
}

static int
query_handoff_status(void *arg, struct admin_handoff *out)
{
	static const struct ask_kind kind = { .size = sizeof(*out), .run = run_handoff_status };
	struct queries *q = arg;

	return ask(&q->box, &kind, out, QUERY_PATIENCE_MS);
}

/* ---- health, which asks nobody ----------------------------------------------------------------- */

static void
fill_crashes(struct admin_health *out)
{
	struct kept_death last = kept_last_death();

	out->crashes.n = last.count;
	out->crashes.kept = (uint64_t)metrics_sum(METRIC_CRASH_KEPT);
	out->crashes.closed = (uint64_t)metrics_sum(METRIC_CRASH_CLOSED);
	out->crashes.last_signal = last.signal;
	out->crashes.last_real_ms = clock_real_ms() - (clock_mono_ms() - last.at_ms);
}

static void
query_health(void *arg, struct admin_health *out)
{
	static const struct {
		const char *state, *not_ready;
	} texts[] = {
		[LIFE_STARTING] = { "starting", "starting_up" },   [LIFE_RUNNING] = { "running", NULL },
		[LIFE_STANDBY] = { "standby", "standby" },         [LIFE_DRAINING] = { "draining", "draining" },
		[LIFE_STOPPING] = { "draining", "shutting_down" },
	};
	const struct queries *q = arg;
	enum life_state state = lifecycle_state(q->lifecycle);
	int64_t connections = metrics_sum(METRIC_CONNECTIONS);
	int64_t rate = status_messages_per_second(q->status);

	out->state = texts[state].state;
	out->not_ready = texts[state].not_ready;
	out->connections = connections > 0 ? (uint64_t)connections : 0; /* shards are not read at one moment */
	out->messages_per_second = rate > 0 ? (uint64_t)rate : 0;
	out->uptime_ms = clock_mono_ms() - q->started_ms;
	fill_crashes(out);
}

/* ---- main ------------------------------------------------------------------------------------- */

int
queries_start(struct queries *q, uv_loop_t *loop)
{
	q->started_ms = clock_mono_ms();
	return mailbox_init(&q->box, loop, q, ASKED_MOST);
}

void
queries_close(struct queries *q)
{
	mailbox_close(&q->box, NULL);
}

void
queries_stop(struct queries *q)
{
	mailbox_deinit(&q->box);
}

struct admin_ops
queries_ops(struct queries *q, uint16_t public_port)
{
	return (struct admin_ops){
		.arg = q,
		.public_port = public_port,
		.health = query_health,
		.page = query_page,
		.find = query_find,
		.disconnect = query_disconnect,
		.command = query_command,
		.drain = query_drain,
		.accept = query_accept,
		.handoff = query_handoff,
		.handoff_status = query_handoff_status,
	};
}
