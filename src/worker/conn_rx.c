/* SPDX-License-Identifier: MIT */
/*
 * What the client says: pieces become messages, messages are judged and answered. Worker's thread.
 *
 * A message is delivered in pieces whenever it was split by a frame, by a packet or by the size of a read, so that
 * any message may need to be put together; most come whole and are judged where they lie,
 * without a copy. UTF-8 is checked here and not by libwebsockets: doc/libwebsockets.md.
 */
#include "worker/worker_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/message.h"
#include "worker/commands.h"

/* A message that came in pieces. */
struct assembly {
	size_t len, room;
	uint32_t n_fragments; /* by the client, into frames; control frames may have come in between */
	uint32_t n_empty;     /* of them: those that brought nothing */
	bool binary;
	char data[];
};

#define ASSEMBLY_MIN 512

/* Fragments without a byte cost us as much as others, and a message made of them never meets a limit of size,
 * nor, never ending, one of rate. */
#define EMPTY_FRAGMENTS_MOST 1000

/* So many count as one message: one of 64 KiB in frames of a byte costs as much as thousands of short ones. */
#define FRAGMENTS_A_MESSAGE 1000

void
conn_assembly_free(struct conn *c)
{
	free(c->assembly);
	c->assembly = NULL;
}

static int
assemble(struct conn *c, const char *data, size_t len, size_t expected)
{
	struct assembly *a = c->assembly;
	size_t need = (a ? a->len : 0) + len;

	if (!a || a->room < need) {
		size_t room = a ? a->room * 2 : ASSEMBLY_MIN;

		/* A frame's length is known from its first piece, but only what has come is worth memory:
		 * double, at most. */
		while (room < need)
			room *= 2;
		if (!a && expected < room && expected >= need && expected > 0)
			room = expected;
		a = realloc(a, sizeof(*a) + room);
		if (!a)
			return -ENOMEM;
		if (!c->assembly)
			*a = (struct assembly){ .len = 0 };
		a->room = room;
		c->assembly = a;
	}
	memcpy(a->data + a->len, data, len);
	a->len += len;
	return WSD_OK;
}

/* True if the message may be looked at; else it has been refused. One that keeps on is closed. */
static bool
within_rate(struct worker *w, struct conn *c, uint64_t now_ns)
{
	const struct conf_rate *limit = &w->conf->rate_message;

	if (bucket_take(&c->bucket, limit->rate, limit->burst, now_ns)) {
		if (c->over_limit > 0)
			c->over_limit--;
		return true;
	}
	command_refuse(w, c, METRIC_ERROR_RATE_LIMITED, "rate_limited", "too many messages", (struct slice){ NULL, 0 });
	if (++c->over_limit > limit->burst || c->over_limit == UINT16_MAX)
		conn_bye(w, c, WORKER_BYE_ABUSE, 0);
	return false;
}

static void
judge_text(struct worker *w, struct conn *c, const char *text, size_t len, uint64_t now_ns)
{
	struct message m;

	switch (message_parse(text, len, &m)) {
	case MESSAGE_OK:
		command_run(w, c, &m, now_ns);
		break;
	case MESSAGE_BAD_UTF8:
		metrics_add(w->shard, METRIC_ERROR_INVALID_UTF8, 1);
		conn_fail(w, c, 1007, "text is not UTF-8");
		break;
	case MESSAGE_INVALID_JSON:
		command_refuse(w, c, METRIC_ERROR_INVALID_JSON, "invalid_json", m.why, m.id);
		break;
	case MESSAGE_INVALID:
		command_refuse(w, c, METRIC_ERROR_INVALID_MESSAGE, "invalid_message", m.why, m.id);
		break;
	case MESSAGE_UNKNOWN_TYPE:
		command_refuse(w, c, METRIC_ERROR_UNKNOWN_TYPE, "unknown_type", m.why, m.id);
		break;
	}
}

static void
judge(struct worker *w, struct conn *c, const char *data, size_t len, bool binary, uint64_t now_ns)
{
	wire_count_message(w->hub, now_ns);
	metrics_add(w->shard, METRIC_RECEIVED, 1);
	metrics_add(w->shard, METRIC_RECEIVED_BYTES, (int64_t)len);

	c->binary = binary;
	if (!within_rate(w, c, now_ns))
		return;
	if (binary)
		command_refuse(w, c, METRIC_ERROR_UNSUPPORTED, "unsupported", "binary messages are not supported",
			       (struct slice){ NULL, 0 });
	else
		judge_text(w, c, data, len, now_ns);
}

static void
too_large(struct worker *w, struct conn *c)
{
	command_refuse(w, c, METRIC_ERROR_TOO_LARGE, "too_large", "the message exceeds MAX_MESSAGE_BYTES",
		       (struct slice){ NULL, 0 });
	conn_fail(w, c, 1009, "message too large");
}

/* More are to follow. True: no more are wanted. */
static bool
fragment_ended(struct worker *w, struct conn *c, size_t len, uint64_t now_ns)
{
	const struct conf_rate *limit = &w->conf->rate_message;
	struct assembly *a = c->assembly;
	const char *why;

	a->n_fragments++;
	if (len == 0 && ++a->n_empty > EMPTY_FRAGMENTS_MOST)
		why = "too many empty fragments";
	else if (a->n_fragments % FRAGMENTS_A_MESSAGE == 0 &&
		 !bucket_take(&c->bucket, limit->rate, limit->burst, now_ns))
		why = "too many fragments";
	else
		return false;
	command_refuse(w, c, METRIC_ERROR_RATE_LIMITED, "rate_limited", why, (struct slice){ NULL, 0 });
	conn_bye(w, c, WORKER_BYE_ABUSE, 0);
	conn_assembly_free(c);
	return true;
}

/* The pieces are together: judge the message, and see to it that the answer, with what is gathered before it, stays
 * behind any pong that is owed. */
static void
judge_assembly(struct worker *w, struct conn *c, uint64_t now_ns)
{
	struct assembly *a = c->assembly;

	c->assembly = NULL;
	if (a->n_fragments > 0)
		wire_behind_pong(&c->wire);
	judge(w, c, a->data, a->len, a->binary, now_ns);
	free(a);
}

void
conn_received(void *worker, struct wire *wire, const struct wire_piece *piece)
{
	struct worker *w = worker;
	struct conn *c = conn_of(wire);
	size_t before = c->assembly ? c->assembly->len : 0, most = w->conf->max_message_bytes;

	c->last_rx_ms = worker_now_ms(w);
	if (before + piece->len > most || piece->rest > most - before - piece->len) {
		too_large(w, c);
		return;
	}
	if (piece->first && piece->last && !c->assembly) {
		judge(w, c, piece->data, piece->len, piece->binary, piece->now_ns);
		return;
	}
	if (assemble(c, piece->data, piece->len, piece->len + piece->rest) != WSD_OK) {
		metrics_add(w->shard, METRIC_ERROR_INTERNAL, 1);
		conn_fail(w, c, 1011, "out of memory");
		return;
	}
	if (piece->first)
		c->assembly->binary = piece->binary;
	if (piece->rest == 0 && !piece->last && fragment_ended(w, c, piece->len, piece->now_ns))
		return;
	if (piece->last)
		judge_assembly(w, c, piece->now_ns);
}
