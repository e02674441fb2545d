/* SPDX-License-Identifier: MIT */
/* What the HTTP threads ask of the server as a whole; of its connections: queries_connections.c. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "loop/ask.h"
#include "server/server_priv.h"

/* ---- drain, accept ---------------------------------------------------------------------------- */

static void
run_drain(struct ask *ask, void *payload, void *owner)
{
	ask_answer(ask, lifecycle_drain(owner));
}

int
query_drain(void *arg)
{
	static const struct ask_kind kind = { .run = run_drain };
	struct server *s = arg;

	return ask(&s->box, &kind, "", QUERY_PATIENCE_MS);
}

static void
run_accept(struct ask *ask, void *payload, void *owner)
{
	const bool *on = payload;

	ask_answer(ask, lifecycle_accept(owner, *on));
}

int
query_accept(void *arg, bool on)
{
	static const struct ask_kind kind = { .size = sizeof(on), .run = run_accept };
	struct server *s = arg;

	return ask(&s->box, &kind, &on, QUERY_PATIENCE_MS);
}

/* ---- handoff ---------------------------------------------------------------------------------- */

struct handoff_order {
	char to[QUERY_NAME_MAX + 1];
	bool close;
};

static void
run_handoff(struct ask *ask, void *payload, void *owner)
{
	const struct handoff_order *order = payload;

	ask_answer(ask, handing_begin(owner, order->to, order->close));
}

int
query_handoff(void *arg, const char *to, bool close)
{
	static const struct ask_kind kind = { .size = sizeof(struct handoff_order), .run = run_handoff };
	struct handoff_order order = { .close = close };
	struct server *s = arg;

	if (strlen(to) > QUERY_NAME_MAX)
		return WSD_E_UNKNOWN;
	strcpy(order.to, to);
	return ask(&s->box, &kind, &order, QUERY_PATIENCE_MS);
}

static void
run_handoff_status(struct ask *ask, void *payload, void *owner)
{
	struct admin_handoff *out = payload;
	struct server *s = owner;

	*out = s->handoff;
	if (out->running)
		out->ms = clock_mono_ms() - s->handoff_since_ms;
	ask_answer(ask, WSD_OK);
}

int
query_handoff_status(void *arg, struct admin_handoff *out)
{
	static const struct ask_kind kind = { .size = sizeof(*out), .run = run_handoff_status };
	struct server *s = arg;

	return ask(&s->box, &kind, out, QUERY_PATIENCE_MS);
}

/* ---- health, which asks nobody ----------------------------------------------------------------- */

void
query_health(void *arg, struct admin_health *out)
{
	static const struct {
		const char *state, *not_ready;
	} texts[] = {
		[STATE_STARTING] = { "starting", "starting_up" },   [STATE_RUNNING] = { "running", NULL },
		[STATE_STANDBY] = { "standby", "standby" },         [STATE_DRAINING] = { "draining", "draining" },
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
