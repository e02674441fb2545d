/* SPDX-License-Identifier: MIT */
/* What each type of message does. */
#include "client/commands.h"

#include <string.h>

#include "auth/auth.h"
#include "client/channel_commands.h"
#include "client/client_priv.h"
#include "conf/conf.h"
#include "log/log.h"
#include "proto/message.h"
#include "proto/reply.h"

void
command_refuse(struct clients *all, struct client *c, enum metric counter, const char *code, const char *why,
	       struct slice id)
{
	char *out = client_text(all, c);

	metrics_add(all->shard, counter, 1);
	if (out)
		client_text_end(all, reply_error(out, code, why, clients_stamp(all, 0), id));
}

static void
on_message(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	char *out;

	c->count++;
	metrics_add(all->shard, METRIC_MESSAGES, 1);
	out = client_text(all, c);
	if (out)
		client_text_end(all, reply_response(out, c->count, clients_stamp(all, now_ns), m->id));
}

static void
on_ping(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	char *out = client_text(all, c);

	if (out)
		client_text_end(all, reply_pong(out, m->id, clients_stamp(all, now_ns), all->conf->instance));
}

static void
on_disconnect(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	client_bye(all, c, CLIENT_BYE_DISCONNECT, 0);
}

/* A client that stays longer than its token: from now on the new one's end holds. Takes as long as a signature does,
 * and RATE_LIMIT_MESSAGE bounds how often. */
static void
on_auth(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	uint64_t real_ms = clients_now_ms(all) + all->real_offset_ms;
	struct slice token = { m->token.at + 1, m->token.len - 2 };
	struct auth_claims claims;
	char *out;

	if (!all->auth) {
		command_refuse(all, c, METRIC_ERROR_UNSUPPORTED, "unsupported", "no token is needed here", m->id);
		return;
	}
	if (auth_check(all->auth, token, c->id, real_ms, &claims) != AUTH_GOOD) {
		command_refuse(all, c, METRIC_ERROR_INVALID_TOKEN, "invalid_token", "the token is not accepted", m->id);
		return;
	}
	if (strcmp(claims.user, client_user(c)) != 0 && all->channels.broker) {
		command_refuse(all, c, METRIC_ERROR_INVALID_TOKEN, "invalid_token", "the token is another user's",
			       m->id);
		return;
	}
	c->expires_real_s = client_seconds(claims.expires_real_ms);
	c->warned = false;
	client_rearm(all, c);
	out = client_text(all, c);
	if (out)
		client_text_end(all, reply_auth(out, claims.expires_real_ms - real_ms, clients_stamp(all, 0), m->id));
}

typedef void (*command_cb)(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);

static const command_cb commands[MESSAGE_TYPES] = {
#define MESSAGE_MEMBER(name, text, kind)
#define MESSAGE_TYPE(type, text, needs, may, act) [MESSAGE_##type] = act,
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
};

void
command_run(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns)
{
	commands[m->type](all, c, m, now_ns);
	log_debug("connection %s sent a message", c->id);
}
