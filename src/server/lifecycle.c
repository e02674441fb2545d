/* SPDX-License-Identifier: MIT */
/* The states, and what each change of them sets off. Main thread. */
#include "server/lifecycle.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/err.h"
#include "conf/conf.h"
#include "front/front.h"
#include "kept/table.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "server/handoff_give.h"
#include "server/lot_fill.h"
#include "server/restart.h"
#include "server/rules_file.h"
#include "server/status.h"
#include "server/workers.h"
#include "sysd/sysd.h"

#define LIFECYCLE_MAGIC 0x6c696665u

#define ASKING_MS           15000 /* at most, until a restart stands still; longer than its rounds take (restart.c) */
#define PARKING_MS          15000 /* for connections to be parked, once everybody stands still */
#define BYE_MS              2000  /* for clients to close that a restart without a parking lot has told to come back */
#define CLOSES_A_SECOND     4000  /* a drain takes no longer than this needs, and no more than half of DRAIN_TIMEOUT */
#define RECONNECTS_A_SECOND 1000  /* what the advice to clients aims at */

enum life_state
lifecycle_state(const struct lifecycle *l)
{
	return (enum life_state)atomic_load_explicit(&l->state, memory_order_acquire);
}

/* Something has begun that will change the state. */
static bool
is_changing(const struct lifecycle *l)
{
	return handoff_give_running(l->give) || restart_is_asking(l->restart);
}

bool
lifecycle_is_free(const struct lifecycle *l)
{
	enum life_state state = lifecycle_state(l);

	return (state == LIFE_RUNNING || state == LIFE_STANDBY) && !is_changing(l);
}

/* A scrape in between may see none. */
static void
show_state(struct lifecycle *l, enum life_state state)
{
	static const enum metric metrics[] = {
		[LIFE_STARTING] = METRIC_STATE_STARTING, [LIFE_RUNNING] = METRIC_STATE_RUNNING,
		[LIFE_STANDBY] = METRIC_STATE_STANDBY,   [LIFE_DRAINING] = METRIC_STATE_DRAINING,
		[LIFE_STOPPING] = METRIC_STATE_STOPPING,
	};

	metrics_set(l->shard, metrics[lifecycle_state(l)], 0);
	metrics_set(l->shard, metrics[state], 1);
}

static void
set_state(struct lifecycle *l, enum life_state state)
{
	static const enum front_mode modes[] = {
		[LIFE_STARTING] = FRONT_CLOSED,   [LIFE_RUNNING] = FRONT_OPEN,      [LIFE_STANDBY] = FRONT_STANDBY,
		[LIFE_DRAINING] = FRONT_DRAINING, [LIFE_STOPPING] = FRONT_DRAINING,
	};

	show_state(l, state);
	atomic_store_explicit(&l->state, state, memory_order_release);
	front_set_mode(l->front, modes[state]);
}

/* ---- the ends -------------------------------------------------------------------------------- */

static void
finish(struct lifecycle *l)
{
	lot_fill_finish(l->fill, restart_told(l->restart));
	uv_stop(l->loop);
}

static void
on_deadline(uv_timer_t *timer)
{
	struct lifecycle *l = timer->data;

	CHECK_MAGIC(l, LIFECYCLE_MAGIC);
	if (restart_is_asking(l->restart)) {
		log_warn("not every worker has told which connections can be parked");
		restart_hurry(l->restart);
		return;
	}
	finish(l);
	log_warn("drain timed out, %" PRIu32 " connections are dropped", front_connections(l->front));
}

int
lifecycle_start(struct lifecycle *l)
{
	l->magic = LIFECYCLE_MAGIC;
	l->deadline.data = l;
	CHECK_ZERO(uv_timer_init(l->loop, &l->deadline));
	return WSD_OK;
}

void
lifecycle_stop(struct lifecycle *l)
{
	uv_close((uv_handle_t *)&l->deadline, NULL);
}

