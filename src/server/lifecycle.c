/* SPDX-License-Identifier: MIT */
/* What state the server is in, what moves it on, and what the service manager is told of it. Main thread. */
#include <inttypes.h>
#include <signal.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "move/sender.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "server/server_priv.h"

#define PULSE_MS            1000
#define ASKING_MS           15000 /* at most, until a restart stands still; longer than its rounds take (restart.c) */
#define PARKING_MS          15000 /* for connections to be parked, once everybody stands still */
#define BYE_MS              2000  /* for clients to close that a restart without a parking lot has told to come back */
#define EXTEND_US           (15 * 1000000ull)
#define CLOSES_A_SECOND     4000 /* a drain takes no longer than this needs, and no more than half of DRAIN_TIMEOUT */
#define RECONNECTS_A_SECOND 1000 /* what the advice to clients aims at */

/* A scrape in between may see none. */
static void
show_state(struct server *s, enum server_state state)
{
	static const enum metric metrics[] = {
		[STATE_STARTING] = METRIC_STATE_STARTING, [STATE_RUNNING] = METRIC_STATE_RUNNING,
		[STATE_STANDBY] = METRIC_STATE_STANDBY,   [STATE_DRAINING] = METRIC_STATE_DRAINING,
		[STATE_STOPPING] = METRIC_STATE_STOPPING,
	};

	metrics_set(s->shard, metrics[server_state(s)], 0);
	metrics_set(s->shard, metrics[state], 1);
}

void
lifecycle_set_state(struct server *s, enum server_state state)
{
	static const enum front_mode modes[] = {
		[STATE_STARTING] = FRONT_CLOSED,   [STATE_RUNNING] = FRONT_OPEN,      [STATE_STANDBY] = FRONT_STANDBY,
		[STATE_DRAINING] = FRONT_DRAINING, [STATE_STOPPING] = FRONT_DRAINING,
	};

	show_state(s, state);
	atomic_store_explicit(&s->state, state, memory_order_release);
	front_set_mode(s->front, modes[state]);
}

/* ---- pulse ----------------------------------------------------------------------------------- */

static void
report_drain(struct server *s)
{
	uint32_t left = front_connections(s->front);

	if (s->drain_left > 0) /* an operator's drain may stay as it is for long after the last one has left */
		metrics_set(s->shard, METRIC_SHUTDOWN_MS, (int64_t)(clock_mono_ms() - s->drain_since_ms));
	sysd_notify_now("STATUS=draining, %" PRIu32 " connections left", left);
	if (left < s->drain_left && server_state(s) == STATE_STOPPING)
		sysd_notify_now("EXTEND_TIMEOUT_USEC=%llu", EXTEND_US);
	s->drain_left = left;
}

static void
on_pulse(uv_timer_t *timer)
{
	struct server *s = timer->data;
	int64_t messages = metrics_sum(METRIC_MESSAGES);

	CHECK_MAGIC(s, SERVER_MAGIC);
	if (server_state(s) >= STATE_DRAINING)
		report_drain(s);
	else
		sysd_notify_now("STATUS=%s, %" PRIu32 " connections, %" PRId64 " messages/s",
				s->restart.asking                  ? "about to restart"
				: server_state(s) == STATE_STANDBY ? "standby"
								   : "serving",
				front_connections(s->front), messages - s->messages_seen);
	atomic_store_explicit(&s->messages_per_second, messages - s->messages_seen, memory_order_relaxed);
	s->messages_seen = messages;
}

static void
on_deadline(uv_timer_t *timer)
{
	struct server *s = timer->data;

	if (s->restart.asking) {
		log_warn("not every worker has told which connections can be parked");
		restart_hurry(s);
		return;
	}
	parking_finish(s);
	log_warn("drain timed out, %" PRIu32 " connections are dropped", front_connections(s->front));
	uv_stop(&s->loop);
}

int
lifecycle_start(struct server *s)
{
	s->pulse.data = s->deadline.data = s;
	CHECK_ZERO(uv_timer_init(&s->loop, &s->pulse));
	CHECK_ZERO(uv_timer_init(&s->loop, &s->deadline));
	CHECK_ZERO(uv_timer_start(&s->pulse, on_pulse, PULSE_MS, PULSE_MS));
	return WSD_OK;
}

void
lifecycle_stop(struct server *s)
{
	uv_close((uv_handle_t *)&s->pulse, NULL);
	uv_close((uv_handle_t *)&s->deadline, NULL);
	uv_run(&s->loop, UV_RUN_NOWAIT);
}

int
lifecycle_ready(struct server *s)
{
	/* together: watchdog.c judges from here on, and the manager's timer never runs */
	int rc = sysd_notify("READY=1\nSTATUS=serving%s", s->watchdog ? "\nWATCHDOG_USEC=0" : "");

	if (rc != WSD_OK) { /* systemd would wait for it, and in the end kill us with all connections */
		log_error("could not tell the service manager that all is ready (%s)", wsd_strerror(rc));
		return rc;
	}
	lifecycle_set_state(s, STATE_RUNNING);
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_STARTED, LOG_FIELDS(LOG_NUMBER("WS_WORKERS", s->n_workers)),
	       "serving with %" PRIu32 " workers, at most %" PRIu32 " connections", s->n_workers,
	       s->conf->max_connections);
	return WSD_OK;
}

