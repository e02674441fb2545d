/* SPDX-License-Identifier: MIT */
/*
 * What the client says: pieces become messages, messages are judged and answered. The clients' thread.
 *
 * A message is delivered in pieces whenever it was split by a frame, by a packet or by the size of a read, so that
 * any message may need to be put together; most come whole and are judged where they lie,
 * without a copy. UTF-8 is checked here and not by libwebsockets: doc/libwebsockets.md.
 */
#include "client/client_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/message.h"
#include "client/commands.h"

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
client_assembly_free(struct client *c)
{
	free(c->assembly);
	c->assembly = NULL;
}

static int
assemble(struct client *c, const char *data, size_t len, size_t expected)
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
within_rate(struct clients *all, struct client *c, bool binary, uint64_t now_ns)
{
	const struct conf_rate *limit = &all->conf->rate_message;

	if (bucket_take(&c->bucket, limit->rate, limit->burst, now_ns)) {
		if (c->over_limit > 0)
			c->over_limit--;
		return true;
	}
	command_refuse(all, c, METRIC_ERROR_RATE_LIMITED, "rate_limited", "too many messages",
		       (struct slice){ NULL, 0 });
	if (++c->over_limit > limit->burst || c->over_limit == UINT16_MAX)
		client_bye(all, c, binary ? CLIENT_BYE_BINARY : CLIENT_BYE_ABUSE, 0);
	return false;
}

static void
judge_text(struct clients *all, struct client *c, const char *text, size_t len, uint64_t now_ns)
{
	struct message m;

	switch (message_parse(text, len, &m)) {
	case MESSAGE_OK:
		command_run(all, c, &m, now_ns);
		break;
	case MESSAGE_BAD_UTF8:
		metrics_add(all->shard, METRIC_ERROR_INVALID_UTF8, 1);
		client_fail(all, c, 1007, "text is not UTF-8");
		break;
	case MESSAGE_INVALID_JSON:
		command_refuse(all, c, METRIC_ERROR_INVALID_JSON, "invalid_json", m.why, m.id);
		break;
	case MESSAGE_INVALID:
		command_refuse(all, c, METRIC_ERROR_INVALID_MESSAGE, "invalid_message", m.why, m.id);
		break;
	case MESSAGE_UNKNOWN_TYPE:
		command_refuse(all, c, METRIC_ERROR_UNKNOWN_TYPE, "unknown_type", m.why, m.id);
		break;
	}
}

static void
judge(struct clients *all, struct client *c, const char *data, size_t len, bool binary, uint64_t now_ns)
{
	wire_count_message(all->hub, now_ns);
	metrics_add(all->shard, METRIC_RECEIVED, 1);
	metrics_add(all->shard, METRIC_RECEIVED_BYTES, (int64_t)len);

	if (!within_rate(all, c, binary, now_ns))
		return;
	if (binary)
		command_refuse(all, c, METRIC_ERROR_UNSUPPORTED, "unsupported", "binary messages are not supported",
			       (struct slice){ NULL, 0 });
	else
		judge_text(all, c, data, len, now_ns);
}

static void
too_large(struct clients *all, struct client *c)
{
	command_refuse(all, c, METRIC_ERROR_TOO_LARGE, "too_large", "the message exceeds MAX_MESSAGE_BYTES",
		       (struct slice){ NULL, 0 });
	client_fail(all, c, 1009, "message too large");
}

/* More are to follow. True: no more are wanted. */
static bool
fragment_ended(struct clients *all, struct client *c, size_t len, uint64_t now_ns)
{
	const struct conf_rate *limit = &all->conf->rate_message;
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
	command_refuse(all, c, METRIC_ERROR_RATE_LIMITED, "rate_limited", why, (struct slice){ NULL, 0 });
	client_bye(all, c, CLIENT_BYE_ABUSE, 0);
	client_assembly_free(c);
	return true;
}

/* The pieces are together: judge the message, and see to it that the answer, with what is gathered before it, stays
 * behind any pong that is owed. */
static void
judge_assembly(struct clients *all, struct client *c, uint64_t now_ns)
{
	struct assembly *a = c->assembly;

	c->assembly = NULL;
	if (a->n_fragments > 0)
		wire_behind_pong(&c->wire);
	judge(all, c, a->data, a->len, a->binary, now_ns);
	free(a);
}

void
client_received(void *owner, struct wire *wire, const struct wire_piece *piece)
{
	struct clients *all = owner;
	struct client *c = client_of(wire);
	size_t before = c->assembly ? c->assembly->len : 0, most = all->conf->max_message_bytes;

	c->last_rx_ms = clients_now_ms(all);
	if (before + piece->len > most || piece->rest > most - before - piece->len) {
		too_large(all, c);
		return;
	}
	if (piece->first && piece->last && !c->assembly) {
		judge(all, c, piece->data, piece->len, piece->binary, piece->now_ns);
		return;
	}
	if (assemble(c, piece->data, piece->len, piece->len + piece->rest) != WSD_OK) {
		metrics_add(all->shard, METRIC_ERROR_INTERNAL, 1);
		client_fail(all, c, 1011, "out of memory");
		return;
	}
	if (piece->first)
		c->assembly->binary = piece->binary;
	if (piece->rest == 0 && !piece->last && fragment_ended(all, c, piece->len, piece->now_ns))
		return;
	if (piece->last)
		judge_assembly(all, c, piece->now_ns);
}
