/* SPDX-License-Identifier: MIT */
/* What the server says: the answer to the handshake, frames, messages; and what follows from it for the
 * counts. */
#include "loadtest/client_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "loadtest/scan.h"

#define HEAD_MAX     16384
#define CONTROL_HEAD 6 /* masked, payload up to 125 bytes */

size_t
client_take_reply(struct env *env, struct client *c, const uint8_t *data, size_t len)
{
	struct ws_reply reply;
	char reason[TALLY_NAME];
	uint64_t now;
	int rc = ws_reply_parse((const char *)data, len, env->accept, env->o->subprotocol, &reply);

	if (rc == -EAGAIN && len < HEAD_MAX)
		return 0;
	if (rc != WSD_OK) {
		client_failed(env, c, "no HTTP answer");
		return 0;
	}
	if (!reply.upgraded) {
		if (reply.retry_after_s >= 0)
			c->retry_after_ns = (uint64_t)reply.retry_after_s * CLOCK_NS_PER_S;
		snprintf(reason, sizeof(reason), reply.status == 101 ? "wrong handshake" : "http %d", reply.status);
		client_failed(env, c, reason);
		return 0;
	}
	now = clock_mono_ns();
	hist_add(&env->st->connect, now > c->due_ns ? now - c->due_ns : 0);
	c->state = CLIENT_OPEN;
	if (env->o->protocol == PROTOCOL_ECHO)
		client_ready(env, c);
	return reply.size;
}

void
client_put_close(struct env *env, struct client *c, unsigned code)
{
	uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	ws_control(client_put(env, c, CONTROL_HEAD + 2), FRAME_CLOSE, payload, 2, env->mask);
}

static void
protocol_error(struct env *env, struct client *c)
{
	env->st->protocol_errors++;
	client_count_errors(env, 1);
	client_put_close(env, c, 1002);
	client_flush(env, c);
	client_lost(env, c, 1002);
}

static void
check_count(struct env *env, struct client *c, uint64_t id, uint64_t count)
{
	if (count > c->count_latest)
		c->count_latest = count;
	if ((int64_t)count - (int64_t)id == c->count_offset)
		return;
	env->st->count_errors++;
	client_count_errors(env, 1);
	c->count_offset = (int64_t)count - (int64_t)id;
}

static void
count_answer(struct env *env, struct client *c, uint64_t due_ns, bool refused)
{
	struct stats *st = env->st;
	uint64_t now = clock_mono_ns(), took = now > due_ns ? now - due_ns : 0;

	if (refused) {
		st->refused++;
		c->count_offset--;
		client_count_errors(env, 1);
		return;
	}
	st->answered++;
	env->slot->answered++;
	if (env->in_window)
		st->window.answered++;
	hist_add(&st->latency, took);
	hist_add(&env->slot->latency, took);
}

static uint64_t
id_of(struct client *c, const struct scan *m)
{
	if (m->has_id)
		return m->id;
	if (m->has_count && (int64_t)m->count > c->count_offset)
		return (uint64_t)((int64_t)m->count - c->count_offset);
	return track_oldest(&c->track);
}

static void
take_answer(struct env *env, struct client *c, const struct scan *m, bool refused)
{
	struct stats *st = env->st;
	uint64_t id = id_of(c, m), due_ns = 0;
	enum track_answer kind = track_answer(&c->track, id, &due_ns);

	switch (kind) {
	case TRACK_REPEATED:
		st->repeated++;
		break;
	case TRACK_UNKNOWN:
		st->unknown++;
		break;
	case TRACK_OUT_OF_ORDER:
		st->out_of_order++;
		break;
	case TRACK_LATE:
		st->late++;
		st->lost--; /* the error that was counted for it stands for this one */
		break;
	case TRACK_IN_ORDER:
		break;
	}
	if (kind != TRACK_IN_ORDER && kind != TRACK_LATE)
		client_count_errors(env, 1);
	if (kind == TRACK_REPEATED || kind == TRACK_UNKNOWN)
		return;
	count_answer(env, c, due_ns, refused);
	if (kind == TRACK_IN_ORDER && m->has_count && !refused)
		check_count(env, c, id, m->count);
}

static void
take_error(struct env *env, struct client *c, const struct scan *m)
{
	char code[TALLY_NAME];

	snprintf(code, sizeof(code), "%.*s", (int)m->code.len, m->code.at ? m->code.at : "");
	tally_add(&env->st->refusals, code, 1);
	if (m->has_id) {
		take_answer(env, c, m, true);
		return;
	}
	env->st->server_errors++;
	client_count_errors(env, 1);
}

static void
take_established(struct env *env, struct client *c, const struct scan *m)
{
	struct stats *st = env->st;

	if (c->state != CLIENT_OPEN)
		return;
	if (c->was_ready && c->session && env->o->resume) {
		if (m->resumed)
			st->resumed++;
		else
			st->not_resumed++;
		if (m->resumed && (m->count < c->count_latest || m->count > c->count_latest + c->unanswered_at_loss)) {
			st->resume_count_errors++;
			client_count_errors(env, 1);
		}
	}
	c->count_latest = m->count;
	c->count_offset = (int64_t)m->count - ((int64_t)c->track.next - 1);
	if (env->o->resume && m->session.len > 0) {
		free(c->session);
		c->session = strndup(m->session.at, m->session.len);
	}
	client_ready(env, c);
}

