/* SPDX-License-Identifier: MIT */
/* The order in which the parts are started, and, backwards, stopped: one table. Main thread. */
#include "server/server.h"

#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

#include "admin/admin.h"
#include "base/check.h"
#include "base/err.h"
#include "conf/conf.h"
#include "front/front.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "loop/reserve.h"
#include "metrics/metrics.h"
#include "move/lot.h"
#include "move/receiver.h"
#include "server/crashes.h"
#include "server/handoff_give.h"
#include "server/handoff_take.h"
#include "server/import.h"
#include "server/lifecycle.h"
#include "server/limits.h"
#include "server/listen.h"
#include "server/lot_fill.h"
#include "server/lot_take.h"
#include "server/publishing.h"
#include "server/queries.h"
#include "server/restart.h"
#include "server/rules_file.h"
#include "server/signals.h"
#include "server/starting.h"
#include "server/status.h"
#include "server/takeover.h"
#include "server/watchdog.h"
#include "server/wiring.h"
#include "server/workers.h"
#include "sysd/sysd.h"

/* All parts. No other file knows this struct; what each part needs of the others is in its own, and connect_parts()
 * fills it in. */
struct server {
	const struct conf *conf;
	const struct auth *auth; /* NULL: clients need no token */
	uint32_t most_pending;
	struct sysd_listeners listeners; /* until the front desk has them */
	struct lot *lot;                 /* NULL: connections are not kept over a restart */
	struct notes *notes;             /* NULL: there is no keeper */
	struct metrics_shard *shard, *public_shard, *admin_shard;
	uv_loop_t loop;
	struct signals signals;
	struct wiring wiring;
	struct front *front;
	struct queries queries;
	struct admin_ops admin_ops; /* [const after start] */
	struct admin *admin;
	struct publishing publishing;
	struct workers workers;
	struct status status;
	struct rules_file rules;
	struct lifecycle lifecycle;
	struct restart restart;
	struct lot_fill fill;
	struct importer importer;
	struct handoff_give give;
	struct receiver *receiver; /* NULL: there is no handoff socket */
	struct watchdog *watchdog; /* NULL: none is wanted */
};

/* Who knows whom. */
static void
connect_parts(struct server *s)
{
	s->wiring.front = s->front;
	s->wiring.workers = &s->workers;
	s->wiring.lifecycle = &s->lifecycle;
	s->wiring.restart = &s->restart;
	s->wiring.fill = &s->fill;
	s->wiring.give = &s->give;
	s->workers = (struct workers){ .conf = s->conf,
				       .auth = s->auth,
				       .ops = &s->wiring.worker_ops,
				       .broker = s->publishing.broker,
				       .rules = s->publishing.rules };
	s->queries = (struct queries){ .front = s->front,
				       .workers = &s->workers,
				       .lifecycle = &s->lifecycle,
				       .give = &s->give,
				       .status = &s->status };
	s->lifecycle = (struct lifecycle){ .conf = s->conf,
					   .loop = &s->loop,
					   .front = s->front,
					   .workers = &s->workers,
					   .shard = s->shard,
					   .status = &s->status,
					   .give = &s->give,
					   .restart = &s->restart,
					   .fill = &s->fill,
					   .rules = &s->rules };
	s->status = (struct status){ .loop = &s->loop,
				     .front = s->front,
				     .lifecycle = &s->lifecycle,
				     .restart = &s->restart,
				     .shard = s->shard };
	s->restart = (struct restart){ .workers = &s->workers, .lifecycle = &s->lifecycle, .box = &s->wiring.box };
	s->fill = (struct lot_fill){
		.conf = s->conf, .loop = &s->loop, .front = s->front, .workers = &s->workers, .lot = s->lot
	};
	s->importer = (struct importer){ .front = s->front,
					 .workers = &s->workers,
					 .lifecycle = &s->lifecycle,
					 .notes = s->notes,
					 .shard = s->shard };
	s->give = (struct handoff_give){ .conf = s->conf,
					 .loop = &s->loop,
					 .front = s->front,
					 .workers = &s->workers,
					 .lifecycle = &s->lifecycle,
					 .shard = s->shard };
}

/* ---- the parts, in the order of the table ---------------------------------------------------- */

/* A row's function that only calls one of the part's own. */
#define START(part, call) \
	static int start_##part(struct server *s) \
	{ \
		return (call); \
	}
#define STOP(part, call) \
	static void stop_##part(struct server *s) \
	{ \
		(call); \
	}

static uint32_t
parked(const struct server *s)
{
	return s->lot ? lot_count(s->lot) : 0;
}

