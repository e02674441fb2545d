/* SPDX-License-Identifier: MIT */
/* The taking side of a handoff: the link. */
#include "move/receiver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "kept/table.h"
#include "move/receiver_priv.h"
#include "loop/watch.h"

#define HELLO_MS   3000  /* nobody who says nothing keeps others away */
#define SILENCE_MS 60000 /* a sender gives up earlier */
#define REST_MS    100   /* until a connection that could not be accepted is tried again */

static void on_link(uv_poll_t *poll, int status, int events);

/* ---- the end of a link ----------------------------------------------------------------------- */

static void
maybe_free(struct receiver *r)
{
	if (!r->stopping || r->handles > 0)
		return;
	fd_close(&r->listen_fd);
	r->magic = 0;
	free(r);
}

static void
on_link_closed(uv_handle_t *handle)
{
	struct receiver *r = handle->data;

	fd_close(&r->fd);
	kept_remove(r->arbiter.fd);
	arbiter_close(&r->arbiter);
	r->linked = false;
	r->handles--;
	maybe_free(r);
}

static void
end_link(struct receiver *r)
{
	if (!r->linked || uv_is_closing((uv_handle_t *)&r->link))
		return;
	if (r->greeted)
		r->ops.ended(r->ops.arg, r->peer.instance, r->taken, r->sessions, r->refused, r->complete);
	uv_timer_stop(&r->silence);
	uv_close((uv_handle_t *)&r->link, on_link_closed);
}

static void
on_silence(uv_timer_t *timer)
{
	struct receiver *r = timer->data;

	CHECK_MAGIC(r, RECEIVER_MAGIC);
	end_link(r);
}

static void
watch(struct receiver *r)
{
	if (r->linked && !uv_is_closing((uv_handle_t *)&r->link) &&
	    loop_watch(&r->link, r->n_answers ? UV_WRITABLE : UV_READABLE, on_link) != WSD_OK)
		end_link(r);
}

static void
send_answers(struct receiver *r)
{
	unsigned sent = 0;
	int rc = WSD_OK;

	while (sent < r->n_answers && rc == WSD_OK) {
		const struct answer *a = &r->answers[sent];

		rc = link_send(r->fd, a->type, a->index, a->body, a->len, NULL, 0);
		if (rc == WSD_OK)
			sent++;
	}
	r->n_answers -= sent;
	memmove(r->answers, r->answers + sent, r->n_answers * sizeof(r->answers[0]));
	if (rc != WSD_OK && rc != -EAGAIN)
		end_link(r);
}

void
receiver_answer(struct receiver *r, enum link_type type, uint32_t index, const void *body, size_t len)
{
	CHECK(r->n_answers < RECEIVER_BATCH); /* one at most for each message that is read */
	r->answers[r->n_answers++] = (struct answer){ .type = type, .index = index, .body = body, .len = len };
}

/* The last word: it is sent now, or never. */
static void
refuse_link(struct receiver *r, const char *why)
{
	link_send(r->fd, LINK_NO, 0, why, strlen(why), NULL, 0);
	end_link(r);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void
on_hello(struct receiver *r)
{
	struct link_message *m = &r->in;

	if (link_hello_check(m, &r->peer) != WSD_OK) {
		refuse_link(r, "no version of the handoff in common");
		return;
	}
	if (m->fds[0] == -1 || arbiter_open(&r->arbiter, m->fds[0]) != WSD_OK) {
		m->fds[0] = -1;
		refuse_link(r, "the arbiter is not one");
		return;
	}
	m->fds[0] = -1; /* the arbiter's now */
	kept_add(r->arbiter.fd, KEPT_ARBITER_THEIRS);
	r->greeted = true;
	receiver_answer(r, LINK_WELCOME, 0, &r->own, sizeof(r->own));
}

static void
on_message(struct receiver *r)
{
	switch (r->in.type) {
	case LINK_HELLO:
		on_hello(r);
		break;
	case LINK_OFFER:
		receiver_on_offer(r);
		break;
	case LINK_SESSIONS:
		receiver_on_sessions(r);
		break;
	case LINK_SESSION:
		receiver_on_session(r);
		break;
	case LINK_DONE:
		r->complete = true;
		receiver_answer(r, LINK_BYE, 0, NULL, 0);
		break;
	default:
		end_link(r);
		break;
	}
}

/* False: nothing more to read for now. */
static bool
read_one(struct receiver *r)
{
	int rc;

	if (uv_is_closing((uv_handle_t *)&r->link))
		return false;
	rc = link_receive(r->fd, &r->in);
	if (rc == -EAGAIN)
		return false;
	if (rc != WSD_OK || (r->in.type == LINK_HELLO) == r->greeted) {
		if (rc == WSD_OK)
			link_close_fds(&r->in);
		end_link(r);
		return false;
	}
	CHECK_ZERO(uv_timer_start(&r->silence, on_silence, SILENCE_MS, 0));
	on_message(r);
	link_close_fds(&r->in);
	return true;
}

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct receiver *r = poll->data;

	CHECK_MAGIC(r, RECEIVER_MAGIC);
	send_answers(r);
	if (r->n_answers > 0)
		return;
	for (int i = 0; i < RECEIVER_BATCH && r->n_answers < RECEIVER_BATCH && read_one(r); i++)
		;
	send_answers(r);
	watch(r);
}

