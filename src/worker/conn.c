/* SPDX-License-Identifier: MIT */
/* A connection's beginning and end. */
#include "worker/conn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/tcp.h"
#include "conf/conf.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/utf8.h"
#include "worker/worker_priv.h"

/* After a broken frame libwebsockets waits 5 s for a close frame that it can no longer read. */
#define BROKEN_PEER_MS 200

/* For the answer to the peer's close frame to be written. */
#define ANSWER_MS 5000

struct conn *
conn_create(const struct worker_guest *guest)
{
	size_t id_len = strlen(guest->id);
	struct conn *c;

	CHECK(id_len >= 1 && id_len <= WORKER_ID_MAX);
	/* not sizeof: the id begins in what would be padding */
	c = calloc(1, offsetof(struct conn, id) + id_len + 1);
	if (!c)
		return NULL;
	c->magic = CONN_MAGIC;
	c->slot = guest->slot;
	c->serial = guest->serial;
	wheel_timer_init(&c->timer);
	c->count = c->count_at_open = guest->count;
	c->peer = guest->peer;
	c->phase = CONN_SEATED;
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
	CHECK_MAGIC(c, CONN_MAGIC);
	CHECK(!c->outq && !c->assembly);
	c->magic = 0;
	free(c);
}

static void
greet(struct worker *w, struct conn *c, const uint8_t *token_bytes)
{
	char token[2 * WORKER_TOKEN_BYTES + 1];
	char *out = cork_text(w, c);

	if (!out)
		return;
	hex_encode(token, token_bytes, WORKER_TOKEN_BYTES);
	cork_text_end(w, reply_established(out, &(struct reply_established){
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

void
conn_opened(struct worker *w, struct conn *c, const struct adoption *how)
{
	char peer[ADDR_TEXT_MAX];

	c->phase = CONN_OPEN;
	c->opened = true;
	metrics_add(w->shard, METRIC_CONNECTIONS, 1);
	if (c->imported)
		return; /* import.c does the rest */
	c->opened_ms = c->last_rx_ms = worker_now_ms(w);
	c->rx_bytes = export_consumed(c);
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

void
conn_pong(struct worker *w, struct conn *c, const void *payload, size_t len)
{
	c->last_rx_ms = worker_now_ms(w);
	c->rx_bytes += FRAME_MASKED_HEADER + len;
	if (c->exporting)
		export_pong(w, c, payload, len);
}

static bool
close_code_allowed(unsigned code)
{
	if (code >= 3000 && code <= 4999)
		return true;
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

/* 1002 or 1007; 0 if there is none. */
static uint16_t
close_fault(const uint8_t *payload, size_t len, unsigned code)
{
	if (len == 1 || (len >= 2 && !close_code_allowed(code)))
		return 1002;
	if (len > 2 && !utf8_valid((const char *)payload + 2, len - 2))
		return 1007;
	return 0;
}

/* The client begins the closing handshake. */
static void
take_close(struct worker *w, struct conn *c, const uint8_t *payload, size_t len)
{
	unsigned code = len >= 2 ? (unsigned)payload[0] << 8 | payload[1] : 1005;
	uint16_t fault = close_fault(payload, len, code);

	c->peer_closed = true;
	c->close_code = fault ? fault : (uint16_t)code;
	if (fault != 0)
		metrics_add(w->shard, fault == 1007 ? METRIC_ERROR_INVALID_UTF8 : METRIC_ERROR_PROTOCOL, 1);
}

int
conn_peer_closed(struct worker *w, struct conn *c, const uint8_t *payload, size_t len)
{
	c->rx_bytes += FRAME_MASKED_HEADER + len;
	if (!conn_check_mask(w, c, true)) /* this frame's own four bytes may have stood for those of the first ones */
		cork_drop(w, c);
	conn_send_rest(w, c);
	if (c->phase == CONN_GONE)
		return -1;
	if (c->phase < CONN_LEAVING) /* else the two Close frames cross */
		take_close(w, c, payload, len);
	/* By us and at once: libwebsockets would look at what follows before it answers, and after an answer of another
	 * code it would wait for one, though there is nothing more to come. */
	conn_send_close(c, c->close_code ? c->close_code : 1002);
	c->phase = CONN_CLOSING;
	/* from here on the timer ends the connection: it must not be left at the next heartbeat, which may be now */
	wheel_set(&w->wheel, &c->timer, worker_now_ms(w) + ANSWER_MS);
	return -1;
}

/* The end of the stream, or what a reset leaves, can be seen again and again; but a reset that overtook bytes
 * which nobody has read is seen by the socket's state alone. */
static bool
peer_has_gone(const struct conn *c)
{
	struct tcp_state tcp;
	ssize_t n;
	char byte;

	if (tcp_state_of(lws_get_socket_fd(c->wsi), &tcp) && !tcp.connected)
		return true;
	n = recv(lws_get_socket_fd(c->wsi), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void
conn_dropping(struct worker *w, struct conn *c)
{
	bool gone;

	if (c->phase >= CONN_CLOSING)
		return;
	gone = peer_has_gone(c);
	if (c->phase == CONN_OPEN)
		c->broke_rules = !gone;
	/* Nothing may follow the close frame, which is written next. */
	conn_send_rest(w, c);
	if (c->phase == CONN_GONE)
		return;
	/* The first fault counts; and of some libwebsockets would say nothing. */
	if (c->opened && !gone && (c->close_code || lws_get_close_length(c->wsi) == 0))
		lws_close_reason(c->wsi, (enum lws_close_status)(c->close_code ? c->close_code : 1002), NULL, 0);
	c->phase = CONN_CLOSING;
	wheel_set(&w->wheel, &c->timer, worker_now_ms(w) + BROKEN_PEER_MS);
}

static enum metric
closed_metric(unsigned code)
{
	switch (code) {
#define CODE(n) \
	case n: \
		return METRIC_CLOSED_##n;
		CODE(1000) CODE(1001) CODE(1002) CODE(1003) CODE(1005) CODE(1006) CODE(1007)
		CODE(1008) CODE(1009) CODE(1011) CODE(1012) CODE(1013) CODE(4001)
#undef CODE
	default:
		return METRIC_CLOSED_OTHER;
	}
}

/* What the log and the metrics call the end: our code or the peer's; 1006 if the socket just ended (RFC
 * 6455, 7.1.5). */
static unsigned
final_code(struct worker *w, struct conn *c)
{
	if (c->close_code != 0)
		return c->close_code;
	if (!c->broke_rules)
		return 1006;
	/* It was libwebsockets that closed, with a frame of its own: a broken frame. */
	metrics_add(w->shard, METRIC_ERROR_PROTOCOL, 1);
	return 1002;
}

static void
account_closed(struct worker *w, struct conn *c)
{
	char peer[ADDR_TEXT_MAX];
	uint64_t ms = worker_now_ms(w) - c->opened_ms;
	uint64_t messages = c->count - c->count_at_open;
	unsigned code = c->moved ? 0 : final_code(w, c);

	metrics_add(w->shard, METRIC_CONNECTIONS, -1);
	if (c->moved) {
		metrics_add(w->shard, METRIC_MOVED_OUT, 1);
		return;
	}
	metrics_add(w->shard, closed_metric(code), 1);
	metrics_observe(w->shard, HISTOGRAM_CONNECTION_DURATION, ms * CLOCK_NS_PER_MS, 1);
	LOG_AT(LOG_LEVEL_INFO, LOG_ID_CONNECTION_CLOSED,
	       LOG_FIELDS(LOG_TEXT("WS_CONNECTION_ID", c->id),
			  LOG_TEXT("WS_CLIENT_ADDRESS", addr_port_text(peer, &c->peer)),
			  LOG_NUMBER("WS_WORKER", w->index), LOG_NUMBER("WS_DURATION_MS", ms),
			  LOG_NUMBER("WS_MESSAGES", messages), LOG_NUMBER("WS_CLOSE_CODE", code),
			  LOG_TEXT("WS_CLOSED_BY", c->peer_closed ? "client" : code == 1006 ? "network" : "server")),
	       "connection %s closed after %" PRIu64 ".%03u s and %" PRIu64 " messages, code %u", c->id, ms / 1000,
	       (unsigned)(ms % 1000), messages, code);
}

static void
report(struct worker *w, struct conn *c, bool session_over)
{
	c->phase = CONN_GONE;
	c->departure = (struct worker_departure){
		.serial = c->serial,
		.count = c->count,
		.worker = w->index,
		.slot = c->slot,
		.session_over = session_over,
	};
	w->ops->left(w->ops->arg, &c->departure);
}

void
conn_destroyed(struct worker *w, struct conn *c)
{
	bool over = c->session_over || c->moved;

	if (w->adopted == c)
		w->adopted = NULL;
	cork_release(w, c); /* only counts: there is no socket any more */
	conn_outq_free(w, c);
	conn_assembly_free(c);
	if (c->paused)
		metrics_add(w->shard, METRIC_PAUSED, -1);
	wheel_clear(&c->timer);
	if (c->opened)
		account_closed(w, c);
	else
		metrics_add(w->shard, METRIC_REFUSED_INTERNAL, 1);
	slots_remove(&w->slots, c);
	report(w, c, over);
}

void
conn_refused(struct worker *w, struct conn *c)
{
	metrics_add(w->shard, METRIC_REFUSED_INTERNAL, 1);
	conn_outq_free(w, c);
	report(w, c, false);
}

void
worker_departure_free(struct worker_departure *departure)
{
	conn_free((struct conn *)((char *)departure - offsetof(struct conn, departure)));
}
