/* SPDX-License-Identifier: MIT */
/* The giving side of a handoff. */
#include "move/sender.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/le.h"
#include "base/list.h"
#include "kept/table.h"
#include "move/arbiter.h"
#include "move/link.h"
#include "loop/watch.h"

#define SENDER_MAGIC 0x73656e64u
#define WELCOME_MS   10000 /* nothing is at stake yet, but this side has stopped admitting */
#define ANSWER_MS    3000  /* for an offer: meanwhile its client is served by nobody */
#define SILENCE_MS   30000 /* when none is open; longer than the other side, or a drained client, may take */

enum sender_state { GREETING, OPEN, FINISHING, OVER };

/* A message that the link had no room for yet. */
struct waiting {
	struct list node;
	enum link_type type;
	uint32_t index;
	int fds[LINK_FDS_MOST]; /* the first is borrowed, the second ours */
	unsigned n_fds;
	size_t len;
	char body[];
};

struct sender {
	uint32_t magic;
	enum sender_state state;
	struct sender_ops ops;
	int fd;
	uv_poll_t poll;
	uv_timer_t silence;
	unsigned handles;
	struct arbiter arbiter;
	void **offers; /* by index; NULL: settled, or not made yet */
	uint32_t n_offers, most;
	uint32_t n_open; /* offers that have not been settled */
	struct list waiting;
	struct link_message in;
};

/* ---- the end --------------------------------------------------------------------------------- */

static void
on_closed(uv_handle_t *handle)
{
	struct sender *s = handle->data;

	if (--s->handles > 0)
		return;
	fd_close(&s->fd);
	arbiter_close(&s->arbiter);
	free(s->offers);
	s->magic = 0;
	free(s);
}

static void
forget_waiting(struct waiting *w)
{
	list_unlink(&w->node);
	fd_close(&w->fds[1]);
	free(w);
}

static void
over(struct sender *s, int rc, const char *why)
{
	if (s->state == OVER)
		return;
	s->state = OVER;
	list_foreach (node, &s->waiting)
		forget_waiting(LIST_ENTRY(node, struct waiting, node));
	/* What the other side has taken by now is its, and what it has not it will never get. */
	for (uint32_t i = 0; i < s->n_offers; i++) {
		void *offer = s->offers[i];

		if (!offer)
			continue;
		s->offers[i] = NULL;
		s->ops.settled(s->ops.arg, offer, arbiter_keep(&s->arbiter, i) ? SENDER_KEPT : SENDER_TAKEN);
	}
	kept_remove(s->arbiter.fd);
	uv_close((uv_handle_t *)&s->poll, on_closed);
	uv_close((uv_handle_t *)&s->silence, on_closed);
	s->ops.over(s->ops.arg, rc, why);
}

static void
on_silence(uv_timer_t *timer)
{
	over(timer->data, WSD_E_TIMEOUT, "the other instance does not answer");
}

/* From now on. */
static void
await(struct sender *s)
{
	CHECK_ZERO(uv_timer_start(&s->silence, on_silence, s->n_open > 0 ? ANSWER_MS : SILENCE_MS, 0));
}

static void
offer_closed(struct sender *s)
{
	if (--s->n_open == 0)
		await(s);
}

static void
on_deaf(uv_timer_t *timer)
{
	over(timer->data, -ENOSPC, "the link cannot be watched");
}

/* ---- sending --------------------------------------------------------------------------------- */

static void on_event(uv_poll_t *poll, int status, int events);

static void
watch(struct sender *s)
{
	int events = UV_READABLE | (list_empty(&s->waiting) ? 0 : UV_WRITABLE);

	/* not at once: whoever called has yet to finish */
	if (loop_watch(&s->poll, events, on_event) != WSD_OK)
		CHECK_ZERO(uv_timer_start(&s->silence, on_deaf, 0, 0));
}

static void
send_waiting(struct sender *s)
{
	list_foreach (node, &s->waiting) {
		struct waiting *w = LIST_ENTRY(node, struct waiting, node);
		int rc = link_send(s->fd, w->type, w->index, w->body, w->len, w->fds, w->n_fds);

		if (rc == -EAGAIN)
			break;
		if (rc != WSD_OK) {
			over(s, rc, "the link broke");
			return;
		}
		forget_waiting(w);
	}
	watch(s);
}

/* Sends, or queues behind what waits; fds[1] is taken over. */
static void
post(struct sender *s, enum link_type type, uint32_t index, const char *body, size_t len, int fd, int memfd)
{
	struct waiting *w = malloc(sizeof(*w) + len);

	if (!w) {
		fd_close(&memfd);
		over(s, -ENOMEM, "out of memory");
		return;
	}
	*w = (struct waiting){ .type = type, .index = index, .fds = { fd, memfd }, .len = len };
	w->n_fds = memfd != -1 ? 2 : fd != -1 ? 1 : 0;
	if (len)
		memcpy(w->body, body, len);
	list_append(&s->waiting, &w->node);
	if (s->waiting.next == &w->node)
		send_waiting(s);
}

static int
memfd_with(const char *data, size_t len)
{
	int fd = memfd_create("wsd-state", MFD_CLOEXEC);

	if (fd != -1 && fd_write_all(fd, data, len) != WSD_OK)
		fd_close(&fd);
	return fd;
}

/* False: it has been settled. */
static bool
may_offer(struct sender *s, void *offer)
{
	CHECK_MAGIC(s, SENDER_MAGIC);
	if (s->state == OPEN && s->n_offers < s->most) {
		if (s->n_open++ == 0)
			await(s);
		return true;
	}
	s->ops.settled(s->ops.arg, offer, SENDER_KEPT);
	return false;
}

