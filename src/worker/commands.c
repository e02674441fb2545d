/* SPDX-License-Identifier: MIT */
/* What each type of message does. */
#include "worker/commands.h"

#include "auth/auth.h"
#include "conf/conf.h"
#include "log/log.h"
#include "proto/message.h"
#include "proto/reply.h"
#include "worker/worker_priv.h"

void
command_refuse(struct worker *w, struct conn *c, enum metric counter, const char *code, const char *why,
	       struct slice id)
{
	char *out = conn_text(w, c);

	metrics_add(w->shard, counter, 1);
	if (out)
		conn_text_end(w, reply_error(out, code, why, worker_stamp(w, 0), id));
}

static void
on_message(struct worker *w, struct conn *c, const struct message *m, uint64_t now_ns)
{
	char *out;

	c->count++;
	metrics_add(w->shard, METRIC_MESSAGES, 1);
	out = conn_text(w, c);
	if (out)
		conn_text_end(w, reply_response(out, c->count, worker_stamp(w, now_ns), m->id));
}

static void
on_ping(struct worker *w, struct conn *c, const struct message *m, uint64_t now_ns)
{
	char *out = conn_text(w, c);

	if (out)
		conn_text_end(w, reply_pong(out, m->id, worker_stamp(w, now_ns), w->conf->instance));
}

static void
on_disconnect(struct worker *w, struct conn *c, const struct message *m, uint64_t now_ns)
{
	conn_bye(w, c, WORKER_BYE_DISCONNECT, 0);
}

/* A client that stays longer than its token: from now on the new one's end holds. Takes as long as a signature does,
 * and RATE_LIMIT_MESSAGE bounds how often. */
static void
on_auth(struct worker *w, struct conn *c, const struct message *m, uint64_t now_ns)
{
	uint64_t real_ms = worker_now_ms(w) + w->real_offset_ms;
	struct slice token = { m->token.at + 1, m->token.len - 2 };
	struct auth_claims claims;
	char *out;

	if (!w->auth) {
		command_refuse(w, c, METRIC_ERROR_UNSUPPORTED, "unsupported", "no token is needed here", m->id);
		return;
	}
	if (auth_check(w->auth, token, c->id, real_ms, &claims) != AUTH_GOOD) {
		command_refuse(w, c, METRIC_ERROR_INVALID_TOKEN, "invalid_token", "the token is not accepted", m->id);
		return;
	}
	conn_set_expiry(c, claims.expires_real_ms);
	c->warned = false;
	conn_rearm(w, c);
	out = conn_text(w, c);
	if (out)
		conn_text_end(w, reply_auth(out, claims.expires_real_ms - real_ms, worker_stamp(w, 0), m->id));
}

typedef void (*command_cb)(struct worker *w, struct conn *c, const struct message *m, uint64_t now_ns);

static const command_cb commands[MESSAGE_TYPES] = {
#define MESSAGE_MEMBER(name, kind)
#define MESSAGE_TYPE(type, text, needs, act) [MESSAGE_##type] = act,
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
};

void
command_run(struct worker *w, struct conn *c, const struct message *m, uint64_t now_ns)
{
	commands[m->type](w, c, m, now_ns);
	log_debug("connection %s sent a message", c->id);
}
