/* SPDX-License-Identifier: MIT */
/*
 * Ends a process one of whose loops is stuck, so that the service manager starts it again.
 *
 * The manager's own watchdog cannot tell that from a pause: it compares times, and after one (a snapshot, a frozen
 * container, a stopped process) its timer has often run out before anybody could feed it. So WatchdogSec= is counted
 * here, by a thread that looks at all loops in small steps. A step counts for little more than it should take: while
 * this thread stands still as well, nothing is known of the loops. The manager's timer is turned off once we are
 * ready, and fed all the same, for managers that do not know how to.
 *
 * What this does not see is a process none of whose threads runs. That may go on one day, and whoever stopped it
 * knows.
 *
 * Main starts and stops it; watch() runs on a thread of its own.
 */
#include "server/watchdog.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "kept/table.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "loop/thread.h"
#include "server/crashes.h"
#include "server/workers.h"
#include "sysd/sysd.h"

#define WATCHDOG_MAGIC 0x77617463u
#define STEPS          40         /* until a loop that does not tick is stuck */
#define STEP_NS_MOST   250000000u /* 10 s are such steps */
#define LIMIT_NS_LEAST 200000000u /* workers tick each 100 ms at most */
#define FEEDINGS       4          /* in the time that the manager gives */
#define GIVE_UP_S      3          /* for the last words; longer than the log waits for a critical line */

struct watched {
	uint64_t ticks;    /* at the last look */
	uint64_t still_ns; /* for which they have been the same */
};

struct watchdog {
	uint32_t magic;
	uv_loop_t *loop;               /* main's */
	const struct workers *workers; /* [const while the thread runs] */
	const struct lot *lot;         /* NULL: none */
	uint64_t limit_ns, step_ns;    /* [const after start] */
	uv_timer_t clock;
	_Atomic uint64_t ticks; /* [atomic] of main's loop */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t end;
	bool ending;           /* [lock: lock] */
	struct watched *loops; /* main's first, then the workers'; of the thread */
	uint64_t fed_ns;       /* of the thread */
	uint64_t began_ns;     /* [const after start] by main: a pause may come before the thread has run */
};