/* ---- draining -------------------------------------------------------------------------------- */

static void
tell_workers(struct server *s, enum client_bye bye, uint32_t spread_ms)
{
	uint32_t retry_ms = lifecycle_retry_ms(s);

	for (uint32_t i = 0; i < s->n_workers; i++)
		if (worker_drain(s->workers[i], bye, spread_ms, retry_ms) != WSD_OK)
			log_error("worker %" PRIu32 " could not be told to drain", i);
}

uint32_t
lifecycle_retry_ms(const struct server *s)
{
	return (uint32_t)((uint64_t)front_connections(s->front) * 1000 / RECONNECTS_A_SECOND);
}

uint32_t
lifecycle_spread_ms(const struct server *s)
{
	uint64_t needed = (uint64_t)front_connections(s->front) * 1000 / CLOSES_A_SECOND;
	uint64_t most = s->conf->drain_timeout_ms / 2;

	return (uint32_t)(needed < most ? needed : most);
}

static void
begin_drain(struct server *s, enum client_bye bye)
{
	s->drain_since_ms = clock_mono_ms();
	s->drain_left = front_connections(s->front);
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_DRAINING, LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", s->drain_left)),
	       "draining %" PRIu32 " connections", s->drain_left);
	tell_workers(s, bye, lifecycle_spread_ms(s));
}

static void
set_deadline(struct server *s, uint64_t ms)
{
	CHECK_ZERO(uv_timer_start(&s->deadline, on_deadline, ms, 0));
}

static void
begin_stop(struct server *s, enum client_bye bye)
{
	uint64_t deadline_ms = s->conf->drain_timeout_ms;

	restart_give_up(s);
	sysd_notify_now("STOPPING=1\nSTATUS=draining");
	lifecycle_set_state(s, STATE_STOPPING);
	if (bye == CLIENT_BYE_RESTART) {
		/* whoever comes now waits in the queue for the next process; not for clients that do not close */
		front_set_mode(s->front, FRONT_CLOSED);
		if (deadline_ms > lifecycle_spread_ms(s) + BYE_MS)
			deadline_ms = lifecycle_spread_ms(s) + BYE_MS;
	}
	begin_drain(s, bye);
	set_deadline(s, deadline_ms);
	lifecycle_left(s);
}

/* DRAIN_TIMEOUT, which may be 0, is for those who must go; these are to stay. */
static void
begin_restart(struct server *s)
{
	if (s->restart.asking) {
		restart_hurry(s);
		return;
	}
	sysd_notify_now("STOPPING=1\nSTATUS=about to restart");
	set_deadline(s, ASKING_MS);
	restart_begin(s);
}

void
lifecycle_stand_still(struct server *s)
{
	lifecycle_set_state(s, STATE_STOPPING);
	front_set_mode(s->front, FRONT_PARKING);
	s->drain_since_ms = clock_mono_ms();
	s->drain_left = front_connections(s->front);
	parking_begin(s);
	set_deadline(s, s->conf->parking_grace_ms + PARKING_MS);
	lifecycle_left(s);
}

static void
end(struct server *s, enum client_bye bye)
{
	if (server_state(s) == STATE_STOPPING) { /* a second signal: hurry */
		tell_workers(s, bye, 0);
		return;
	}
	if (s->sender)
		sender_abort(s->sender, "this instance is being stopped");
	if (bye == CLIENT_BYE_RESTART && s->lot)
		begin_restart(s);
	else
		begin_stop(s, bye);
}

void
lifecycle_left(struct server *s)
{
	handing_left(s);
	if (server_state(s) != STATE_STOPPING || front_connections(s->front) > 0)
		return;
	parking_finish(s);
	uv_stop(&s->loop);
}

void
lifecycle_signal(struct server *s, int signo)
{
	if (server_state(s) == STATE_STARTING) /* it could not start, and is ending anyway; not all of it is there */
		return;
	switch (signo) {
	case SIGTERM:
	case SIGINT:
		end(s, CLIENT_BYE_SHUTDOWN);
		break;
	case SIGUSR2:
		end(s, CLIENT_BYE_RESTART);
		break;
	default: /* SIGHUP, SIGUSR1: nothing to re-read; must not end us */
		log_notice("signal %d ignored: a changed configuration is taken up by a restart", signo);
		break;
	}
}

int
lifecycle_drain(struct server *s)
{
	enum server_state state = server_state(s);

	if ((state != STATE_RUNNING && state != STATE_STANDBY) || s->restart.asking)
		return WSD_E_BUSY;
	lifecycle_set_state(s, STATE_DRAINING);
	begin_drain(s, CLIENT_BYE_SHUTDOWN);
	return WSD_OK;
}

int
lifecycle_accept(struct server *s, bool on)
{
	if (server_state(s) == STATE_STOPPING || server_state(s) == STATE_STARTING || s->sender || s->restart.asking)
		return WSD_E_BUSY;
	if (on) /* an operator's drain ends here; whoever was not told yet stays */
		for (uint32_t i = 0; i < s->n_workers; i++)
			worker_drain_stop(s->workers[i]);
	metrics_set(s->shard, METRIC_SHUTDOWN_MS, 0);
	lifecycle_set_state(s, on ? STATE_RUNNING : STATE_STANDBY);
	log_notice("%s", on ? "accepting connections" : "on standby: new connections are refused");
	return WSD_OK;
}