/* A goodbye says how many messages the server has counted, and it comes after their answers. So those that it
 * has counted beyond what was answered are lost, as are those that a later answer has overtaken; all others
 * under way were never taken: who comes back may send them again. */
static void
take_total(struct env *env, struct client *c, uint64_t total)
{
	uint64_t unseen = total > c->count_latest ? total - c->count_latest : 0;
	uint32_t in_flight = track_in_flight(&c->track), open = track_abandon(&c->track);
	uint32_t lost = open - in_flight + (unseen < in_flight ? (uint32_t)unseen : in_flight);

	env->st->lost += lost;
	env->st->lost_at_close += lost;
	env->st->not_accepted += open - lost;
	client_count_errors(env, lost);
	if (total < c->count_latest || unseen > in_flight) {
		env->st->count_errors++;
		client_count_errors(env, 1);
	}
	c->count_latest = total; /* exactly this is what a resumed session has */
}

static void
take_goodbye(struct env *env, struct client *c, const struct scan *m)
{
	env->st->goodbyes++;
	c->goodbye = true;
	c->no_return = !m->reconnect;
	c->retry_after_ns = m->retry_after_ms * CLOCK_NS_PER_MS;
	if (m->has_total && c->state == CLIENT_READY)
		take_total(env, c, m->total);
}

static void
take_message(struct env *env, struct client *c, struct slice text)
{
	struct scan m;
	bool json = scan_message(text.at, text.len, &m);

	if (env->o->protocol == PROTOCOL_ECHO) {
		take_answer(env, c, &m, false);
		return;
	}
	if (!json) {
		env->st->protocol_errors++;
		client_count_errors(env, 1);
		return;
	}
	switch (m.type) {
	case SCAN_RESPONSE:
		take_answer(env, c, &m, false);
		break;
	case SCAN_ERROR:
		take_error(env, c, &m);
		break;
	case SCAN_ESTABLISHED:
		take_established(env, c, &m);
		break;
	case SCAN_HEARTBEAT:
		env->st->heartbeats++;
		break;
	case SCAN_GOODBYE:
		take_goodbye(env, c, &m);
		break;
	default:
		env->st->other++;
	}
}

static void
take_close(struct env *env, struct client *c, struct slice payload)
{
	unsigned code = payload.len >= 2 ? (unsigned)(uint8_t)payload.at[0] << 8 | (uint8_t)payload.at[1] : 1005;

	if (c->state == CLIENT_CLOSING) {
		/* The server closes the TCP connection first (RFC 6455, 7.1.1); wait for that a little. */
		c->close_seen = true;
		c->deadline_ns = clock_mono_ns() + CLOCK_NS_PER_S;
		return;
	}
	client_put_close(env, c, payload.len >= 2 ? code : 1000);
	client_flush(env, c);
	client_lost(env, c, code);
}

/* A data frame: whole messages are read where they lie, split ones are gathered first. */
static void
take_data(struct env *env, struct client *c, const struct ws_frame *f)
{
	bool continues = f->opcode == FRAME_CONTINUATION;

	if (continues != (c->message.data != NULL) || c->message.len + f->payload.len > CLIENT_FRAME_MAX) {
		protocol_error(env, c);
		return;
	}
	if (f->fin && !continues) {
		take_message(env, c, f->payload);
		return;
	}
	client_append(&c->message, f->payload.at, f->payload.len);
	if (f->fin) {
		struct client_buffer whole = c->message;

		c->message = (struct client_buffer){ NULL, 0, 0 };
		take_message(env, c, (struct slice){ (const char *)whole.data, whole.len });
		client_buffer_free(&whole);
	}
}

static void
take_frame(struct env *env, struct client *c, const struct ws_frame *f)
{
	switch (f->opcode) {
	case FRAME_PING:
		env->st->pings++;
		if (c->state != CLIENT_CLOSING)
			ws_control(client_put(env, c, CONTROL_HEAD + f->payload.len), FRAME_PONG, f->payload.at,
				   f->payload.len, env->mask);
		break;
	case FRAME_PONG:
		break;
	case FRAME_CLOSE:
		take_close(env, c, f->payload);
		break;
	default:
		take_data(env, c, f);
	}
}

size_t
client_take_frames(struct env *env, struct client *c, const uint8_t *data, size_t len)
{
	struct ws_frame frame;
	size_t used = 0;
	int rc;

	while ((rc = ws_parse(data + used, len - used, CLIENT_FRAME_MAX, &frame)) == WSD_OK) {
		take_frame(env, c, &frame);
		if (c->fd == -1)
			return used; /* closed by what it said */
		used += frame.size;
	}
	if (rc != -EAGAIN)
		protocol_error(env, c);
	return used;
}