static void
on_clock(uv_timer_t *timer)
{
	struct watchdog *d = timer->data;

	CHECK_MAGIC(d, WATCHDOG_MAGIC);
	atomic_fetch_add_explicit(&d->ticks, 1, memory_order_relaxed);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* A step long; false: it is the end. */
static bool
pause_step(struct watchdog *d)
{
	uint64_t until_ns = clock_mono_ns() + d->step_ns;
	struct timespec until = { (time_t)(until_ns / CLOCK_NS_PER_S), (long)(until_ns % CLOCK_NS_PER_S) };
	bool ending;
	int rc = 0;

	CHECK_ZERO(pthread_mutex_lock(&d->lock));
	while (!d->ending && rc == 0)
		rc = pthread_cond_clockwait(&d->end, &d->lock, CLOCK_MONOTONIC, &until);
	CHECK(rc == 0 || rc == ETIMEDOUT);
	ending = d->ending;
	CHECK_ZERO(pthread_mutex_unlock(&d->lock));
	return !ending;
}

static uint64_t
ticks_of(const struct watchdog *d, uint32_t loop)
{
	return loop == 0 ? atomic_load_explicit(&d->ticks, memory_order_relaxed)
			 : worker_ticks(workers_at(d->workers, loop - 1));
}

/* The loop that is stuck may hold what a line of the log needs: then SIGALRM ends the process, without one. */
static void
end_in_any_case(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	CHECK_ZERO(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	alarm(GIVE_UP_S);
}

static _Noreturn void
give_up(struct watchdog *d, uint32_t loop)
{
	char name[32] = "main";

	end_in_any_case();
	if (loop > 0)
		snprintf(name, sizeof(name), "worker %" PRIu32, loop - 1);
	crashes_stuck(d->lot);
	kept_set_stuck();
	log_write(LOG_LEVEL_CRIT, LOG_ID_STUCK, NULL, "%s is stuck: nothing for %llu ms; the process ends", name,
		  d->loops[loop].still_ns / CLOCK_NS_PER_MS);
	abort();
}

/* How long the loop that has been still for longest has been so. */
static uint64_t
look(struct watchdog *d, uint64_t passed_ns)
{
	uint64_t longest_ns = 0;

	for (uint32_t i = 0; i <= workers_count(d->workers); i++) {
		struct watched *loop = &d->loops[i];
		uint64_t ticks = ticks_of(d, i);

		loop->still_ns = ticks == loop->ticks ? loop->still_ns + passed_ns : 0;
		loop->ticks = ticks;
		if (loop->still_ns >= d->limit_ns)
			give_up(d, i);
		if (loop->still_ns > longest_ns)
			longest_ns = loop->still_ns;
	}
	return longest_ns;
}

static void
tell_pause(const struct watchdog *d, uint64_t passed_ns)
{
	if (passed_ns >= d->limit_ns / 2 && passed_ns >= CLOCK_NS_PER_S)
		log_write(LOG_LEVEL_WARN, LOG_ID_STOOD_STILL,
			  LOG_FIELDS(LOG_NUMBER("WS_DURATION_MS", passed_ns / CLOCK_NS_PER_MS)),
			  "all stood still for %llu ms: the machine or this service was paused",
			  passed_ns / CLOCK_NS_PER_MS);
}

static void *
watch(void *arg)
{
	struct watchdog *d = arg;
	uint64_t before_ns = d->began_ns;

	CHECK_MAGIC(d, WATCHDOG_MAGIC);
	while (pause_step(d)) {
		uint64_t now_ns = clock_mono_ns(), passed_ns = now_ns - before_ns;

		before_ns = now_ns;
		kept_beat();
		tell_pause(d, passed_ns);
		if (look(d, passed_ns < 2 * d->step_ns ? passed_ns : 2 * d->step_ns) < d->limit_ns / 2 &&
		    now_ns - d->fed_ns >= d->limit_ns / FEEDINGS) {
			sysd_notify_now("WATCHDOG=1");
			d->fed_ns = now_ns;
		}
	}
	return NULL;
}

/* ---- main ------------------------------------------------------------------------------------ */

static struct watchdog *
watchdog_create(uv_loop_t *loop, const struct workers *workers, const struct lot *lot, uint64_t limit_ns)
{
	struct watchdog *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->loops = calloc(workers_count(workers) + 1, sizeof(*d->loops));
	if (!d->loops) {
		free(d);
		return NULL;
	}
	d->began_ns = clock_mono_ns();
	d->magic = WATCHDOG_MAGIC;
	d->loop = loop;
	d->workers = workers;
	d->lot = lot;
	d->limit_ns = limit_ns > LIMIT_NS_LEAST ? limit_ns : LIMIT_NS_LEAST;
	d->step_ns = d->limit_ns / STEPS < STEP_NS_MOST ? d->limit_ns / STEPS : STEP_NS_MOST;
	CHECK_ZERO(pthread_mutex_init(&d->lock, NULL));
	CHECK_ZERO(pthread_cond_init(&d->end, NULL));
	CHECK_ZERO(uv_timer_init(loop, &d->clock));
	d->clock.data = d;
	CHECK_ZERO(uv_timer_start(&d->clock, on_clock, 0, d->step_ns / CLOCK_NS_PER_MS));
	return d;
}

static void
watchdog_destroy(struct watchdog **d)
{
	struct watchdog *old = *d;

	uv_close((uv_handle_t *)&old->clock, NULL);
	uv_run(old->loop, UV_RUN_NOWAIT);
	CHECK_ZERO(pthread_cond_destroy(&old->end));
	CHECK_ZERO(pthread_mutex_destroy(&old->lock));
	old->magic = 0;
	free(old->loops);
	free(old);
	*d = NULL;
}

int
watchdog_start(struct watchdog **out, uv_loop_t *loop, const struct workers *workers, const struct lot *lot)
{
	uint64_t limit_us = sysd_watchdog_us();
	int rc;

	*out = NULL;
	if (limit_us == 0)
		return WSD_OK;
	*out = watchdog_create(loop, workers, lot, limit_us * 1000);
	if (!*out)
		return -ENOMEM;
	rc = thread_start(&(*out)->thread, "watchdog", watch, *out);
	if (rc != WSD_OK)
		watchdog_destroy(out);
	return rc;
}

void
watchdog_stop(struct watchdog **watchdog)
{
	struct watchdog *d = *watchdog;

	if (!d)
		return;
	CHECK_ZERO(pthread_mutex_lock(&d->lock));
	d->ending = true;
	CHECK_ZERO(pthread_cond_signal(&d->end));
	CHECK_ZERO(pthread_mutex_unlock(&d->lock));
	thread_join(d->thread);
	watchdog_destroy(watchdog);
}
