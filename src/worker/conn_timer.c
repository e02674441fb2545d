/* SPDX-License-Identifier: MIT */
/* What a connection's one timer is for: heartbeats, silence, and the end of a closing handshake. Worker's thread. */
#include "worker/worker_priv.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "proto/reply.h"

#define PING_PAYLOAD "wsd" /* libwebsockets does not report empty pongs */

void
conn_rearm(struct worker *w, struct conn *c)
{
	uint64_t idle_ms = c->last_rx_ms + w->conf->connection_timeout_ms;

	wheel_set(&w->wheel, &c->timer, c->heartbeat_ms < idle_ms ? c->heartbeat_ms : idle_ms);
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

/* How long the peer has been silent. Its pings, and halves of frames, are seen by the kernel only. */
static uint64_t
silent_ms(struct conn *c, uint64_t now_ms)
{
	uint64_t ours = now_ms - c->last_rx_ms;
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(lws_get_socket_fd(c->wsi), IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
	    len < offsetof(struct tcp_info, tcpi_last_data_recv) + sizeof(info.tcpi_last_data_recv))
		return ours; /* a unix-domain client */
	return info.tcpi_last_data_recv < ours ? info.tcpi_last_data_recv : ours;
}

static void
beat(struct worker *w, struct conn *c)
{
	char *out = cork_begin(w, c, REPLY_MAX + FRAME_HEADER_MAX + sizeof(PING_PAYLOAD));
	size_t len;

	if (!out)
		return;
	len = reply_heartbeat(out, worker_stamp(w, 0), w->conf->instance);
	len += frame_ping(out + len, PING_PAYLOAD, sizeof(PING_PAYLOAD) - 1);
	cork_end(w, len);
	metrics_add(w->shard, METRIC_HEARTBEATS, 1);
}

void
conn_due(struct worker *w, struct conn *c)
{
	uint64_t now_ms = worker_now_ms(w);

	if (c->phase == CONN_LEAVING || c->phase == CONN_CLOSING) {
		conn_kill(w, c);
		return;
	}
	if (c->phase != CONN_OPEN)
		return;
	if (now_ms >= c->last_rx_ms + w->conf->connection_timeout_ms) {
		uint64_t silent = silent_ms(c, now_ms);

		if (silent >= w->conf->connection_timeout_ms) {
			conn_bye(w, c, WORKER_BYE_TIMEOUT, 0);
			return;
		}
		c->last_rx_ms = now_ms - silent;
	}
	if (now_ms >= c->heartbeat_ms) {
		beat(w, c);
		/* keeps its place in the round, unless the loop was stopped for longer than one */
		c->heartbeat_ms += w->conf->heartbeat_interval_ms;
		if (c->heartbeat_ms <= now_ms)
			c->heartbeat_ms = now_ms + w->conf->heartbeat_interval_ms;
	}
	if (c->phase == CONN_OPEN)
		conn_rearm(w, c);
}
