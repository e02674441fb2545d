/* SPDX-License-Identifier: MIT */
/* A connection's beginning and end. */
#include "worker/conn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "conf/conf.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "proto/reply.h"
#include "worker/worker_priv.h"

struct conn *
conn_create(const struct worker_guest *guest)
{
	size_t id_len = strlen(guest->id);
	struct conn *c;

	CHECK(id_len >= 1 && id_len <= CONNECTION_ID_MAX);
	/* not sizeof: the id begins in what would be padding */
	c = calloc(1, offsetof(struct conn, id) + id_len + 1);
	if (!c)
		return NULL;
	wire_init(&c->wire);
	c->slot = guest->slot;
	c->serial = guest->serial;
	wheel_timer_init(&c->timer);
	c->count = c->count_at_open = guest->count;
	c->peer = guest->peer;
	c->resumed = guest->resumed;
	conn_set_expiry(c, guest->expires_real_ms);
	memcpy(c->id, guest->id, id_len + 1);
	return c;
}

void
conn_set_expiry(struct conn *c, uint64_t real_ms)
{
	c->expires_real_s = real_ms / 1000 < UINT32_MAX ? (uint32_t)(real_ms / 1000) : 0;
}

void
conn_free(struct conn *c)
{
	CHECK(!c->assembly);
	wire_deinit(&c->wire);
	free(c);
}

char *
conn_text(struct worker *w, struct conn *c)
{
	return wire_text_begin(w->hub, &c->wire, REPLY_MAX);
}

void
conn_text_end(struct worker *w, size_t len)
{
	wire_text_end(w->hub, len);
}

/* ---- what its wire tells --------------------------------------------------------------------- */

static struct worker *
worker_of(void *owner)
{
	struct worker *w = owner;

	CHECK_MAGIC(w, WORKER_MAGIC);
	return w;
}

static void
greet(struct worker *w, struct conn *c, const uint8_t *token_bytes)
{
	char token[2 * SESSION_TOKEN_BYTES + 1];
	char *out = conn_text(w, c);

	if (!out)
		return;
	hex_encode(token, token_bytes, SESSION_TOKEN_BYTES);
	conn_text_end(w, reply_established(out, &(struct reply_established){
							.connection_id = c->id,
							.count = c->count,
							.timestamp = worker_stamp(w, 0),
							.instance = w->conf->instance,
							.session = token,
							.resumed = c->resumed,
							.heartbeat_interval_ms = w->conf->heartbeat_interval_ms,
						}));
}

static const struct log_field no_field;

/* arg: struct seating, of one that was not imported. */
static void
on_opened(void *owner, struct wire *wire, const void *arg)
{
	const struct seating *how = arg;
	struct worker *w = worker_of(owner);
	struct conn *c = conn_of(wire);
	char peer[ADDR_TEXT_MAX];

	c->opened = true;
	metrics_add(w->shard, METRIC_CONNECTIONS, 1);
	if (c->imported)
		return; /* import.c does the rest */
	c->opened_ms = c->last_rx_ms = worker_now_ms(w);
	metrics_add(w->shard, METRIC_OPENED, 1);
	greet(w, c, how->token);
	conn_arm(w, c);
	export_newcomer(w, c);
	LOG_AT(LOG_LEVEL_INFO, LOG_ID_CONNECTION_OPENED,
	       LOG_FIELDS(LOG_TEXT("WS_CONNECTION_ID", c->id),
			  LOG_TEXT("WS_CLIENT_ADDRESS", addr_port_text(peer, &c->peer)),
			  LOG_NUMBER("WS_WORKER", w->index), LOG_NUMBER("WS_RESUMED", c->resumed),
			  how->subject[0] ? LOG_TEXT("WS_SUBJECT", how->subject) : no_field),
	       "connection %s %s", c->id, c->resumed ? "resumed" : "opened");
}

static void
on_pong(void *owner, struct wire *wire)
{
	conn_of(wire)->last_rx_ms = worker_now_ms(worker_of(owner));
}

static void
on_took(void *owner, struct wire *wire)
{
	conn_of(wire)->last_rx_ms = worker_now_ms(worker_of(owner));
}

static void
on_stalled(void *owner, struct wire *wire)
{
	struct worker *w = worker_of(owner);
	struct conn *c = conn_of(wire);

	c->last_rx_ms = worker_now_ms(w);
	conn_rearm(w, c);
}

static void
on_overrun(void *owner, struct wire *wire)
{
	conn_bye(worker_of(owner), conn_of(wire), WORKER_BYE_SLOW, 0);
}

