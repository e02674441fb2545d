/* SPDX-License-Identifier: MIT */
/*
 * Ending a connection. Worker's thread.
 *
 *   OPEN ── conn_bye(), conn_fail() ──► LEAVING ── all is written ──► CLOSING ── the peer answers ──►
 * destroyed │                                    └────────── deadline ─────────┴───────► GONE
 * ───────────────► └── conn_kill() ─────────────────────────────────────────────────────────────►
 *
 * libwebsockets must not be asked to close from inside its own callbacks for another connection, so closing
 * is put off to the end of the loop turn, when none of them runs (worker_close_later()).
 */
#include "worker/worker_priv.h"

#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "conf/conf.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "proto/reply.h"

/* For what is queued to be written, and then for the peer's close frame. */
#define LEAVE_MS 5000
#define ACK_MS	 5000

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
	c->phase = CONN_LEAVING;
	c->exporting = false;
	c->close_code = code;
	conn_mind_input(w, c);
	wheel_set(&w->wheel, &c->timer, worker_now_ms(w) + LEAVE_MS);
	worker_close_later(w, c);
}

void
conn_bye(struct worker *w, struct conn *c, enum worker_bye bye, uint32_t retry_after_ms)
{
	const struct bye_info *info = &byes[bye];
	uint16_t code = info->code;
	char *out;

	if (c->phase != CONN_OPEN)
		return;
	if (bye == WORKER_BYE_SLOW) {
		conn_outq_free(w, c); /* it would only stand before the goodbye */
		metrics_add(w->shard, METRIC_ERROR_SLOW_CLIENT, 1);
	} else if (bye == WORKER_BYE_TIMEOUT) {
		metrics_add(w->shard, METRIC_ERROR_TIMEOUT, 1);
	} else if (bye == WORKER_BYE_EXPIRED) {
		metrics_add(w->shard, METRIC_ERROR_TOKEN_EXPIRED, 1);
	} else if (bye == WORKER_BYE_ABUSE && c->binary) {
		code = 1003;
	}
	out = cork_text(w, c);
	if (out)
		cork_text_end(w, reply_goodbye(out, &(struct reply_goodbye){
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
	if (c->phase != CONN_OPEN)
		return;
	log_debug("connection %s failed with %u: %s", c->id, code, what);
	conn_assembly_free(c);
	leave(w, c, code);
}

void
conn_kill(struct worker *w, struct conn *c)
{
	if (c->phase == CONN_GONE)
		return;
	if (c->close_code == 0 && !c->broke_rules)
		c->close_code = 1006;
	c->phase = CONN_GONE;
	wheel_clear(&c->timer);
	worker_close_later(w, c);
}

void
conn_cut(struct worker *w, struct conn *c)
{
	cork_release(w, c);
	if (c->phase == CONN_LEAVING && !conn_has_queued(c)) /* else it would stand where nothing ends */
		conn_send_close(c, c->close_code);
	conn_kill(w, c);
}

static void
begin_close(struct worker *w, struct conn *c)
{
	c->phase = CONN_CLOSING;
	wheel_set(&w->wheel, &c->timer, worker_now_ms(w) + ACK_MS);
	lws_close_reason(c->wsi, (enum lws_close_status)c->close_code, NULL, 0);
	/* With this reason the close frame is sent; with any other the connection would just be cut. */
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_SYNC);
}

void
conn_close_now(struct worker *w, struct conn *c)
{
	if (!c->wsi)
		return;
	if (c->phase == CONN_LEAVING) {
		if (conn_has_queued(c) || lws_partial_buffered(c->wsi))
			lws_callback_on_writable(c->wsi); /* comes back here when all is written */
		else
			begin_close(w, c);
	} else if (c->moved) {
		lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
	} else if (c->phase == CONN_GONE) {
		/* so that nothing that is still buffered can hold it up */
		shutdown(lws_get_socket_fd(c->wsi), SHUT_RDWR);
		fd_discard(lws_get_socket_fd(c->wsi)); /* or a reset would overtake the goodbye */
		lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
	}
}