/* ---- listening ------------------------------------------------------------------------------- */

static void on_listener(uv_poll_t *poll, int status, int events);
static void rest(struct receiver *r);

static void
on_rested(uv_timer_t *timer)
{
	struct receiver *r = timer->data;

	CHECK_MAGIC(r, RECEIVER_MAGIC);
	if (loop_watch(&r->listener, UV_READABLE, on_listener) != WSD_OK)
		rest(r);
}

/* Who waits to be accepted is there until it works, and the loop would do nothing but try. */
static void
rest(struct receiver *r)
{
	CHECK_ZERO(uv_poll_stop(&r->listener));
	CHECK_ZERO(uv_timer_start(&r->rest, on_rested, REST_MS, 0));
}

static void
on_listener(uv_poll_t *poll, int status, int events)
{
	static const char busy[] = "another handoff is under way";
	struct receiver *r = poll->data;
	int fd = accept4(r->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	CHECK_MAGIC(r, RECEIVER_MAGIC);
	if (fd == -1) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			rest(r);
		return;
	}
	if (r->linked || r->stopping) {
		link_send(fd, LINK_NO, 0, busy, sizeof(busy) - 1, NULL, 0);
		fd_close(&fd);
		return;
	}
	if (uv_poll_init(r->loop, &r->link, fd) != 0) {
		fd_close(&fd);
		return;
	}
	r->fd = fd;
	r->link.data = r;
	r->linked = true;
	r->greeted = r->complete = false;
	r->taken = r->sessions = r->refused = 0;
	r->n_answers = 0;
	r->arbiter = (struct arbiter){ .fd = -1 };
	r->handles++;
	CHECK_ZERO(uv_timer_start(&r->silence, on_silence, HELLO_MS, 0));
	watch(r);
}

static void
on_closed(uv_handle_t *handle)
{
	struct receiver *r = handle->data;

	r->handles--;
	maybe_free(r);
}

int
receiver_start(struct receiver **out, uv_loop_t *loop, int fd, const char *instance, const char *software,
	       const struct receiver_ops *ops)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r) {
		fd_close(&fd);
		return -ENOMEM;
	}
	r->magic = RECEIVER_MAGIC;
	r->ops = *ops;
	r->loop = loop;
	r->listen_fd = fd;
	r->fd = -1;
	r->arbiter.fd = -1;
	link_hello_fill(&r->own, instance, software);
	rc = uv_poll_init(loop, &r->listener, fd);
	if (rc != 0) {
		fd_close(&r->listen_fd);
		free(r);
		return rc;
	}
	CHECK_ZERO(uv_timer_init(loop, &r->silence));
	CHECK_ZERO(uv_timer_init(loop, &r->rest));
	r->listener.data = r->silence.data = r->rest.data = r;
	r->handles = 3;
	rc = loop_watch(&r->listener, UV_READABLE, on_listener);
	if (rc != WSD_OK)
		receiver_stop(&r);
	*out = r;
	return rc;
}

void
receiver_stop(struct receiver **receiver)
{
	struct receiver *r = *receiver;

	if (!r)
		return;
	CHECK_MAGIC(r, RECEIVER_MAGIC);
	r->stopping = true;
	end_link(r);
	uv_close((uv_handle_t *)&r->listener, on_closed);
	uv_close((uv_handle_t *)&r->silence, on_closed);
	uv_close((uv_handle_t *)&r->rest, on_closed);
	*receiver = NULL;
}