static void
on_broke(void *owner, struct wire *wire, uint16_t code, const char *what)
{
	conn_fail(worker_of(owner), conn_of(wire), code, what);
}

static void
on_boundary(void *owner, struct wire *wire)
{
	export_look(worker_of(owner), conn_of(wire));
}

/* From here on the timer ends the connection: it must not be left at the next heartbeat, which may be now. */
static void
on_closing(void *owner, struct wire *wire, uint32_t within_ms)
{
	struct worker *w = worker_of(owner);

	wheel_set(&w->wheel, &conn_of(wire)->timer, worker_now_ms(w) + within_ms);
}

static enum metric
closed_metric(unsigned code)
{
#define CODE(n) \
	{ \
		n, METRIC_CLOSED_##n \
	}
	static const struct {
		unsigned code;
		enum metric metric;
	} known[] = { CODE(1000), CODE(1001), CODE(1002), CODE(1003), CODE(1005), CODE(1006), CODE(1007),
		      CODE(1008), CODE(1009), CODE(1011), CODE(1012), CODE(1013), CODE(4001) };
#undef CODE

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == code)
			return known[i].metric;
	return METRIC_CLOSED_OTHER;
}

static const char *
closed_by(const struct wire_end *end)
{
	if (end->by == WIRE_BY_PEER)
		return "client";
	return end->code == 1006 ? "network" : "server";
}

static void
account_closed(struct worker *w, struct conn *c, const struct wire_end *end)
{
	char peer[ADDR_TEXT_MAX];
	uint64_t ms = worker_now_ms(w) - c->opened_ms;
	uint64_t messages = c->count - c->count_at_open;

	metrics_add(w->shard, METRIC_CONNECTIONS, -1);
	if (end->by == WIRE_GIVEN_AWAY) {
		metrics_add(w->shard, METRIC_MOVED_OUT, 1);
		return;
	}
	metrics_add(w->shard, closed_metric(end->code), 1);
	metrics_observe(w->shard, HISTOGRAM_CONNECTION_DURATION, ms * CLOCK_NS_PER_MS, 1);
	LOG_AT(LOG_LEVEL_INFO, LOG_ID_CONNECTION_CLOSED,
	       LOG_FIELDS(LOG_TEXT("WS_CONNECTION_ID", c->id),
			  LOG_TEXT("WS_CLIENT_ADDRESS", addr_port_text(peer, &c->peer)),
			  LOG_NUMBER("WS_WORKER", w->index), LOG_NUMBER("WS_DURATION_MS", ms),
			  LOG_NUMBER("WS_MESSAGES", messages), LOG_NUMBER("WS_CLOSE_CODE", end->code),
			  LOG_TEXT("WS_CLOSED_BY", closed_by(end))),
	       "connection %s closed after %" PRIu64 ".%03u s and %" PRIu64 " messages, code %u", c->id, ms / 1000,
	       (unsigned)(ms % 1000), messages, (unsigned)end->code);
}

static void
report(struct worker *w, struct conn *c, bool session_over)
{
	c->departure = (struct worker_departure){
		.serial = c->serial,
		.count = c->count,
		.worker = w->index,
		.slot = c->slot,
		.session_over = session_over,
	};
	w->ops->left(w->ops->arg, &c->departure);
}

/* The connection belongs to the receiver of the departure then. */
static void
on_gone(void *owner, struct wire *wire, const struct wire_end *end)
{
	struct worker *w = worker_of(owner);
	struct conn *c = conn_of(wire);

	conn_assembly_free(c);
	wheel_clear(&c->timer);
	if (c->opened)
		account_closed(w, c, end);
	else
		metrics_add(w->shard, METRIC_REFUSED_INTERNAL, 1);
	slots_remove(&w->slots, c);
	report(w, c, c->session_over || end->by == WIRE_GIVEN_AWAY);
}

const struct wire_events conn_events = {
	.opened = on_opened,
	.piece = conn_received,
	.pong = on_pong,
	.stalled = on_stalled,
	.took = on_took,
	.overrun = on_overrun,
	.broke = on_broke,
	.boundary = on_boundary,
	.closing = on_closing,
	.gone = on_gone,
};

void
conn_refused(struct worker *w, struct conn *c)
{
	metrics_add(w->shard, METRIC_REFUSED_INTERNAL, 1);
	report(w, c, false);
}

void
worker_departure_free(struct worker_departure *departure)
{
	conn_free((struct conn *)((char *)departure - offsetof(struct conn, departure)));
}
