/* SPDX-License-Identifier: MIT */
/* The broker of this process: its clock, and its log, which outlives the process. Main thread. */
#ifndef WSD_SERVER_PUBLISHING_H
#define WSD_SERVER_PUBLISHING_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct broker;
struct channel_rules_now;
struct conf;
struct metrics_shard;

struct publishing {
	/* what it needs */
	const struct conf *conf;
	uv_loop_t *loop;
	struct metrics_shard *shard;
	struct channel_rules_now *rules; /* NULL: there are no channels */

	/* its own */
	uint32_t magic;
	struct broker *broker; /* [const after start] NULL: there are no channels */
	uv_timer_t clock;
};

/* Whether there can be so many channels: WSD_OK; or WSD_E_RANGE, with why and the way out. */
int publishing_check(const struct conf *conf, char *why, size_t why_size);

/* kept: the log that an earlier process left, which is taken over and set to -1; or -1. WSD_OK, or as broker_create().
 * Before any thread that publishes or listens, and the stop after all of them. */
int publishing_start(struct publishing *p, int *kept);
void publishing_stop(struct publishing *p);

#endif
