/* SPDX-License-Identifier: MIT */
/* The order in which the parts are started, and, backwards, stopped: one table. Main thread. */
#include "server/server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "loop/reserve.h"
#include "server/server_priv.h"

#define MAILS_MOST 4096 /* questions of the HTTP threads; what workers send is bounded by their connections */

static int
loop_start(struct server *s)
{
	int rc = uv_loop_init(&s->loop);

	if (rc != 0)
		return rc;
	rc = loop_reserve(&s->loop);
	if (rc == WSD_OK)
		rc = mailbox_init(&s->box, &s->loop, s, MAILS_MOST);
	if (rc != WSD_OK)
		uv_loop_close(&s->loop);
	return rc;
}

static void
loop_stop(struct server *s)
{
	if (!s->box_closed)
		mailbox_close(&s->box, NULL);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	mailbox_deinit(&s->box);
	CHECK_ZERO(uv_loop_close(&s->loop));
}

static int
shards_start(struct server *s)
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
	return WSD_OK;
}

static int
front_start(struct server *s)
{
	return front_create(&s->front, &(struct front_setup){
					       .conf = s->conf,
					       .ops = &s->front_ops,
					       .auth = s->auth,
					       .loop = &s->loop,
					       .shard = s->shard,
					       .workers = s->conf->workers,
					       .most_pending = s->most_pending,
				       });
}

static void
on_front_closed(void *arg)
{
	*(bool *)arg = true;
}

static void
front_stop(struct server *s)
{
	bool closed = false;

	front_close(s->front, on_front_closed, &closed);
	while (!closed)
		uv_run(&s->loop, UV_RUN_ONCE);
	front_destroy(&s->front);
}

static uint16_t
public_port(struct server *s)
{
	for (unsigned i = 0; i < s->listeners.n[SYSD_PUBLIC]; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);

		if (getsockname(s->listeners.fds[SYSD_PUBLIC][i], (struct sockaddr *)&sa, &len) == 0) {
			struct addr a = addr_from_sockaddr((struct sockaddr *)&sa, len);

			if (a.port != 0)
				return a.port;
		}
	}
	return 0;
}

static int
http_start(struct server *s)
{
	s->admin_ops.public_port = public_port(s);
	return admin_create(&s->admin, s->conf, &s->admin_ops, s->public_shard, s->admin_shard);
}

static void
http_stop(struct server *s)
{
	front_set_mode(s->front, FRONT_CLOSED);
	/* Answers what was asked, and refuses what will be: nobody waits for this thread, which waits for
	 * theirs. The workers, whose mail must come through, have been joined. */
	mailbox_close(&s->box, NULL);
	s->box_closed = true;
	admin_destroy(&s->admin);
}

static int
start_each_worker(struct server *s)
{
	for (uint32_t i = 0; i < s->conf->workers; i++) {
		struct worker_setup setup = {
			.conf = s->conf,
			.ops = &s->worker_ops,
			.auth = s->auth,
			.shard = metrics_shard_create(),
			.gate = &s->gate,
			.index = i,
		};
		int rc = setup.shard ? worker_start(&s->workers[i], &setup) : -ENOMEM;

		if (rc != WSD_OK) {
			for (uint32_t missing = i; missing < s->conf->workers; missing++)
				gate_report(&s->gate, rc);
			return rc;
		}
		s->n_workers++;
	}
	return WSD_OK;
}

static void
workers_stop(struct server *s)
{
	uint32_t n = s->n_workers;

	front_set_mode(s->front, FRONT_CLOSED);
	for (uint32_t i = 0; i < n; i++)
		worker_stop(s->workers[i]);
	for (uint32_t i = 0; i < n; i++)
		worker_join(&s->workers[i]);
	s->n_workers = 0; /* a signal or a question that comes now finds none */
	/* what they sent on their way out is in the mailbox */
	while (front_connections(s->front) > 0)
		uv_run(&s->loop, UV_RUN_ONCE);
	free(s->workers);
	s->workers = NULL;
}

static int
workers_start(struct server *s)
{
	int rc;

	s->workers = calloc(s->conf->workers, sizeof(struct worker *));
	if (!s->workers)
		return -ENOMEM;
	worker_library_init();
	gate_init(&s->gate, s->conf->workers);
	start_each_worker(s);
	rc = gate_wait(&s->gate);
	gate_deinit(&s->gate);
	if (rc != WSD_OK)
		workers_stop(s);
	return rc;
}

static const struct part {
	const char *what;
	int (*start)(struct server *s);
	void (*stop)(struct server *s);
	bool explains; /* it logs by itself why it could not start */
} parts[] = {
	{ "listening sockets", listen_prepare, listen_stop, true },
	{ "parking lot", parking_open, parking_close, true },
	{ "limits", limits_start, NULL, true },
	{ "metrics", shards_start, NULL, false },
	{ "crashes", crashes_start, NULL, false }, /* ended with the lot */
	{ "main loop", loop_start, loop_stop, false },
	{ "signals", signals_start, signals_stop, true },
	{ "front desk", front_start, front_stop, false },
	{ "HTTP", http_start, http_stop, false },
	{ "workers", workers_start, workers_stop, false },
	{ "timers", lifecycle_start, lifecycle_stop, false },
	{ "parked connections", parking_take, NULL, true },
	{ "handoff", handing_listen, handing_close, true },
	{ "listeners", listen_start, NULL, true },
	{ "watchdog", watchdog_start, watchdog_stop, false }, /* the last: what has to be ready is not waited for */
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

int
server_run(const struct conf *conf, const struct auth *auth)
{
	struct server *s = calloc(1, sizeof(*s));
	size_t started = 0;
	int rc = WSD_OK;

	if (!s)
		return -ENOMEM;
	s->magic = SERVER_MAGIC;
	s->conf = conf;
	s->auth = auth;
	s->started_ms = clock_mono_ms();
	s->signal_fd = -1;
	signals_block();
	wiring_init(s);
	for (; started < PARTS; started++) {
		rc = parts[started].start(s);
		if (rc != WSD_OK) {
			if (!parts[started].explains)
				starting_failed("could not start: %s (%s)", parts[started].what, wsd_strerror(rc));
			break;
		}
	}
	if (rc == WSD_OK)
		rc = lifecycle_ready(s);
	if (rc == WSD_OK) {
		parking_clear(s);
		uv_run(&s->loop, UV_RUN_DEFAULT);
	}
	if (rc != WSD_OK && parking_count(s) > 0) {
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
	s->magic = 0;
	free(s);
	return rc;
}
