/* SPDX-License-Identifier: MIT */
/* What the service manager is shown each second, how a drain gets on, and the rate of messages. Main thread, but for
 * what is marked. */
#ifndef WSD_SERVER_STATUS_H
#define WSD_SERVER_STATUS_H

#include <stdint.h>

#include <uv.h>

struct front;
struct lifecycle;
struct metrics_shard;
struct restart;

struct status {
	uint32_t magic;

	/* what it needs */
	uv_loop_t *loop;
	const struct front *front;
	const struct lifecycle *lifecycle;
	const struct restart *restart;
	struct metrics_shard *shard;

	/* its own */
	uv_timer_t pulse;
	uint64_t drain_since_ms;
	uint32_t drain_left;                 /* connections at the last pulse */
	int64_t messages_seen;               /* at the last pulse */
	_Atomic int64_t messages_per_second; /* [atomic] as of the last pulse; written by main */
};

int status_start(struct status *st);
void status_stop(struct status *st);

void status_drain_begins(struct status *st);
void status_drain_over(struct status *st); /* an operator ends it: wsd goes on */

/* Any thread. */
int64_t status_messages_per_second(const struct status *st);

#endif