START(sockets, listen_prepare(&s->listeners, s->conf))
STOP(sockets, listen_close(&s->listeners))
START(lot, lot_take_open(&s->lot, s->conf, s->listeners.kept))

static void
stop_lot(struct server *s)
{
	crashes_end(s->lot);
	lot_destroy(&s->lot);
}

START(notes, takeover_start(&s->notes, s->conf))
STOP(notes, notes_close(&s->notes))
START(limits, limits_set(s->conf, parked(s), &s->most_pending))

static int
start_metrics(struct server *s)
{
	s->shard = metrics_shard_create();
	s->public_shard = metrics_shard_create();
	s->admin_shard = metrics_shard_create();
	if (!s->shard || !s->public_shard || !s->admin_shard)
		return -ENOMEM;
	metrics_set(s->shard, METRIC_MAX_CONNECTIONS, s->conf->max_connections);
	metrics_set(s->shard, METRIC_WORKERS, s->conf->workers);
	metrics_set(s->shard, METRIC_DRAIN_TIMEOUT_MS, s->conf->drain_timeout_ms);
	metrics_set(s->shard, METRIC_STATE_STARTING, 1);
	crashes_begin(s->lot, s->shard);
	return WSD_OK;
}

static int
start_loop(struct server *s)
{
	int rc = uv_loop_init(&s->loop);

	if (rc != 0)
		return rc;
	rc = loop_reserve(&s->loop);
	if (rc != WSD_OK)
		uv_loop_close(&s->loop);
	return rc;
}

static void
stop_loop(struct server *s)
{
	uv_run(&s->loop, UV_RUN_DEFAULT);
	CHECK_ZERO(uv_loop_close(&s->loop));
}

static int
start_rules(struct server *s)
{
	s->rules = (struct rules_file){ .conf = s->conf, .shard = s->shard, .workers = &s->workers };
	return rules_file_start(&s->rules);
}

STOP(rules, rules_file_stop(&s->rules))

static int
start_channels(struct server *s)
{
	s->publishing =
		(struct publishing){ .conf = s->conf, .loop = &s->loop, .shard = s->shard, .rules = s->rules.now };
	return publishing_start(&s->publishing, &s->listeners.kept[SYSD_CHANNELS]);
}

STOP(channels, publishing_stop(&s->publishing))
START(signals, signals_start(&s->signals, &s->loop, &s->lifecycle))
STOP(signals, signals_stop(&s->signals))

static int
start_front(struct server *s)
{
	int rc = front_create(&s->front, &(struct front_setup){
						 .conf = s->conf,
						 .ops = &s->wiring.front_ops,
						 .auth = s->auth,
						 .loop = &s->loop,
						 .notes = s->notes,
						 .shard = s->shard,
						 .workers = s->conf->workers,
						 .most_pending = s->most_pending,
					 });

	if (rc == WSD_OK)
		connect_parts(s);
	return rc;
}

static void
on_front_closed(void *arg)
{
	*(bool *)arg = true;
}

static void
stop_front(struct server *s)
{
	bool closed = false;

	front_close(s->front, on_front_closed, &closed);
	while (!closed)
		uv_run(&s->loop, UV_RUN_ONCE);
	front_destroy(&s->front);
}

static int
start_http(struct server *s)
{
	int rc = queries_start(&s->queries, &s->loop);

	if (rc != WSD_OK)
		return rc;
	s->admin_ops = queries_ops(&s->queries, listen_public_port(&s->listeners));
	s->admin_ops.broker = s->publishing.broker;
	s->admin_ops.rules = s->rules.now;
	rc = admin_create(&s->admin, s->conf, &s->admin_ops, s->public_shard, s->admin_shard);
	s->wiring.admin = s->admin;
	if (rc != WSD_OK) {
		queries_close(&s->queries);
		queries_stop(&s->queries);
	}
	return rc;
}

static void
stop_http(struct server *s)
{
	front_set_mode(s->front, FRONT_CLOSED);
	/* Nobody waits for this thread from here on, which waits for theirs. The workers, whose mail must come through,
	 * have been joined. */
	queries_close(&s->queries);
	admin_destroy(&s->admin);
	queries_stop(&s->queries);
}

START(wiring, wiring_start(&s->wiring, &s->loop))
STOP(wiring, wiring_stop(&s->wiring))
START(workers, workers_start(&s->workers))

static void
stop_workers(struct server *s)
{
	front_set_mode(s->front, FRONT_CLOSED);
	workers_stop(&s->workers);
	while (front_connections(s->front) > 0)
		uv_run(&s->loop, UV_RUN_ONCE);
}