/* ---- draining -------------------------------------------------------------------------------- */

static void
tell_workers(struct lifecycle *l, enum client_bye bye, uint32_t spread_ms)
{
	uint32_t retry_ms = lifecycle_retry_ms(l);

	for (uint32_t i = 0; i < workers_count(l->workers); i++)
		if (worker_drain(workers_at(l->workers, i), bye, spread_ms, retry_ms) != WSD_OK)
			log_error("worker %" PRIu32 " could not be told to drain", i);
}

uint32_t
lifecycle_retry_ms(const struct lifecycle *l)
{
	return (uint32_t)((uint64_t)front_connections(l->front) * 1000 / RECONNECTS_A_SECOND);
}

uint32_t
lifecycle_spread_ms(const struct lifecycle *l)
{
	uint64_t needed = (uint64_t)front_connections(l->front) * 1000 / CLOSES_A_SECOND;
	uint64_t most = l->conf->drain_timeout_ms / 2;

	return (uint32_t)(needed < most ? needed : most);
}

static void
begin_drain(struct lifecycle *l, enum client_bye bye)
{
	uint32_t n = front_connections(l->front);

	status_drain_begins(l->status);
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_DRAINING, LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", n)),
	       "draining %" PRIu32 " connections", n);
	tell_workers(l, bye, lifecycle_spread_ms(l));
}

/* What the process before this one was told to do, if it was killed. */
static void
take_over_duty(struct lifecycle *l)
{
	static const enum life_state states[] = {
		[KEPT_RUNNING] = LIFE_RUNNING,
		[KEPT_STANDBY] = LIFE_STANDBY,
		[KEPT_DRAINING] = LIFE_DRAINING,
	};
	enum kept_duty duty = kept_duty();

	set_state(l, states[duty]);
	if (duty == KEPT_DRAINING)
		begin_drain(l, CLIENT_BYE_SHUTDOWN);
}

int
lifecycle_ready(struct lifecycle *l, bool watched)
{
	uint32_t n = workers_count(l->workers);
	int rc;

	kept_set_parking(false);      /* whoever was taken up from there has gone on since */
	kept_set_phase(KEPT_SERVING); /* first: who is told that all is ready may rely on it */
	/* together: watchdog.c judges from here on, and the manager's timer never runs */
	rc = sysd_notify("READY=1\nSTATUS=serving%s", watched ? "\nWATCHDOG_USEC=0" : "");
	if (rc != WSD_OK) { /* systemd would wait for it, and in the end kill us with all connections */
		log_error("could not tell the service manager that all is ready (%s)", wsd_strerror(rc));
		return rc;
	}
	take_over_duty(l);
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_STARTED, LOG_FIELDS(LOG_NUMBER("WS_WORKERS", n)),
	       "serving with %" PRIu32 " workers, at most %" PRIu32 " connections", n, l->conf->max_connections);
	return WSD_OK;
}

static void
set_deadline(struct lifecycle *l, uint64_t ms)
{
	CHECK_ZERO(uv_timer_start(&l->deadline, on_deadline, ms, 0));
}

static void
begin_stop(struct lifecycle *l, enum client_bye bye)
{
	uint64_t deadline_ms = l->conf->drain_timeout_ms;

	restart_give_up(l->restart);
	sysd_notify_now("STOPPING=1\nSTATUS=draining");
	set_state(l, LIFE_STOPPING);
	if (bye == CLIENT_BYE_RESTART) {
		/* whoever comes now waits in the queue for the next process; not for clients that do not close */
		front_set_mode(l->front, FRONT_CLOSED);
		if (deadline_ms > lifecycle_spread_ms(l) + BYE_MS)
			deadline_ms = lifecycle_spread_ms(l) + BYE_MS;
	}
	begin_drain(l, bye);
	set_deadline(l, deadline_ms);
	lifecycle_left(l);
}

