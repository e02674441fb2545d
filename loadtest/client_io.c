/* SPDX-License-Identifier: MIT */
/*
 * Bytes in and out of a connection. Reading and writing go through buffers that all connections share: one
 * recv and one send a turn, nothing allocated, unless half a frame came in or the socket is full.
 */
#include "loadtest/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

void
client_append(struct client_buffer *b, const void *data, size_t len)
{
	if (!b->data || b->room - b->len < len) {
		uint32_t room = b->room ? b->room : 512;

		while (room - b->len < len)
			room *= 2;
		b->data = realloc(b->data, room);
		CHECK(b->data);
		b->room = room;
	}
	memcpy(b->data + b->len, data, len);
	b->len += (uint32_t)len;
}

void
client_buffer_free(struct client_buffer *b)
{
	free(b->data);
	*b = (struct client_buffer){ NULL, 0, 0 };
}

static void
drop_front(struct client_buffer *b, size_t n)
{
	b->len -= (uint32_t)n;
	if (b->len == 0)
		client_buffer_free(b);
	else
		memmove(b->data, b->data + n, b->len);
}

void
client_watch(struct env *env, struct client *c, bool add)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (c->want_write)
		ev.events |= EPOLLOUT;
	CHECK(epoll_ctl(env->epoll_fd, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev) == 0);
}

static void
want_write(struct env *env, struct client *c, bool want)
{
	if (c->want_write == want)
		return;
	c->want_write = want;
	client_watch(env, c, false);
}

static ssize_t
send_some(struct client *c, const void *data, size_t len)
{
	return TEMP_FAILURE_RETRY(c->tls ? tls_send(c->tls, data, len) : send(c->fd, data, len, MSG_NOSIGNAL));
}

uint8_t *
client_put(struct env *env, struct client *c, size_t len)
{
	uint8_t *at;

	if (env->tx_len + len > env->tx_room)
		client_flush(env, c);
	CHECK(env->tx_len + len <= env->tx_room);
	at = env->tx + env->tx_len;
	env->tx_len += len;
	return at;
}

void
client_flush(struct env *env, struct client *c)
{
	size_t len = env->tx_len, done = 0;
	ssize_t n;

	env->tx_len = 0;
	if (len == 0 || c->fd == -1)
		return;
	env->st->bytes_sent += len;
	if (c->out.len == 0) {
		n = send_some(c, env->tx, len);
		if (n >= 0)
			done = (size_t)n;
		else if (errno != EAGAIN)
			return; /* the read side will say the connection is gone */
	}
	if (done < len) {
		client_append(&c->out, env->tx + done, len - done);
		want_write(env, c, true);
	}
}

void
client_writable(struct env *env, struct client *c)
{
	while (c->out.len > 0) {
		ssize_t n = send_some(c, c->out.data, c->out.len);

		if (n == -1) {
			if (errno != EAGAIN)
				client_buffer_free(&c->out);
			break;
		}
		drop_front(&c->out, (size_t)n);
	}
	if (c->out.len == 0)
		want_write(env, c, false);
}

/* Where the next bytes go: behind what is kept of an earlier frame, or into the shared buffer. */
static uint8_t *
rx_room(struct env *env, struct client *c, size_t *room)
{
	if (c->in.len == 0) {
		*room = CLIENT_RX_ROOM;
		return env->rx;
	}
	if (c->in.room - c->in.len < 512) {
		c->in.room = c->in.room * 2 + 512;
		c->in.data = realloc(c->in.data, c->in.room);
		CHECK(c->in.data);
	}
	*room = c->in.room - c->in.len;
	return c->in.data + c->in.len;
}

static void
take_bytes(struct env *env, struct client *c, const uint8_t *data, size_t len)
{
	size_t used = 0;

	if (c->state == CLIENT_HANDSHAKE)
		used = client_take_reply(env, c, data, len);
	if (c->fd != -1 && c->state != CLIENT_HANDSHAKE)
		used += client_take_frames(env, c, data + used, len - used);
	if (c->fd == -1)
		return; /* closed on the way; its buffers are gone */
	if (data == env->rx) {
		if (used < len)
			client_append(&c->in, data + used, len - used);
	} else if (used > 0) {
		drop_front(&c->in, used);
	}
}

static bool
read_once(struct env *env, struct client *c)
{
	size_t room;
	uint8_t *at = rx_room(env, c, &room);
	ssize_t n = c->tls ? tls_recv(c->tls, at, room) : recv(c->fd, at, room, 0);

	if (n > 0) {
		env->st->bytes_received += (uint64_t)n;
		if (at != env->rx) {
			c->in.len += (uint32_t)n;
			take_bytes(env, c, c->in.data, c->in.len);
		} else {
			take_bytes(env, c, at, (size_t)n);
		}
		return c->fd != -1;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	client_lost(env, c, 1006);
	return false;
}

void
client_readable(struct env *env, struct client *c)
{
	bool more = read_once(env, c);

	/* Epoll cannot see what TLS has already decrypted. */
	while (more && c->tls)
		more = read_once(env, c);
}
