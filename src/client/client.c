/* SPDX-License-Identifier: MIT */
/* A client's beginning, and its standing still; its end is in close.c. */
#include "client/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/hex.h"
#include "client/client_priv.h"
#include "client/subscriptions.h"
#include "client/travel.h"
#include "conf/conf.h"
#include "kept/notes.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "proto/reply.h"
#include "proto/text.h"

#define TEXT_SPARE 2048 /* of SEND_QUEUE_BYTES, for what is around a list, and what is said meanwhile */

struct client *
client_create(const struct client_guest *guest)
{
	size_t id_len = strlen(guest->id), user_len = guest->user ? strlen(guest->user) : 0;
	struct client *c;

	CHECK(id_len >= 1 && id_len <= CONNECTION_ID_MAX);
	/* not sizeof: the id begins in what would be padding */
	c = calloc(1, offsetof(struct client, id) + id_len + 1 + user_len + 1);
	if (!c)
		return NULL;
	wire_init(&c->wire);
	wire_set_note(&c->wire, guest->note);
	c->slot = guest->slot;
	c->serial = guest->serial;
	wheel_timer_init(&c->timer);
	c->count = c->count_at_open = guest->count;
	c->peer = guest->peer;
	c->resumed = guest->resumed;
	c->expires_real_s = client_seconds(guest->expires_real_ms);
	memcpy(c->id, guest->id, id_len + 1);
	if (user_len > 0)
		memcpy(c->id + id_len + 1, guest->user, user_len);
	if (guest->note)
		note_set_partial(guest->note, !note_set_user(guest->note, client_user(c)));
	return c;
}

void
client_free(struct client *c)
{
	CHECK(!c->assembly && !c->subs);
	wire_deinit(&c->wire);
	free(c);
}

char *
client_text(struct clients *all, struct client *c)
{
	return wire_text_begin(all->hub, &c->wire, REPLY_MAX);
}

void
client_text_end(struct clients *all, size_t len)
{
	wire_text_end(all->hub, len);
}

void
client_say(struct clients *all, struct client *c, const struct text *t)
{
	struct wire_frames *frames = NULL;
	char *out;

	if (!t->failed && t->len <= REPLY_MAX) {
		out = client_text(all, c);
		if (!out)
			return;
		memcpy(out, t->at, t->len);
		client_text_end(all, t->len);
	} else if (!t->failed && wire_frames_add(&frames, WIRE_TEXT, t->at, t->len) == WSD_OK) {
		wire_send_frames(all->hub, &c->wire, frames);
		wire_frames_put(&frames);
	} else {
		metrics_add(all->shard, METRIC_ERROR_INTERNAL, 1);
		client_fail(all, c, 1011, "out of memory");
	}
}

size_t
client_room(const struct clients *all, const struct client *c)
{
	size_t most = all->conf->send_queue_bytes - TEXT_SPARE, queued = wire_queued(&c->wire);

	return queued < most ? most - queued : 0;
}

/* ---- what its wire tells --------------------------------------------------------------------- */

static void
greet(struct clients *all, struct client *c, const uint8_t *token_bytes)
{
	char token[2 * SESSION_TOKEN_BYTES + 1];
	char *out = client_text(all, c);

	if (!out)
		return;
	hex_encode(token, token_bytes, SESSION_TOKEN_BYTES);
	client_text_end(all, reply_established(out, &(struct reply_established){
							    .connection_id = c->id,
							    .count = c->count,
							    .timestamp = clients_stamp(all, 0),
							    .instance = all->conf->instance,
							    .session = token,
							    .resumed = c->resumed,
							    .heartbeat_interval_ms = all->conf->heartbeat_interval_ms,
						    }));
}

static const struct log_field no_field;

/* arg: struct client_opening; NULL: it comes from another process, and travel.c does the rest. */
static void
on_opened(void *owner, struct wire *wire, const void *arg)
{
	const struct client_opening *how = arg;
	struct clients *all = clients_of(owner);
	struct client *c = client_of(wire);
	char peer[ADDR_TEXT_MAX];

	c->opened = true;
	metrics_add(all->shard, METRIC_CONNECTIONS, 1);
	if (!how)
		return;
	c->opened_ms = c->last_rx_ms = clients_now_ms(all);
	metrics_add(all->shard, METRIC_OPENED, 1);
	greet(all, c, how->token);
	client_arm(all, c);
	all->ops->newcomer(all, c);
	LOG_AT(LOG_LEVEL_INFO, LOG_ID_CONNECTION_OPENED,
	       LOG_FIELDS(LOG_TEXT("WS_CONNECTION_ID", c->id),
			  LOG_TEXT("WS_CLIENT_ADDRESS", addr_port_text(peer, &c->peer)),
			  LOG_NUMBER("WS_WORKER", all->index), LOG_NUMBER("WS_RESUMED", c->resumed),
			  how->subject[0] ? LOG_TEXT("WS_SUBJECT", how->subject) : no_field),
	       "connection %s %s", c->id, c->resumed ? "resumed" : "opened");
}

static void
on_pong(void *owner, struct wire *wire)
{
	client_of(wire)->last_rx_ms = clients_now_ms(clients_of(owner));
}

static void
on_took(void *owner, struct wire *wire)
{
	client_of(wire)->last_rx_ms = clients_now_ms(clients_of(owner));
}

static void
on_stalled(void *owner, struct wire *wire)
{
	struct clients *all = clients_of(owner);
	struct client *c = client_of(wire);

	c->last_rx_ms = clients_now_ms(all);
	client_rearm(all, c);
}

static void
on_overrun(void *owner, struct wire *wire)
{
	client_bye(clients_of(owner), client_of(wire), CLIENT_BYE_SLOW, 0);
}

static void
on_broke(void *owner, struct wire *wire, uint16_t code, const char *what)
{
	client_fail(clients_of(owner), client_of(wire), code, what);
}

static void
on_rows(void *owner, struct wire *wire, uint64_t *rows)
{
	travel_note(client_of(wire), rows);
}

static void
on_boundary(void *owner, struct wire *wire)
{
	struct clients *all = clients_of(owner);

	all->ops->boundary(all, client_of(wire));
}

const struct wire_events client_events = {
	.opened = on_opened,
	.piece = client_received,
	.pong = on_pong,
	.stalled = on_stalled,
	.took = on_took,
	.overrun = on_overrun,
	.broke = on_broke,
	.boundary = on_boundary,
	.rows = on_rows,
	.closing = client_closing,
	.gone = client_gone,
};

/* ---- the steps of its life ------------------------------------------------------------------- */

void
client_adopt(struct clients *all, struct client *c, int fd, const struct client_opening *how)
{
	wire_adopt(all->hub, &c->wire, fd, how->key, how->subprotocol, how);
}

void
client_hold(struct clients *all, struct client *c)
{
	wheel_clear(&c->timer);
	wire_hold(all->hub, &c->wire);
}

void
client_resume(struct clients *all, struct client *c)
{
	c->session_only = false;
	wire_resume(all->hub, &c->wire);
	client_rearm(all, c);
	subscriptions_go_on(all, c);
}

void
client_give_away(struct clients *all, struct client *c)
{
	wire_give_away(all->hub, &c->wire);
}
