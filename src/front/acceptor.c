/* SPDX-License-Identifier: MIT */
/*
 * The listening sockets: accepts in batches, and stands still while there is no room for more visitors or the
 * system is short of something; connections wait in the kernel's queue meanwhile. Main thread.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "front/front_priv.h"
#include "log/log.h"
#include "loop/watch.h"

#define BATCH    128 /* accepts of one listener before the others and the visitors get their turn */
#define RETRY_MS 100

/* Urgent data has no meaning here, and taken out of line a byte would be missing from the stream (RFC 6093, 6). */
static void
keep_urgent_in_line(int fd)
{
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
}

/* Inherited by accepted sockets on Linux, so that it costs nothing for each connection. Kernel memory for a
 * client that does not read is bounded by the send buffer. */
static void
tune(int fd)
{
	int one = 1, send_buffer = 131072;

	keep_urgent_in_line(fd);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* no TCP: fails, as it may */
}

/* Until the timer looks again; acceptor_update() follows, or is under way. */
static void
rest(struct front *f, int error)
{
	static struct log_fold fold = LOG_FOLD(10000);
	uint64_t repeated;

	metrics_add(f->shard, METRIC_ACCEPT_FAILURES, 1);
	if (log_fold_due(&fold, uv_now(f->loop), &repeated))
		log_write(LOG_LEVEL_ERROR, NULL, LOG_FIELDS(LOG_NUMBER("WS_REPEATED", repeated)),
			  "could not accept a connection (%s)", strerror(error));
	f->resting = true;
}

static void
on_retry(uv_timer_t *timer)
{
	struct front *f = timer->data;

	f->resting = false;
	acceptor_update(f);
}

/* Of accept(2)'s errors, those that say nothing about us: the connection was gone before it was accepted. */
static bool
connection_lost(int error)
{
	switch (error) {
	case ECONNABORTED:
	case EINTR:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case EPERM: /* a firewall rule */
		return true;
	default:
		return false;
	}
}

/* False: nothing more to accept now. */
static bool
accept_one(struct listener *l)
{
	struct front *f = l->front;
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);
	int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd == -1) {
		if (connection_lost(errno))
			return true;
		if (errno != EAGAIN) {
			rest(f, errno);
			acceptor_update(f);
		}
		return false;
	}
	if (peer.ss_family == AF_UNIX) /* not inherited */
		keep_urgent_in_line(fd);
	visitor_welcome(f, l->lobby, fd, (struct sockaddr *)&peer, len);
	return true;
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	CHECK_MAGIC(l->front, FRONT_MAGIC);
	for (int i = 0; i < BATCH && l->watching; i++)
		if (!accept_one(l))
			return;
}

static bool
wanted(const struct front *f, const struct listener *l)
{
	if (f->resting || l->lobby->full)
		return false;
	return l->lobby->admin || (f->mode != FRONT_CLOSED && f->mode != FRONT_PARKING);
}

void
acceptor_update(struct front *f)
{
	for (unsigned i = 0; i < f->n_listeners; i++) {
		struct listener *l = &f->listeners[i];
		bool watch = wanted(f, l);
		int rc = WSD_OK;

		if (watch == l->watching)
			continue;
		if (watch)
			rc = loop_watch(&l->poll, UV_READABLE, on_readable);
		else
			CHECK_ZERO(uv_poll_stop(&l->poll));
		l->watching = watch && rc == WSD_OK;
		if (rc != WSD_OK)
			rest(f, -rc);
	}
	if (f->resting && !uv_is_active((uv_handle_t *)&f->retry))
		CHECK_ZERO(uv_timer_start(&f->retry, on_retry, RETRY_MS, 0));
}

int
front_listen(struct front *f, bool admin, int fd)
{
	struct listener *l;
	int rc;

	CHECK_MAGIC(f, FRONT_MAGIC);
	if (f->n_listeners == FRONT_LISTENERS) {
		fd_close(&fd);
		return WSD_E_FULL;
	}
	l = &f->listeners[f->n_listeners];
	*l = (struct listener){ .front = f, .fd = fd, .lobby = admin ? &f->admin : &f->public };
	rc = uv_poll_init(f->loop, &l->poll, fd);
	if (rc != 0) {
		fd_close(&fd);
		return rc;
	}
	l->poll.data = l;
	f->open_handles++;
	f->n_listeners++;
	tune(fd);
	acceptor_update(f);
	return WSD_OK;
}

static void
on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	fd_close(&l->fd);
	front_handle_closed(l->front);
}

void
acceptor_close(struct front *f)
{
	for (unsigned i = 0; i < f->n_listeners; i++) {
		f->listeners[i].watching = false;
		uv_close((uv_handle_t *)&f->listeners[i].poll, on_listener_closed);
	}
	/* visitors that go make room; nothing is to be watched for it any more */
	f->n_listeners = 0;
	f->resting = false;
}