static int
start_timers(struct server *s)
{
	lifecycle_start(&s->lifecycle);
	status_start(&s->status);
	return WSD_OK;
}

static void
stop_timers(struct server *s)
{
	lifecycle_stop(&s->lifecycle);
	status_stop(&s->status);
	uv_run(&s->loop, UV_RUN_NOWAIT);
}

static int
take_parked(struct server *s)
{
	if (s->lot)
		lot_take_up(s->lot, &s->importer);
	return WSD_OK;
}

static int
take_noted(struct server *s)
{
	return takeover_take(s->notes, s->lot, &s->importer, s->conf);
}

static int
start_handoff(struct server *s)
{
	int fd = s->listeners.fds[SYSD_HANDOFF][0];

	if (s->listeners.n[SYSD_HANDOFF] == 0)
		return WSD_OK;
	s->listeners.fds[SYSD_HANDOFF][0] = -1; /* further ones stay unused until listen_close() */
	return handoff_take_start(&s->receiver, &s->loop, fd, s->conf->instance, &s->importer);
}

static void
stop_handoff(struct server *s)
{
	handoff_give_abort(&s->give);
	receiver_stop(&s->receiver);
	uv_run(&s->loop, UV_RUN_NOWAIT);
}

START(listening, listen_start(&s->listeners, s->front))
START(watchdog, watchdog_start(&s->watchdog, &s->loop, &s->workers, s->lot))
STOP(watchdog, watchdog_stop(&s->watchdog))

static const struct part {
	const char *what;
	int (*start)(struct server *s);
	void (*stop)(struct server *s);
	bool explains; /* it logs by itself why it could not start */
} parts[] = {
	{ "listening sockets", start_sockets, stop_sockets, true },
	{ "parking lot", start_lot, stop_lot, true },
	{ "limits", start_limits, NULL, true },
	{ "notes", start_notes, stop_notes, false },
	{ "metrics", start_metrics, NULL, false },
	{ "main loop", start_loop, stop_loop, false },
	{ "rules of channels", start_rules, stop_rules, true },
	{ "channels", start_channels, stop_channels, true },
	{ "signals", start_signals, stop_signals, true },
	{ "front desk", start_front, stop_front, false },
	{ "HTTP", start_http, stop_http, false },
	{ "mailbox", start_wiring, stop_wiring, false },
	{ "workers", start_workers, stop_workers, false },
	{ "timers", start_timers, stop_timers, false },
	{ "connections of a process that was killed", take_noted, NULL, true },
	{ "parked connections", take_parked, NULL, true },
	{ "handoff", start_handoff, stop_handoff, true },
	{ "listeners", start_listening, NULL, true },
	{ "watchdog", start_watchdog, stop_watchdog, false }, /* the last: what has to be ready is not waited for */
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

int
server_check(const struct conf *conf, char *why, size_t why_size)
{
	int rc = limits_check(conf, why, why_size);

	if (rc == WSD_OK)
		rc = publishing_check(conf, why, why_size);
	return rc == WSD_OK ? rules_file_check(conf, why, why_size) : rc;
}

int
server_run(const struct conf *conf, const struct auth *auth)
{
	struct server *s = calloc(1, sizeof(*s));
	size_t started = 0;
	int rc = WSD_OK;

	if (!s)
		return -ENOMEM;
	s->conf = conf;
	s->auth = auth;
	signals_block();
	wiring_init(&s->wiring);
	for (; started < PARTS; started++) {
		rc = parts[started].start(s);
		if (rc != WSD_OK) {
			if (!parts[started].explains)
				starting_failed("could not start: %s (%s)", parts[started].what, wsd_strerror(rc));
			break;
		}
	}
	if (rc == WSD_OK)
		rc = lifecycle_ready(&s->lifecycle, s->watchdog != NULL);
	if (rc == WSD_OK) {
		if (s->lot)
			lot_clear(s->lot);
		uv_run(&s->loop, UV_RUN_DEFAULT);
		kept_set_phase(KEPT_ENDING);
	}
	if (rc != WSD_OK && parked(s) > 0) {
		/* whoever was taken up is in the lot still: an orderly stop would shut those sockets down */
		log_stop();
		_exit(EXIT_FAILURE);
	}
	while (started-- > 0)
		if (parts[started].stop)
			parts[started].stop(s);
	if (rc == WSD_OK)
		LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_STOPPED,
		       LOG_FIELDS(LOG_NUMBER("WS_MESSAGES", metrics_sum(METRIC_MESSAGES))), "stopped");
	free(s);
	return rc;
}
