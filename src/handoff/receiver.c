/* SPDX-License-Identifier: MIT */
/* The taking side of a handoff. */
#include "handoff/receiver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/tcp.h"
#include "handoff/arbiter.h"
#include "handoff/link.h"

#define RECEIVER_MAGIC 0x72656376u
#define BATCH	       64 /* messages before other clients get their turn */
#define LONG_STATE_MOST (64u << 20)
#define HELLO_MS	3000  /* nobody who says nothing keeps others away */
#define SILENCE_MS	60000 /* a sender gives up earlier */

/* What the sender is to be told. Nothing more is read while some of it waits, so that it cannot be many. */
struct answer {
	enum link_type type;
	uint32_t index;
	const void *body; /* lives as long as the receiver */
	size_t len;
};

struct receiver {
	uint32_t magic;
	struct receiver_ops ops;
	struct link_hello own, peer;
	int listen_fd, fd; /* fd -1: no link */
	uv_loop_t *loop;
	uv_poll_t listener, link;
	uv_timer_t silence;
	bool linked, greeted, complete, stopping;
	unsigned handles;
	struct arbiter arbiter;
	uint32_t taken, refused;
	struct answer answers[BATCH];
	unsigned n_answers;
	struct link_message in;
};

static void on_link(uv_poll_t *poll, int status, int events);

/* ---- the end of a link
 * ------------------------------------------------------------------------------------------------ */

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
		r->ops.ended(r->ops.arg, r->peer.instance, r->taken, r->refused, r->complete);
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
	if (r->linked && !uv_is_closing((uv_handle_t *)&r->link))
		CHECK_ZERO(uv_poll_start(&r->link, r->n_answers ? UV_WRITABLE : UV_READABLE, on_link));
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

static void
answer(struct receiver *r, enum link_type type, uint32_t index, const void *body, size_t len)
{
	CHECK(r->n_answers < BATCH); /* one at most for each message that is read */
	r->answers[r->n_answers++] = (struct answer){ .type = type, .index = index, .body = body, .len = len };
}

/* The last word: it is sent now, or never. */
static void
refuse_link(struct receiver *r, const char *why)
{
	link_send(r->fd, LINK_NO, 0, why, strlen(why), NULL, 0);
	end_link(r);
}

/* ---- messages
 * ---------------------------------------------------------------------------------------------------------
 */

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
	r->greeted = true;
	answer(r, LINK_WELCOME, 0, &r->own, sizeof(r->own));
}

/* A state that came in a memfd, in a new buffer. */
static char *
read_long_state(int fd, size_t *len)
{
	struct stat st;
	char *data;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 1 || st.st_size > (off_t)LONG_STATE_MOST)
		return NULL;
	data = malloc((size_t)st.st_size);
	if (data && pread(fd, data, (size_t)st.st_size, 0) != st.st_size) {
		free(data);
		return NULL;
	}
	*len = (size_t)st.st_size;
	return data;
}

static bool
claim(void *arg)
{
	struct receiver *r = arg;

	return arbiter_take(&r->arbiter, r->in.index);
}

/* A static text: why the offer is refused; NULL: it is not. */
static const char *
judge(struct receiver *r, const char *data, size_t len)
{
	struct link_message *m = &r->in;
	struct conn_state state;
	struct tcp_state tcp;
	int fd = m->fds[0], rc;

	if (fd == -1 || !tcp_state_of(fd, &tcp) || !tcp.connected)
		return "not a connected TCP socket";
	if (state_decode(&state, data, len) != WSD_OK)
		return "malformed state";
	m->fds[0] = -1; /* theirs now */
	rc = r->ops.arrived(r->ops.arg, fd, &state, claim, r);
	if (rc == WSD_OK)
		r->taken++;
	return rc == WSD_OK || rc == WSD_E_CLOSED ? NULL : wsd_strerror(rc);
}

static void
on_offer(struct receiver *r)
{
	struct link_message *m = &r->in;
	uint32_t index = m->index, before = r->taken;
	char *longer = NULL;
	const char *why;
	size_t len = m->len;

	if (m->fds[1] != -1) {
		longer = read_long_state(m->fds[1], &len);
		why = longer ? judge(r, longer, len) : "malformed state";
		free(longer);
	} else {
		why = judge(r, m->body, len);
	}
	if (why) {
		r->refused++;
		answer(r, LINK_REFUSED, index, why, strlen(why));
	} else if (r->taken > before) {
		answer(r, LINK_TAKEN, index, NULL, 0);
	}
}

static void
on_sessions(struct receiver *r)
{
	struct session_state session;
	size_t at = 0, used;

	while (state_decode_session(&session, r->in.body + at, r->in.len - at, &used) == WSD_OK) {
		r->ops.session(r->ops.arg, &session);
		at += used;
	}
}

static void
on_message(struct receiver *r)
{
	switch (r->in.type) {
	case LINK_HELLO:
		on_hello(r);
		break;
	case LINK_OFFER:
		on_offer(r);
		break;
	case LINK_SESSIONS:
		on_sessions(r);
		break;
	case LINK_DONE:
		r->complete = true;
		answer(r, LINK_BYE, 0, NULL, 0);
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
		if (rc == WSD_OK) {
			fd_close(&r->in.fds[0]);
			fd_close(&r->in.fds[1]);
		}
		end_link(r);
		return false;
	}
	CHECK_ZERO(uv_timer_start(&r->silence, on_silence, SILENCE_MS, 0));
	on_message(r);
	fd_close(&r->in.fds[0]);
	fd_close(&r->in.fds[1]);
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
	for (int i = 0; i < BATCH && r->n_answers < BATCH && read_one(r); i++)
		;
	send_answers(r);
	watch(r);
}

/* ---- listening
 * ---------------------------------------------------------------------------------------------------------
 */

static void
on_listener(uv_poll_t *poll, int status, int events)
{
	static const char busy[] = "another handoff is under way";
	struct receiver *r = poll->data;
	int fd = accept4(r->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	CHECK_MAGIC(r, RECEIVER_MAGIC);
	if (fd == -1)
		return;
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
	r->taken = r->refused = 0;
	r->n_answers = 0;
	r->arbiter = (struct arbiter){ .fd = -1 };
	r->handles++;
	CHECK_ZERO(uv_poll_start(&r->link, UV_READABLE, on_link));
	CHECK_ZERO(uv_timer_start(&r->silence, on_silence, HELLO_MS, 0));
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
	r->listener.data = r->silence.data = r;
	r->handles = 2;
	CHECK_ZERO(uv_poll_start(&r->listener, UV_READABLE, on_listener));
	*out = r;
	return WSD_OK;
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
	*receiver = NULL;
}
