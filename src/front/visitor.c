/* SPDX-License-Identifier: MIT */
/*
 * A connection from accept to whoever gets it. The request is only peeked at, so that its reader finds it in
 * the socket; while half of it is missing, SO_RCVLOWAT keeps the loop from being told again and again of the
 * half that is there. Where the kernel tells of it all the same, the front desk's clock looks instead. Main thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "front/front_priv.h"
#include "kept/table.h"
#include "loop/watch.h"

#define REQUEST_MS    10000 /* for the whole head: slow and dripping clients end here (408) */
#define EVICT_MS      1000  /* what a visitor may take when others wait for its place */
#define LINGER_MS     2000
#define LINGER_BYTES  65536
#define RETRY_PLACE_S 1

static void
want_at_least(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/* What the metrics of handshakes say is of the public port alone. */
static void
count(struct visitor *v, enum metric counter)
{
	if (!v->lobby->admin)
		metrics_add(v->front->shard, counter, 1);
}

static void
set_full(struct front *f, struct lobby *lobby, bool full)
{
	if (lobby->full == full)
		return;
	lobby->full = full;
	acceptor_update(f);
}

static void
enter(struct visitor *v)
{
	struct lobby *lobby = v->lobby;

	list_append(&lobby->visitors, &v->node);
	lobby->n_visitors++;
	metrics_set(v->front->shard, METRIC_PENDING, v->front->public.n_visitors);
	if (lobby->n_visitors >= lobby->most) {
		set_full(v->front, lobby, true);
		visitor_evict_oldest(v->front, lobby);
	}
}

static void
free_visitor(struct visitor *v)
{
	struct front *f = v->front;
	struct lobby *lobby = v->lobby;

	lobby->n_visitors--;
	metrics_set(f->shard, METRIC_PENDING, f->public.n_visitors);
	v->magic = 0;
	free(v);
	if (lobby->n_visitors < lobby->most)
		set_full(f, lobby, false);
}

static void
on_closed(uv_handle_t *handle)
{
	struct visitor *v = handle->data;
	struct front *f = v->front;

	fd_close(&v->fd);
	free_visitor(v);
	front_handle_closed(f);
}

void
visitor_done(struct visitor *v)
{
	CHECK_MAGIC(v, VISITOR_MAGIC);
	if (v->state == VISITOR_CLOSING)
		return;
	v->state = VISITOR_CLOSING;
	kept_remove(v->fd);
	list_unlink(&v->node);
	wheel_clear(&v->timer);
	if (v->session)
		admission_given_up(v);
	free(v->guest);
	v->guest = NULL;
	if (v->polled) {
		visitor_unpoll(v);
	} else {
		fd_close(&v->fd);
		free_visitor(v);
	}
}

void
visitor_unpoll(struct visitor *v)
{
	if (!v->polled || v->unpolled)
		return;
	v->unpolled = true;
	uv_close((uv_handle_t *)&v->poll, on_closed);
}

/* For whoever gets it next. */
static int
release_fd(struct visitor *v)
{
	int fd = v->fd;

	kept_remove(fd);
	visitor_unpoll(v);
	v->fd = -1;
	return fd;
}

static void
refuse_unread(struct visitor *v, int status, const char *code, const char *why, unsigned retry_after_s)
{
	struct request none = { .kind = REQUEST_REFUSED };

	answer_refuse(v, &none, status, code, why, retry_after_s);
}

static const char *
refusal_code(int status)
{
	switch (status) {
	case 404:
		return "not_found";
	case 405:
		return "method_not_allowed";
	case 413:
		return "too_large";
	case 426:
		return "upgrade_required";
	case 431:
		return "headers_too_large";
	case 501:
	case 505:
		return "not_supported";
	default:
		return "bad_request";
	}
}

static void
refuse_bad(struct visitor *v, const struct request *r)
{
	count(v, METRIC_REFUSED_BAD_REQUEST);
	answer_refuse(v, r, r->status, refusal_code(r->status), r->why, 0);
}

/* There is no WebSocket on the admin side, and so none whose handshake could be done better. */
static bool
lacks_endpoint(const struct visitor *v, const struct request *r)
{
	if (!v->lobby->admin)
		return false;
	return r->kind == REQUEST_WEBSOCKET || r->status == 405 || r->status == 426;
}

static void
refuse_place(struct visitor *v, const struct request *r, int why)
{
	static const enum metric counters[2][2] = {
		{ METRIC_HTTP_PUBLIC_FULL, METRIC_HTTP_PUBLIC_CLIENT },
		{ METRIC_HTTP_ADMIN_FULL, METRIC_HTTP_ADMIN_CLIENT },
	};
	bool of_client = why == WSD_E_BUSY;

	metrics_add(v->front->shard, counters[v->lobby->admin][of_client], 1);
	answer_refuse(v, r, of_client ? 429 : 503, "too_many_connections",
		      of_client ? "too many connections from this address" : "the server is full", RETRY_PLACE_S);
}

static void
give_to_http(struct visitor *v, const struct request *r)
{
	struct front *f = v->front;
	int rc = f->ops->reserve(f->ops->arg, v->lobby->admin, &v->peer.sa, v->peer_len);

	want_at_least(v->fd, 1);
	if (rc != WSD_OK) {
		refuse_place(v, r, rc);
		return;
	}
	f->ops->plain(f->ops->arg, v->lobby->admin, release_fd(v), &v->peer.sa, v->peer_len);
	visitor_done(v);
}

/* The head is in the front desk's buffer now and nowhere else. */
static bool
consume(struct visitor *v, size_t len)
{
	ssize_t n = recv(v->fd, v->front->head, len, MSG_DONTWAIT);

	return n >= 0 && (size_t)n == len;
}

static void on_event(uv_poll_t *poll, int status, int events);

static void
poll_for(struct visitor *v, int events)
{
	if (!v->polled) {
		if (uv_poll_init(v->front->loop, &v->poll, v->fd) != 0) {
			visitor_done(v);
			return;
		}
		v->poll.data = v;
		v->polled = true;
		v->front->open_handles++;
	}
	if (loop_watch(&v->poll, events, on_event) != WSD_OK)
		visitor_done(v);
}

/* Watched for more than it has, a socket would keep the loop busy if it is readable whatever SO_RCVLOWAT says: a
 * unix-domain one, and any that the kernel has no room for, which shows when nothing new is there. */
static void
wait_for_more(struct visitor *v, int have, int events)
{
	bool told_for_nothing = have <= v->seen && (v->resting || (events & UV_READABLE));
	int wanted = UV_DISCONNECT | UV_PRIORITIZED;

	v->resting = told_for_nothing || (have > 0 && v->peer.sa.sa_family == AF_UNIX);
	v->seen = have;
	want_at_least(v->fd, have + 1);
	poll_for(v, v->resting ? wanted : wanted | UV_READABLE);
}

/* events: as the loop told them. UV_DISCONNECT: the client will send nothing more. UV_PRIORITIZED: there is urgent
 * data, at which peeking stops for good. */
static void
look(struct visitor *v, int events)
{
	static const struct request urgent = { .kind = REQUEST_REFUSED,
					       .status = 400,
					       .why = "urgent data (MSG_OOB) in the request head" };
	struct front *f = v->front;
	struct request r;
	ssize_t n;

	if (f->mode == FRONT_PARKING && !v->lobby->admin) { /* the next process will hear it */
		if (v->polled)
			CHECK_ZERO(uv_poll_stop(&v->poll));
		return;
	}
	n = recv(v->fd, f->head, REQUEST_HEAD_MAX, MSG_PEEK | MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		visitor_done(v);
		return;
	}
	if (n < 0) {
		wait_for_more(v, 0, events);
		return;
	}
	request_judge(&r, f->head, (size_t)n);
	if (lacks_endpoint(v, &r)) {
		answer_refuse(v, &r, 404, refusal_code(404), "no such WebSocket endpoint", 0);
		return;
	}
	switch (r.kind) {
	case REQUEST_PARTIAL:
		if (events & UV_PRIORITIZED)
			refuse_bad(v, &urgent);
		else if (events & UV_DISCONNECT)
			visitor_done(v);
		else
			wait_for_more(v, (int)n, events);
		break;
	case REQUEST_HTTP:
		give_to_http(v, &r);
		break;
	case REQUEST_REFUSED:
		refuse_bad(v, &r);
		break;
	case REQUEST_WEBSOCKET:
		want_at_least(v->fd, 1);
		kept_remove(v->fd); /* from here on it is heard, and nobody else could */
		if (!consume(v, r.head_len)) {
			visitor_done(v);
			return;
		}
		admission_decide(v, &r);
		break;
	}
}

/* Reads what the client goes on sending after our answer: closing with unread bytes would reset the
 * connection, and with it the answer on its way (RFC 9112, 9.6). */
static void
linger(struct visitor *v)
{
	ssize_t n = recv(v->fd, v->front->head, REQUEST_HEAD_MAX, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && (v->lingered += (uint32_t)n) < LINGER_BYTES)
		return;
	visitor_done(v);
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
	struct visitor *v = poll->data;

	CHECK_MAGIC(v, VISITOR_MAGIC);
	if (status < 0)
		visitor_done(v);
	else if (v->state == VISITOR_READING)
		look(v, events);
	else if (v->state == VISITOR_LINGERING)
		linger(v);
	else if (v->state == VISITOR_WAITING)
		visitor_done(v); /* only asked for the end of the connection */
}

void
visitor_welcome(struct front *f, struct lobby *lobby, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
	struct visitor *v = calloc(1, sizeof(*v));

	if (!v) {
		fd_close(&fd);
		metrics_add(f->shard, METRIC_REFUSED_INTERNAL, 1);
		return;
	}
	v->magic = VISITOR_MAGIC;
	v->front = f;
	v->lobby = lobby;
	v->fd = fd;
	v->since_ms = uv_now(f->loop);
	/* of a unix-domain client only the family matters */
	v->peer_len = peer->sa_family == AF_UNIX   ? sizeof(sa_family_t)
		      : peer_len < sizeof(v->peer) ? peer_len
						   : (socklen_t)sizeof(v->peer);
	memcpy(&v->peer, peer, v->peer_len);
	wheel_timer_init(&v->timer);
	wheel_set(&f->wheel, &v->timer, v->since_ms + REQUEST_MS);
	if (!lobby->admin)
		kept_add(fd, KEPT_VISITOR);
	enter(v);
	look(v, 0);
}

void
visitor_evict_oldest(struct front *f, struct lobby *lobby)
{
	list_foreach (node, &lobby->visitors) {
		struct visitor *v = LIST_ENTRY(node, struct visitor, node);

		if (v->since_ms + EVICT_MS > uv_now(f->loop))
			return;
		if (v->state != VISITOR_READING)
			continue;
		count(v, METRIC_REFUSED_PENDING);
		visitor_done(v);
	}
}

void
visitor_look_again(struct lobby *lobby)
{
	list_foreach (node, &lobby->visitors) {
		struct visitor *v = LIST_ENTRY(node, struct visitor, node);

		if (v->resting && v->state == VISITOR_READING)
			look(v, 0);
	}
}

void
visitor_hear(struct visitor *v)
{
	if (v->state == VISITOR_READING)
		look(v, 0);
}

void
visitor_due(struct visitor *v)
{
	if (v->state == VISITOR_READING) {
		count(v, METRIC_REFUSED_TIMEOUT);
		refuse_unread(v, 408, "request_timeout", "the request did not arrive in time", 0);
	} else {
		visitor_done(v);
	}
}

void
visitor_answer(struct visitor *v, const char *answer, size_t len)
{
	/* A fresh socket takes this at once; one that does not is not worth waiting for. */
	ssize_t n;

	kept_remove(v->fd);
	n = send(v->fd, answer, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 || (size_t)n < len || shutdown(v->fd, SHUT_WR) != 0 || v->unpolled) {
		visitor_done(v);
		return;
	}
	want_at_least(v->fd, 1);
	v->state = VISITOR_LINGERING;
	wheel_set(&v->front->wheel, &v->timer, uv_now(v->front->loop) + LINGER_MS);
	poll_for(v, UV_READABLE);
}

void
visitor_wait(struct visitor *v)
{
	v->state = VISITOR_WAITING;
	poll_for(v, UV_DISCONNECT);
}
