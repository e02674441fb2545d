/* SPDX-License-Identifier: MIT */
/*
 * All of a client's end: why, what it is told (goodbyes, close codes), how long that may take, and what is made of it
 * when it has gone. How its wire is closed is in wire/close.c. The clients' thread.
 */
#include "client/client_priv.h"

#include <inttypes.h>
#include <string.h>

#include "channel/command.h"
#include "client/subscriptions.h"
#include "conf/conf.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "proto/reply.h"

/* For what is queued to be written. */
#define LEAVE_MS 5000

static const struct bye_info {
	const char *reason;
	uint16_t code;
	bool reconnect;
	bool session_over;
} byes[CLIENT_BYES] = {
	[CLIENT_BYE_DISCONNECT] = { "disconnect", 1000, false, true },
	[CLIENT_BYE_SHUTDOWN] = { "shutdown", 1001, true, false },
	[CLIENT_BYE_RESTART] = { "restart", 1012, true, false },
	[CLIENT_BYE_REPLACED] = { "replaced", 4001, false, false },
	[CLIENT_BYE_OPERATOR] = { "disconnected by operator", 1008, false, true },
	[CLIENT_BYE_TIMEOUT] = { "timeout", 1001, true, false },
	[CLIENT_BYE_SLOW] = { "slow client", 1013, true, false },
	[CLIENT_BYE_ABUSE] = { "rate limit", 1008, false, false },
	[CLIENT_BYE_BINARY] = { "rate limit", 1003, false, false },
	[CLIENT_BYE_EXPIRED] = { "token_expired", 1008, true, false },
};

static void
leave(struct clients *all, struct client *c, uint16_t code)
{
	subscriptions_end(all, c, false);
	wire_close(all->hub, &c->wire, code);
	wheel_set(&all->wheel, &c->timer, clients_now_ms(all) + LEAVE_MS);
}

static void
say_goodbye(struct clients *all, struct client *c, const char *reason, bool reconnect, uint32_t retry_after_ms)
{
	char *out = client_text(all, c);

	if (out)
		client_text_end(all, reply_goodbye(out, &(struct reply_goodbye){
								.reason = reason,
								.total = c->count,
								.timestamp = clients_stamp(all, 0),
								.reconnect = reconnect,
								.retry_after_ms = retry_after_ms,
							}));
}

void
client_bye(struct clients *all, struct client *c, enum client_bye bye, uint32_t retry_after_ms)
{
	const struct bye_info *info = &byes[bye];

	if (!client_is_open(c))
		return;
	if (bye == CLIENT_BYE_SLOW) {
		wire_drop_queue(all->hub, &c->wire); /* it would only stand before the goodbye */
		metrics_add(all->shard, METRIC_ERROR_SLOW_CLIENT, 1);
	} else if (bye == CLIENT_BYE_TIMEOUT) {
		metrics_add(all->shard, METRIC_ERROR_TIMEOUT, 1);
	} else if (bye == CLIENT_BYE_EXPIRED) {
		metrics_add(all->shard, METRIC_ERROR_TOKEN_EXPIRED, 1);
	}
	say_goodbye(all, c, info->reason, info->reconnect, retry_after_ms);
	c->session_over = info->session_over;
	leave(all, c, info->code);
}

void
client_dismiss(struct clients *all, struct client *c, uint16_t code, struct slice reason)
{
	bool reconnect = code < 3500 || (code >= 4000 && code < 4500);
	char text[CHANNEL_REASON_MAX + 1];

	if (!client_is_open(c))
		return;
	CHECK(reason.len <= CHANNEL_REASON_MAX);
	memcpy(text, reason.at, reason.len);
	text[reason.len] = '\0';
	say_goodbye(all, c, text, reconnect, 0);
	c->session_over = !reconnect;
	leave(all, c, code);
}

void
client_fail(struct clients *all, struct client *c, uint16_t code, const char *what)
{
	if (!client_is_open(c))
		return;
	log_debug("connection %s failed with %u: %s", c->id, code, what);
	client_assembly_free(c);
	leave(all, c, code);
}

/* From here on the timer ends the client: it must not be left at the next heartbeat, which may be now. */
void
client_closing(void *owner, struct wire *wire, uint32_t within_ms)
{
	struct clients *all = clients_of(owner);

	subscriptions_end(all, client_of(wire), false);
	wheel_set(&all->wheel, &client_of(wire)->timer, clients_now_ms(all) + within_ms);
}

void
client_kill(struct clients *all, struct client *c)
{
	wire_kill(all->hub, &c->wire);
}

/* ---- gone ------------------------------------------------------------------------------------ */

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
account_closed(struct clients *all, struct client *c, const struct wire_end *end)
{
	char peer[ADDR_TEXT_MAX];
	uint64_t ms = clients_now_ms(all) - c->opened_ms;
	uint64_t messages = c->count - c->count_at_open;

	metrics_add(all->shard, METRIC_CONNECTIONS, -1);
	if (end->by == WIRE_GIVEN_AWAY) {
		metrics_add(all->shard, METRIC_MOVED_OUT, 1);
		return;
	}
	metrics_add(all->shard, closed_metric(end->code), 1);
	metrics_observe(all->shard, HISTOGRAM_CONNECTION_DURATION, ms * CLOCK_NS_PER_MS, 1);
	LOG_AT(LOG_LEVEL_INFO, LOG_ID_CONNECTION_CLOSED,
	       LOG_FIELDS(LOG_TEXT("WS_CONNECTION_ID", c->id),
			  LOG_TEXT("WS_CLIENT_ADDRESS", addr_port_text(peer, &c->peer)),
			  LOG_NUMBER("WS_WORKER", all->index), LOG_NUMBER("WS_DURATION_MS", ms),
			  LOG_NUMBER("WS_MESSAGES", messages), LOG_NUMBER("WS_CLOSE_CODE", end->code),
			  LOG_TEXT("WS_CLOSED_BY", closed_by(end))),
	       "connection %s closed after %" PRIu64 ".%03u s and %" PRIu64 " messages, code %u", c->id, ms / 1000,
	       (unsigned)(ms % 1000), messages, (unsigned)end->code);
}

static void
report(struct clients *all, struct client *c, bool session_over)
{
	c->departure = (struct client_departure){
		.serial = c->serial,
		.count = c->count,
		.worker = all->index,
		.slot = c->slot,
		.session_over = session_over,
	};
	all->ops->left(all, c, &c->departure);
}

/* The client belongs to the receiver of the departure then. */
void
client_gone(void *owner, struct wire *wire, const struct wire_end *end)
{
	struct clients *all = clients_of(owner);
	struct client *c = client_of(wire);

	client_assembly_free(c);
	subscriptions_end(all, c, end->by == WIRE_GIVEN_AWAY);
	wheel_clear(&c->timer);
	if (c->opened)
		account_closed(all, c, end);
	else
		metrics_add(all->shard, METRIC_REFUSED_INTERNAL, 1);
	report(all, c, c->session_over || end->by == WIRE_GIVEN_AWAY);
}

void
client_refused(struct clients *all, struct client *c)
{
	metrics_add(all->shard, METRIC_REFUSED_INTERNAL, 1);
	report(all, c, false);
}

void
client_departure_free(struct client_departure *departure)
{
	client_free((struct client *)((char *)departure - offsetof(struct client, departure)));
}