/* DRAIN_TIMEOUT, which may be 0, is for those who must go; these are to stay. */
static void
begin_restart(struct lifecycle *l)
{
	if (restart_is_asking(l->restart)) {
		restart_hurry(l->restart);
		return;
	}
	sysd_notify_now("STOPPING=1\nSTATUS=about to restart");
	set_deadline(l, ASKING_MS);
	restart_begin(l->restart);
}

void
lifecycle_stand_still(struct lifecycle *l)
{
	set_state(l, LIFE_STOPPING);
	front_set_mode(l->front, FRONT_PARKING);
	status_drain_begins(l->status);
	lot_fill_begin(l->fill);
	set_deadline(l, l->conf->parking_grace_ms + PARKING_MS);
	lifecycle_left(l);
}

static void
end(struct lifecycle *l, enum client_bye bye)
{
	if (lifecycle_state(l) == LIFE_STOPPING) { /* a second signal: hurry */
		tell_workers(l, bye, 0);
		return;
	}
	handoff_give_abort(l->give);
	if (bye == CLIENT_BYE_RESTART && lot_fill_possible(l->fill))
		begin_restart(l);
	else
		begin_stop(l, bye);
}

void
lifecycle_left(struct lifecycle *l)
{
	handoff_give_left(l->give);
	if (lifecycle_state(l) != LIFE_STOPPING || front_connections(l->front) > 0)
		return;
	finish(l);
}

void
lifecycle_signal(struct lifecycle *l, int signo)
{
	if (lifecycle_state(l) == LIFE_STARTING) /* it could not start, and is ending anyway; not all of it is there */
		return;
	switch (signo) {
	case SIGTERM:
	case SIGINT:
		end(l, CLIENT_BYE_SHUTDOWN);
		break;
	case SIGUSR2:
		end(l, CLIENT_BYE_RESTART);
		break;
	case SIGHUP:
		if (l->conf->channels_file) {
			rules_file_reload(l->rules);
			break;
		}
		/* fallthrough */
	default: /* nothing to re-read; must not end us */
		log_notice("signal %d ignored: a changed configuration is taken up by a restart", signo);
		break;
	}
}

/* ---- what operators want --------------------------------------------------------------------- */

int
lifecycle_drain(struct lifecycle *l)
{
	enum life_state state = lifecycle_state(l);

	/* also in the midst of a handoff */
	if ((state != LIFE_RUNNING && state != LIFE_STANDBY) || restart_is_asking(l->restart))
		return WSD_E_BUSY;
	kept_set_duty(KEPT_DRAINING);
	set_state(l, LIFE_DRAINING);
	begin_drain(l, CLIENT_BYE_SHUTDOWN);
	return WSD_OK;
}

int
lifecycle_accept(struct lifecycle *l, bool on)
{
	if (lifecycle_state(l) == LIFE_STOPPING || lifecycle_state(l) == LIFE_STARTING || is_changing(l))
		return WSD_E_BUSY;
	if (on) /* an operator's drain ends here; whoever was not told yet stays */
		for (uint32_t i = 0; i < workers_count(l->workers); i++)
			worker_drain_stop(workers_at(l->workers, i));
	status_drain_over(l->status);
	kept_set_duty(on ? KEPT_RUNNING : KEPT_STANDBY);
	set_state(l, on ? LIFE_RUNNING : LIFE_STANDBY);
	log_notice("%s", on ? "accepting connections" : "on standby: new connections are refused");
	return WSD_OK;
}

void
lifecycle_handoff_begins(struct lifecycle *l)
{
	l->before_handoff = lifecycle_state(l);
	set_state(l, LIFE_STANDBY);
}

void
lifecycle_handoff_ends(struct lifecycle *l, bool done)
{
	if (lifecycle_state(l) != LIFE_STANDBY) /* it has been drained, or stopped, meanwhile */
		return;
	if (done)
		kept_set_duty(KEPT_STANDBY);
	else
		set_state(l, l->before_handoff);
}
