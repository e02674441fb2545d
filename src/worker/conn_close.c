/* SPDX-License-Identifier: MIT */
/*
 * Why a connection ends, and what its client is told: goodbyes, close codes, how long it may take. How its wire is
 * closed then is in wire/close.c. Worker's thread.
 */
#include "worker/worker_priv.h"

#include "conf/conf.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "proto/reply.h"

/* For what is queued to be written. */
#define LEAVE_MS 5000

static const struct bye_info {
	const char *reason;
	uint16_t code;
	bool reconnect;
	bool session_over;
} byes[WORKER_BYES] = {
	[WORKER_BYE_DISCONNECT] = { "disconnect", 1000, false, true },
	[WORKER_BYE_SHUTDOWN] = { "shutdown", 1001, true, false },
	[WORKER_BYE_RESTART] = { "restart", 1012, true, false },
	[WORKER_BYE_REPLACED] = { "replaced", 4001, false, false },
	[WORKER_BYE_OPERATOR] = { "disconnected by operator", 1008, false, true },
	[WORKER_BYE_TIMEOUT] = { "timeout", 1001, true, false },
	[WORKER_BYE_SLOW] = { "slow client", 1013, true, false },
	[WORKER_BYE_ABUSE] = { "rate limit", 1008, false, false },
	[WORKER_BYE_EXPIRED] = { "token_expired", 1008, true, false },
};

static void
leave(struct worker *w, struct conn *c, uint16_t code)
{
	wire_close(w->hub, &c->wire, code);
	wheel_set(&w->wheel, &c->timer, worker_now_ms(w) + LEAVE_MS);
}

void
conn_bye(struct worker *w, struct conn *c, enum worker_bye bye, uint32_t retry_after_ms)
{
	const struct bye_info *info = &byes[bye];
	uint16_t code = info->code;
	char *out;

	if (!conn_is_open(c))
		return;
	if (bye == WORKER_BYE_SLOW) {
		wire_drop_queue(w->hub, &c->wire); /* it would only stand before the goodbye */
		metrics_add(w->shard, METRIC_ERROR_SLOW_CLIENT, 1);
	} else if (bye == WORKER_BYE_TIMEOUT) {
		metrics_add(w->shard, METRIC_ERROR_TIMEOUT, 1);
	} else if (bye == WORKER_BYE_EXPIRED) {
		metrics_add(w->shard, METRIC_ERROR_TOKEN_EXPIRED, 1);
	} else if (bye == WORKER_BYE_ABUSE && c->binary) {
		code = 1003;
	}
	out = conn_text(w, c);
	if (out)
		conn_text_end(w, reply_goodbye(out, &(struct reply_goodbye){
							    .reason = info->reason,
							    .total = c->count,
							    .timestamp = worker_stamp(w, 0),
							    .reconnect = info->reconnect,
							    .retry_after_ms = retry_after_ms,
						    }));
	c->session_over = info->session_over;
	leave(w, c, code);
}

void
conn_fail(struct worker *w, struct conn *c, uint16_t code, const char *what)
{
	if (!conn_is_open(c))
		return;
	log_debug("connection %s failed with %u: %s", c->id, code, what);
	conn_assembly_free(c);
	leave(w, c, code);
}
