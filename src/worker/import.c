/* SPDX-License-Identifier: MIT */
/*
 * Taking over a connection from another process. Worker's thread.
 *
 * libwebsockets can only be given a connection by a handshake. So it gets one end of a socket pair and our
 * own minimal request, as any new connection does; its answer goes into the other end and is thrown away.
 * Then the real socket is put in the place of the pair's end, under the same number, while the loop is not
 * watching it.
 */
#include "worker/worker_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "worker/outq.h"
#include "worker/travel.h"

/* Any: nobody checks the answer. */
static const struct adoption anyhow = { .key = { "dGhlIHNhbXBsZSBub25jZQ==" } };

static void run_import(struct mail *mail, void *owner);

int
import_mail_create(struct import_mail **out, const struct worker_arrival *arrival)
{
	const struct conn_state *s = arrival->state;
	struct worker_guest guest = {
		.fd = arrival->fd,
		.serial = arrival->serial,
		.slot = arrival->slot,
		.peer = s->peer,
		.id = s->id,
	};
	struct import_mail *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (!m)
		return -ENOMEM;
	m->mail.run = run_import;
	m->fd = arrival->fd;
	m->conn = conn_create(&guest);
	if (!m->conn)
		goto fail;
	m->conn->imported = true;
	m->conn->bucket.at_ns = clock_mono_ns();
	travel_arrive(m->conn, s, clock_mono_ms());
	if (s->queue_len > 0) {
		m->conn->outq = calloc(1, sizeof(*m->conn->outq));
		if (!m->conn->outq || outq_append(m->conn->outq, s->queue, s->queue_len) != WSD_OK)
			goto fail;
	}
	*out = m;
	return WSD_OK;
fail:
	import_mail_free(m);
	return -ENOMEM;
}

void
import_mail_free(struct import_mail *m)
{
	if (m->conn) {
		if (m->conn->outq)
			outq_clear(m->conn->outq);
		free(m->conn->outq);
		m->conn->outq = NULL;
		conn_free(m->conn);
	}
	free(m);
}

static int
swap_in(struct conn *c, int *fd, int *far_end)
{
	int number = lws_get_socket_fd(c->wsi);

	/* off: the loop takes the pair's end out of epoll; on: it puts in what the number then means */
	lws_rx_flow_control(c->wsi, LWS_RXFLOW_REASON_APPLIES_DISABLE | LWS_RXFLOW_REASON_USER_BOOL |
					    LWS_RXFLOW_REASON_FLAG_PROCESS_NOW);
	if (dup3(*fd, number, O_CLOEXEC) != number)
		return wsd_errno();
	fd_close(fd);
	fd_close(far_end);
	c->rx_bytes = export_consumed(c);
	lws_rx_flow_control(c->wsi, LWS_RXFLOW_REASON_APPLIES_ENABLE | LWS_RXFLOW_REASON_USER_BOOL |
					    LWS_RXFLOW_REASON_FLAG_PROCESS_NOW);
	return WSD_OK;
}

static void
take_over(struct worker *w, struct import_mail *m)
{
	struct conn *c = m->conn;
	int pair[2] = { -1, -1 };

	if (fd_set_nonblock(m->fd) != WSD_OK ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		conn_destroyed(w, c);
		goto out;
	}
	if (!ws_adopt(w, c, pair[0], &anyhow) || c->phase != CONN_OPEN)
		goto out;
	conn_rearm(w, c);
	if (swap_in(c, &m->fd, &pair[1]) != WSD_OK) {
		conn_kill(w, c);
		goto out;
	}
	ws_watched(w, c);
	if (c->phase != CONN_OPEN)
		goto out;
	metrics_add(w->shard, METRIC_MOVED_IN, 1);
	if (c->outq)
		lws_callback_on_writable(c->wsi);
	log_debug("connection %s goes on here", c->id);
out:
	fd_close(&m->fd);
	fd_close(&pair[1]);
}

static void
run_import(struct mail *mail, void *owner)
{
	struct import_mail *m = (struct import_mail *)mail;
	struct worker *w = owner;
	struct conn *c = m->conn;

	metrics_add(w->shard, METRIC_QUEUED_BYTES, (int64_t)conn_queued_bytes(c));
	if (w->stopping || !w->vhost || slots_put(&w->slots, c) != WSD_OK) {
		fd_close(&m->fd);
		conn_refused(w, c);
	} else if (closing_reserve(w) != WSD_OK) {
		fd_close(&m->fd);
		conn_destroyed(w, c);
	} else {
		take_over(w, m);
	}
	free(m);
}
