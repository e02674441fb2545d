/* SPDX-License-Identifier: MIT */
/* What a connection's one timer is for: heartbeats, silence, the end of a token, and that of
 * a closing handshake. Worker's thread. */
#include "worker/worker_priv.h"

#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/reply.h"

#define PING_PAYLOAD "wsd"

/* When the token's warning or its end is due. The loop's clock does not follow the wall clock's steps, but this is
 * asked anew at every heartbeat. */
static uint64_t
token_due_ms(const struct worker *w, const struct conn *c)
{
	uint64_t warning_ms = w->conf->jwt_expiry_warning_s * 1000ull, real_ms = c->expires_real_s * 1000ull;

	if (!c->warned && warning_ms > 0)
		real_ms -= warning_ms < real_ms ? warning_ms : real_ms;
	return real_ms > w->real_offset_ms ? real_ms - w->real_offset_ms : 0;
}

void
conn_rearm(struct worker *w, struct conn *c)
{
	bool stalled = wire_is_stalled(&c->wire);
	uint64_t due_ms = c->last_rx_ms + (stalled ? w->conf->send_timeout_ms : w->conf->connection_timeout_ms);
	uint64_t token_ms = c->expires_real_s ? token_due_ms(w, c) : UINT64_MAX;

	if (c->heartbeat_ms < due_ms)
		due_ms = c->heartbeat_ms;
	wheel_set(&w->wheel, &c->timer, token_ms < due_ms ? token_ms : due_ms);
}

void
conn_arm(struct worker *w, struct conn *c)
{
	uint32_t interval = w->conf->heartbeat_interval_ms;

	/* The first comes early by a part of its own for each connection, so that those who came together do
	 * not stay together. */
	c->heartbeat_ms = c->opened_ms + interval - worker_random(w, interval / 2 + 1);
	conn_rearm(w, c);
}

/* How long the peer has been silent. Its pings, and halves of frames, are seen by the kernel only. While we stood
 * still nobody asked it to say anything, so that it begins anew then. */
static uint64_t
silent_ms(const struct worker *w, struct conn *c, uint64_t now_ms)
{
	uint64_t ours = now_ms - (c->last_rx_ms > w->awake_ms ? c->last_rx_ms : w->awake_ms);
	uint32_t kernels = wire_silent_ms(&c->wire);

	return kernels < ours ? kernels : ours;
}

static void
beat(struct worker *w, struct conn *c)
{
	char *out = conn_text(w, c);

	if (!out)
		return;
	conn_text_end(w, reply_heartbeat(out, worker_stamp(w, 0), w->conf->instance));
	wire_ping(w->hub, &c->wire, PING_PAYLOAD, sizeof(PING_PAYLOAD) - 1);
	metrics_add(w->shard, METRIC_HEARTBEATS, 1);
}

/* False: the token has ended, and with it the connection. */
static bool
look_at_token(struct worker *w, struct conn *c, uint64_t now_ms)
{
	uint64_t real_ms = now_ms + w->real_offset_ms, end_ms = c->expires_real_s * 1000ull;
	char *out;

	if (real_ms >= end_ms) {
		conn_bye(w, c, WORKER_BYE_EXPIRED, 0);
		return false;
	}
	if (c->warned || real_ms + w->conf->jwt_expiry_warning_s * 1000ull < end_ms)
		return true;
	c->warned = true;
	out = w->conf->jwt_expiry_warning_s > 0 ? conn_text(w, c) : NULL;
	if (out)
		conn_text_end(w, reply_token_expiring(out, end_ms - real_ms, worker_stamp(w, 0)));
	return true;
}

/* False: it has given no sign of life for too long, and was told to go. */
static bool
look_at_silence(struct worker *w, struct conn *c, uint64_t now_ms)
{
	uint64_t silent;

	if (wire_is_stalled(&c->wire)) {
		/* it may well have said something, but that is not read: what counts is what it takes */
		if (now_ms < c->last_rx_ms + w->conf->send_timeout_ms)
			return true;
		conn_bye(w, c, WORKER_BYE_SLOW, 0);
		return false;
	}
	if (now_ms < c->last_rx_ms + w->conf->connection_timeout_ms)
		return true;
	silent = silent_ms(w, c, now_ms);
	if (silent >= w->conf->connection_timeout_ms) {
		conn_bye(w, c, WORKER_BYE_TIMEOUT, 0);
		return false;
	}
	c->last_rx_ms = now_ms - silent;
	return true;
}

void
conn_due(struct worker *w, struct conn *c)
{
	uint64_t now_ms = worker_now_ms(w);

	if (conn_is_ending(c)) {
		wire_kill(w->hub, &c->wire);
		return;
	}
	if (!conn_is_open(c))
		return;
	if (!look_at_silence(w, c, now_ms))
		return;
	if (c->expires_real_s && !look_at_token(w, c, now_ms))
		return;
	if (now_ms >= c->heartbeat_ms) {
		beat(w, c);
		/* keeps its place in the round, unless the loop was stopped for longer than one */
		c->heartbeat_ms += w->conf->heartbeat_interval_ms;
		if (c->heartbeat_ms <= now_ms)
			c->heartbeat_ms = now_ms + w->conf->heartbeat_interval_ms;
	}
	if (conn_is_open(c))
		conn_rearm(w, c);
}
