/* SPDX-License-Identifier: MIT */
/* What a client's one timer is for: heartbeats, silence, the end of a token, and that of
 * a closing handshake. The clients' thread. */
#include "client/client_priv.h"

#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/reply.h"

#define PING_PAYLOAD "wsd"

/* When the token's warning or its end is due. The loop's clock does not follow the wall clock's steps, but this is
 * asked anew at every heartbeat. */
static uint64_t
token_due_ms(const struct clients *all, const struct client *c)
{
	uint64_t warning_ms = all->conf->jwt_expiry_warning_s * 1000ull, real_ms = c->expires_real_s * 1000ull;

	if (!c->warned && warning_ms > 0)
		real_ms -= warning_ms < real_ms ? warning_ms : real_ms;
	return real_ms > all->real_offset_ms ? real_ms - all->real_offset_ms : 0;
}

void
client_rearm(struct clients *all, struct client *c)
{
	bool stalled = wire_is_stalled(&c->wire);
	uint64_t due_ms = c->last_rx_ms + (stalled ? all->conf->send_timeout_ms : all->conf->connection_timeout_ms);
	uint64_t token_ms = c->expires_real_s ? token_due_ms(all, c) : UINT64_MAX;

	if (c->heartbeat_ms < due_ms)
		due_ms = c->heartbeat_ms;
	wheel_set(&all->wheel, &c->timer, token_ms < due_ms ? token_ms : due_ms);
}

void
client_arm(struct clients *all, struct client *c)
{
	uint32_t interval = all->conf->heartbeat_interval_ms;

	/* The first comes early by a part of its own for each connection, so that those who came together do
	 * not stay together. */
	c->heartbeat_ms = c->opened_ms + interval - clients_random(all, interval / 2 + 1);
	client_rearm(all, c);
}

/* How long the peer has been silent. Its pings, and halves of frames, are seen by the kernel only. While we stood
 * still nobody asked it to say anything, so that it begins anew then. */
static uint64_t
silent_ms(const struct clients *all, struct client *c, uint64_t now_ms)
{
	uint64_t ours = now_ms - (c->last_rx_ms > all->awake_ms ? c->last_rx_ms : all->awake_ms);
	uint32_t kernels = wire_silent_ms(&c->wire);

	return kernels < ours ? kernels : ours;
}

static void
beat(struct clients *all, struct client *c)
{
	char *out = client_text(all, c);

	if (!out)
		return;
	client_text_end(all, reply_heartbeat(out, clients_stamp(all, 0), all->conf->instance));
	wire_ping(all->hub, &c->wire, PING_PAYLOAD, sizeof(PING_PAYLOAD) - 1);
	metrics_add(all->shard, METRIC_HEARTBEATS, 1);
}

/* False: the token has ended, and with it the connection. */
static bool
look_at_token(struct clients *all, struct client *c, uint64_t now_ms)
{
	uint64_t real_ms = now_ms + all->real_offset_ms, end_ms = c->expires_real_s * 1000ull;
	char *out;

	if (real_ms >= end_ms) {
		client_bye(all, c, CLIENT_BYE_EXPIRED, 0);
		return false;
	}
	if (c->warned || real_ms + all->conf->jwt_expiry_warning_s * 1000ull < end_ms)
		return true;
	c->warned = true;
	out = all->conf->jwt_expiry_warning_s > 0 ? client_text(all, c) : NULL;
	if (out)
		client_text_end(all, reply_token_expiring(out, end_ms - real_ms, clients_stamp(all, 0)));
	return true;
}

/* False: it has given no sign of life for too long, and was told to go. */
static bool
look_at_silence(struct clients *all, struct client *c, uint64_t now_ms)
{
	uint64_t silent;

	if (wire_is_stalled(&c->wire)) {
		/* it may well have said something, but that is not read: what counts is what it takes */
		if (now_ms < c->last_rx_ms + all->conf->send_timeout_ms)
			return true;
		client_bye(all, c, CLIENT_BYE_SLOW, 0);
		return false;
	}
	if (now_ms < c->last_rx_ms + all->conf->connection_timeout_ms)
		return true;
	silent = silent_ms(all, c, now_ms);
	if (silent >= all->conf->connection_timeout_ms) {
		client_bye(all, c, CLIENT_BYE_TIMEOUT, 0);
		return false;
	}
	c->last_rx_ms = now_ms - silent;
	return true;
}

void
client_due(struct clients *all, struct client *c)
{
	uint64_t now_ms = clients_now_ms(all);

	if (client_is_ending(c)) {
		client_kill(all, c);
		return;
	}
	if (!client_is_open(c))
		return;
	if (!look_at_silence(all, c, now_ms))
		return;
	if (c->expires_real_s && !look_at_token(all, c, now_ms))
		return;
	if (now_ms >= c->heartbeat_ms) {
		beat(all, c);
		/* keeps its place in the round, unless the loop was stopped for longer than one */
		c->heartbeat_ms += all->conf->heartbeat_interval_ms;
		if (c->heartbeat_ms <= now_ms)
			c->heartbeat_ms = now_ms + all->conf->heartbeat_interval_ms;
	}
	if (client_is_open(c))
		client_rearm(all, c);
}
