/* SPDX-License-Identifier: MIT */
/* The pulse: what is told each second. Main thread. */
#include "server/status.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "front/front.h"
#include "kept/table.h"
#include "metrics/metrics.h"
#include "server/lifecycle.h"
#include "server/restart.h"
#include "sysd/sysd.h"

#define STATUS_MAGIC 0x73746174u

#define PULSE_MS  1000
#define EXTEND_US (15 * 1000000ull)

/* With a keeper, as the service manager shows its pid only. "": without one. */
static void
put_server(char *out, size_t size)
{
	struct kept_death last = kept_last_death();
	char at[CLOCK_ISO8601_LEN + 1] = "";
	int n;

	out[0] = '\0';
	if (!kept_on())
		return;
	n = snprintf(out, size, ", as pid %d", (int)getpid());
	if (last.count == 0)
		return;
	clock_iso8601(at, clock_real_ms() - (clock_mono_ms() - last.at_ms));
	snprintf(out + n, size - (size_t)n, "; crashes survived: %" PRIu32 ", the last by signal %d at %s", last.count,
		 last.signal, at);
}

static void
tell_drain(struct status *st)
{
	uint32_t left = front_connections(st->front);

	if (st->drain_left > 0) /* an operator's drain may stay as it is for long after the last one has left */
		metrics_set(st->shard, METRIC_SHUTDOWN_MS, (int64_t)(clock_mono_ms() - st->drain_since_ms));
	sysd_notify_now("STATUS=draining, %" PRIu32 " connections left", left);
	if (left < st->drain_left && lifecycle_state(st->lifecycle) == LIFE_STOPPING)
		sysd_notify_now("EXTEND_TIMEOUT_USEC=%llu", EXTEND_US);
	st->drain_left = left;
}

static void
tell_service(const struct status *st, int64_t messages)
{
	const char *what = restart_is_asking(st->restart)                   ? "about to restart"
			   : lifecycle_state(st->lifecycle) == LIFE_STANDBY ? "standby"
									    : "serving";
	char server[128];

	put_server(server, sizeof(server));
	sysd_notify_now("STATUS=%s, %" PRIu32 " connections, %" PRId64 " messages/s%s", what,
			front_connections(st->front), messages, server);
}

static void
on_pulse(uv_timer_t *timer)
{
	struct status *st = timer->data;
	int64_t messages = metrics_sum(METRIC_MESSAGES), since = messages - st->messages_seen;

	CHECK_MAGIC(st, STATUS_MAGIC);
	if (lifecycle_state(st->lifecycle) >= LIFE_DRAINING)
		tell_drain(st);
	else
		tell_service(st, since);
	atomic_store_explicit(&st->messages_per_second, since, memory_order_relaxed);
	st->messages_seen = messages;
}

int
status_start(struct status *st)
{
	st->magic = STATUS_MAGIC;
	st->pulse.data = st;
	CHECK_ZERO(uv_timer_init(st->loop, &st->pulse));
	CHECK_ZERO(uv_timer_start(&st->pulse, on_pulse, PULSE_MS, PULSE_MS));
	return WSD_OK;
}

void
status_stop(struct status *st)
{
	uv_close((uv_handle_t *)&st->pulse, NULL);
}

void
status_drain_begins(struct status *st)
{
	st->drain_since_ms = clock_mono_ms();
	st->drain_left = front_connections(st->front);
}

void
status_drain_over(struct status *st)
{
	metrics_set(st->shard, METRIC_SHUTDOWN_MS, 0);
}

int64_t
status_messages_per_second(const struct status *st)
{
	return atomic_load_explicit(&st->messages_per_second, memory_order_relaxed);
}
