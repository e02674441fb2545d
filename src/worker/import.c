/* SPDX-License-Identifier: MIT */
/* Taking over a connection from another process; how its socket gets there is in wire/live.c. Worker's thread. */
#include "worker/worker_priv.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/fd.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "worker/travel.h"

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
	if (s->queue_len > 0 && wire_preload(&m->conn->wire, s->queue, s->queue_len) != WSD_OK)
		goto fail;
	*out = m;
	return WSD_OK;
fail:
	import_mail_free(m);
	return -ENOMEM;
}

void
import_mail_free(struct import_mail *m)
{
	if (m->conn)
		conn_free(m->conn);
	free(m);
}

static void
take_over(struct worker *w, struct conn *c, int fd)
{
	if (!wire_adopt_live(w->hub, &c->wire, fd))
		return;
	conn_rearm(w, c);
	metrics_add(w->shard, METRIC_MOVED_IN, 1);
	log_debug("connection %s goes on here", c->id);
}

static void
run_import(struct mail *mail, void *owner)
{
	struct import_mail *m = (struct import_mail *)mail;
	struct worker *w = owner;
	struct conn *c = m->conn;

	if (w->stopping || !wire_hub_serves(w->hub) || slots_put(&w->slots, c) != WSD_OK) {
		fd_close(&m->fd);
		conn_refused(w, c);
	} else {
		take_over(w, c, m->fd);
	}
	free(m);
}