uint32_t
sender_next_word(const struct sender *s)
{
	return s->n_offers;
}

void
sender_offer(struct sender *s, void *offer, int fd, const char *state, size_t len)
{
	int memfd = -1;

	if (!may_offer(s, offer))
		return;
	if (len > LINK_BODY_MOST) {
		memfd = memfd_with(state, len);
		if (memfd == -1) {
			offer_closed(s);
			s->ops.settled(s->ops.arg, offer, SENDER_REFUSED);
			return;
		}
		len = 0;
	}
	s->offers[s->n_offers++] = offer;
	post(s, LINK_OFFER, s->n_offers - 1, state, len, fd, memfd);
}

void
sender_offer_session(struct sender *s, void *offer, const char *session, size_t len)
{
	if (!may_offer(s, offer))
		return;
	s->offers[s->n_offers++] = offer;
	post(s, LINK_SESSION, s->n_offers - 1, session, len, -1, -1);
}

void
sender_sessions(struct sender *s, const char *sessions, size_t len)
{
	while (len > 0 && s->state == OPEN) {
		size_t piece = 0;

		/* whole sessions only: each starts with its length */
		while (piece < len) {
			size_t size = (size_t)le_get(sessions + piece, 4);

			if (piece + 4 + size > LINK_BODY_MOST)
				break;
			piece += 4 + size;
		}
		post(s, LINK_SESSIONS, 0, sessions, piece, -1, -1);
		sessions += piece;
		len -= piece;
	}
}

void
sender_finish(struct sender *s)
{
	if (s->state != OPEN)
		return;
	s->state = FINISHING;
	post(s, LINK_DONE, 0, NULL, 0, -1, -1);
}

void
sender_abort(struct sender *s, const char *why)
{
	over(s, WSD_E_CLOSED, why);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void
settle(struct sender *s, uint32_t index, enum sender_fate fate)
{
	void *offer = index < s->n_offers ? s->offers[index] : NULL;

	if (!offer)
		return; /* settled already, or never made: nothing of ours is touched */
	s->offers[index] = NULL;
	offer_closed(s);
	/* a refusal must not be believed of one that was taken */
	if (fate == SENDER_REFUSED && !arbiter_keep(&s->arbiter, index))
		fate = SENDER_TAKEN;
	s->ops.settled(s->ops.arg, offer, fate);
}

static void
on_message(struct sender *s)
{
	struct link_message *m = &s->in;
	struct link_hello hello;

	switch (m->type) {
	case LINK_WELCOME:
		if (s->state != GREETING || link_hello_check(m, &hello) != WSD_OK) {
			over(s, WSD_E_UNSUPPORTED, "the other instance speaks another version");
			return;
		}
		s->state = OPEN;
		s->ops.opened(s->ops.arg, link_version(&hello));
		break;
	case LINK_NO:
		over(s, WSD_E_BUSY, m->body);
		break;
	case LINK_TAKEN:
		settle(s, m->index, SENDER_TAKEN);
		break;
	case LINK_REFUSED:
		settle(s, m->index, SENDER_REFUSED);
		break;
	case LINK_BYE:
		over(s, s->state == FINISHING ? WSD_OK : WSD_E_MALFORMED, "");
		break;
	default:
		over(s, WSD_E_MALFORMED, "the other instance sent nonsense");
		break;
	}
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
	struct sender *s = poll->data;

	CHECK_MAGIC(s, SENDER_MAGIC);
	for (int i = 0; i < 512 && s->state != OVER; i++) {
		int rc = link_receive(s->fd, &s->in);

		if (rc == -EAGAIN)
			break;
		if (rc != WSD_OK) {
			over(s, rc, "the link broke");
			return;
		}
		link_close_fds(&s->in); /* a receiver has none to send */
		await(s);
		on_message(s);
	}
	if (s->state != OVER)
		send_waiting(s);
}

/* ---- the beginning --------------------------------------------------------------------------- */

int
sender_start(struct sender **out, uv_loop_t *loop, const char *path, const char *instance, const char *software,
	     uint32_t most, const struct sender_ops *ops)
{
	struct sender *s = calloc(1, sizeof(*s));
	struct link_hello hello;
	int rc = -ENOMEM;

	*out = NULL;
	if (!s)
		return rc;
	s->magic = SENDER_MAGIC;
	s->ops = *ops;
	s->arbiter.fd = s->fd = -1;
	s->most = most;
	list_init(&s->waiting);
	s->offers = calloc(most ? most : 1, sizeof(*s->offers));
	if (!s->offers)
		goto fail;
	rc = arbiter_create(&s->arbiter, most);
	if (rc != WSD_OK)
		goto fail;
	rc = link_connect(path);
	if (rc < 0)
		goto fail;
	s->fd = rc;
	link_hello_fill(&hello, instance, software);
	rc = link_send(s->fd, LINK_HELLO, 0, &hello, sizeof(hello), &s->arbiter.fd, 1);
	if (rc != WSD_OK && rc != -EPIPE) /* it may have said no and gone already: what it said is still to be read */
		goto fail;
	rc = uv_poll_init(loop, &s->poll, s->fd);
	if (rc != 0)
		goto fail;
	CHECK_ZERO(uv_timer_init(loop, &s->silence));
	s->handles = 2;
	s->poll.data = s->silence.data = s;
	CHECK_ZERO(uv_timer_start(&s->silence, on_silence, WELCOME_MS, 0));
	kept_add(s->arbiter.fd, KEPT_ARBITER);
	watch(s);
	*out = s;
	return WSD_OK;
fail:
	arbiter_close(&s->arbiter);
	fd_close(&s->fd);
	free(s->offers);
	free(s);
	return rc;
}
