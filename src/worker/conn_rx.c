/* SPDX-License-Identifier: MIT */
/*
 * What the client says: pieces become messages, messages are judged and answered. Worker's thread.
 *
 * libwebsockets delivers a message in pieces whenever it was split by a frame, by a packet or by its own read
 * size, so that any message may need to be put together; most come whole and are judged where they lie,
 * without a copy. UTF-8 is checked here and not by libwebsockets, whose check lets a message pass that ends
 * in half a character followed by an empty final fragment.
 */
#include "worker/worker_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tcp.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "proto/frame.h"
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
	cork_count(w, now_ns);
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
		c->by_queue = true;
	judge(w, c, a->data, a->len, a->binary, now_ns);
	free(a);
}

/* Counts the bytes of the stream, as far as libwebsockets shows them. */
static void
count_read(struct conn *c, size_t len, size_t rest)
{
	size_t frame = len + rest;

	if (!c->inside_frame)
		len += frame < 126 ? FRAME_MASKED_HEADER : frame < 65536 ? 8 : 14;
	c->rx_bytes += len;
	c->inside_frame = rest > 0;
}

/*
 * libwebsockets takes frames without a mask and does not tell (RFC 6455, 5.1 has us close). But they are four
 * bytes shorter than we count them, so that more has been delivered than the kernel gave out: no masked frame
 * can do that, as what is read but not delivered yet, and pings, which are not shown to us, only add to the
 * kernel's side. A client masks all frames or none; once a frame ends exactly where the kernel's count does,
 * there is no reason to look again.
 */
static bool
masks(struct conn *c)
{
	struct tcp_state tcp;

	c->mask_looks++;
	if (!tcp_state_of(lws_get_socket_fd(c->wsi), &tcp) || tcp.consumed == c->rx_bytes)
		c->mask_looks = CONN_MASK_LOOKS;
	else
		return tcp.consumed > c->rx_bytes;
	return true;
}

bool
conn_check_mask(struct worker *w, struct conn *c, bool again)
{
	if (c->phase != CONN_OPEN || c->mask_looks == CONN_MASK_UNKNOWN)
		return true;
	if ((c->mask_looks >= CONN_MASK_LOOKS && !again) || masks(c))
		return true;
	metrics_add(w->shard, METRIC_ERROR_PROTOCOL, 1);
	conn_fail(w, c, 1002, "a frame without a mask");
	return false;
}

void
conn_received(struct worker *w, struct conn *c, const char *data, size_t len)
{
	bool first = lws_is_first_fragment(c->wsi), last = lws_is_final_fragment(c->wsi);
	size_t rest = lws_remaining_packet_payload(c->wsi);
	size_t before = c->assembly ? c->assembly->len : 0;
	uint64_t now_ns;

	c->last_rx_ms = worker_now_ms(w);
	if (c->phase != CONN_OPEN)
		return;
	now_ns = clock_mono_ns();
	cork_enter(w, c, now_ns);
	count_read(c, len, rest);
	if (c->mask_looks < CONN_MASK_LOOKS / 2 && !conn_check_mask(w, c, false))
		return;
	if (c->exporting)
		export_look_later(w, c);
	if (before + len > w->conf->max_message_bytes || rest > w->conf->max_message_bytes - before - len) {
		too_large(w, c);
		return;
	}
	if (first && last && !c->assembly) {
		judge(w, c, data, len, lws_frame_is_binary(c->wsi), now_ns);
		return;
	}
	if (assemble(c, data, len, len + rest) != WSD_OK) {
		metrics_add(w->shard, METRIC_ERROR_INTERNAL, 1);
		conn_fail(w, c, 1011, "out of memory");
		return;
	}
	if (first)
		c->assembly->binary = lws_frame_is_binary(c->wsi);
	if (rest == 0 && !last && fragment_ended(w, c, len, now_ns))
		return;
	if (last)
		judge_assembly(w, c, now_ns);
}
