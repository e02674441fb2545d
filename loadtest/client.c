/* SPDX-License-Identifier: MIT */
/* The life of a connection, from the attempt to the end, and to the next attempt. */
#include "loadtest/client_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "loadtest/request.h"

#define NOT_READY       UINT32_MAX
#define CLOSE_WAIT_NS   (5 * CLOCK_NS_PER_S)
#define OVERTAKEN_NS    (1 * CLOCK_NS_PER_S) /* at the end: how long an overtaken message is waited for */
#define BACKOFF_NS      (1 * CLOCK_NS_PER_S)
#define BACKOFF_MOST_NS (30 * CLOCK_NS_PER_S)
#define OUT_MAX         (16u << 20) /* bytes that may wait for a server that does not read */
#define REQUEST_MAX     32768

void
client_count_errors(struct env *env, uint64_t n)
{
	env->slot->errors += n;
}

static uint64_t
number_of(const struct env *env, const struct client *c)
{
	return env->o->first + (uint64_t)c->index * env->o->processes + env->process;
}

static unsigned
url_index(const struct env *env, const struct client *c)
{
	return (unsigned)(number_of(env, c) % env->o->n_urls);
}

static const struct url *
url_of(const struct env *env, const struct client *c)
{
	return &env->o->urls[url_index(env, c)];
}

static void
unready(struct env *env, struct client *c)
{
	struct client *last;

	if (c->ready_at == NOT_READY)
		return;
	last = env->ready[--env->n_ready];
	env->ready[c->ready_at] = last;
	last->ready_at = c->ready_at;
	c->ready_at = NOT_READY;
	env->st->open--;
}

static bool
is_pending(const struct client *c)
{
	return c->state >= CLIENT_CONNECTING && c->state <= CLIENT_OPEN;
}

/* Gives back the socket and the buffers; the state is the caller's to set. */
static void
release(struct env *env, struct client *c)
{
	unready(env, c);
	if (is_pending(c))
		env->pending--;
	env->alive--;
	tls_end(&c->tls);
	fd_close(&c->fd);
	client_buffer_free(&c->in);
	client_buffer_free(&c->out);
	client_buffer_free(&c->message);
	env->tx_len = 0;
	c->want_write = false;
	c->state = CLIENT_IDLE;
}

/* Spread over half to one and a half of the time, so that those who wait do not come back as one. */
static uint64_t
backoff_ns(const struct client *c)
{
	uint64_t ns = BACKOFF_NS << (c->failures < 5 ? c->failures : 5);

	if (ns > BACKOFF_MOST_NS)
		ns = BACKOFF_MOST_NS;
	return ns / 2 + (uint64_t)random() % ns;
}

static void
come_back(struct env *env, struct client *c, unsigned code)
{
	uint64_t delay;

	if (!env->o->reconnect || env->ending || c->leaving || c->no_return || code == 4001)
		return;
	if (c->retry_after_ns || c->goodbye)
		delay = c->retry_after_ns;
	else if (code == 1012)
		delay = 0; /* a restart: at once */
	else
		delay = backoff_ns(c);
	c->state = CLIENT_WAITING;
	c->deadline_ns = clock_mono_ns() + delay;
	c->goodbye = false;
	c->retry_after_ns = 0;
	list_append(&env->waiting, &c->waiting);
}

static void
give_up_messages(struct env *env, struct client *c)
{
	uint32_t n = track_abandon(&c->track);

	c->unanswered_at_loss = n;
	env->st->lost += n;
	env->st->lost_at_close += n;
	client_count_errors(env, n);
}

void
client_failed(struct env *env, struct client *c, const char *reason)
{
	env->st->connect_failed++;
	tally_add(&env->st->failures, reason, 1);
	client_count_errors(env, 1);
	release(env, c);
	come_back(env, c, 0);
	if (c->failures < UINT8_MAX)
		c->failures++;
}

void
client_lost(struct env *env, struct client *c, unsigned code)
{
	char name[TALLY_NAME];

	if (is_pending(c)) {
		client_failed(env, c, c->state == CLIENT_OPEN ? "closed at once" : "closed in the handshake");
		return;
	}
	if (c->state == CLIENT_CLOSING) {
		if (c->close_seen)
			env->st->left++;
		else
			env->st->left_dirty++;
		give_up_messages(env, c);
		release(env, c);
		return;
	}
	env->st->closed++;
	env->slot->closed++;
	client_count_errors(env, 1);
	snprintf(name, sizeof(name), "%u", code);
	tally_add(&env->st->closes, name, 1);
	c->lost_at_ns = clock_mono_ns();
	give_up_messages(env, c);
	release(env, c);
	come_back(env, c, code);
}

void
client_ready(struct env *env, struct client *c)
{
	struct stats *st = env->st;
	uint64_t now = clock_mono_ns();

	env->pending--;
	c->state = CLIENT_READY;
	c->ready_at = env->n_ready;
	env->ready[env->n_ready++] = c;
	st->connected++;
	env->slot->connected++;
	if (++st->open > st->open_peak)
		st->open_peak = st->open;
	if (c->was_ready) {
		st->reconnects++;
		hist_add(&st->downtime, now - c->lost_at_ns);
	} else {
		st->connect_end_ns = now;
	}
	c->was_ready = true;
	c->failures = 0;
	if (c->leaving)
		client_leave(env, c);
	else
		client_top_up(env, c);
}

/* Where to connect from, if that matters; an address of the other IP version is reached without. */
static const struct sockaddr_storage *
source_of(const struct env *env, const struct client *c, int family)
{
	const struct options *o = env->o;
	const struct sockaddr_storage *from = o->n_sources ? &o->sources[number_of(env, c) % o->n_sources] : NULL;

	return from && from->ss_family == family ? from : NULL;
}

static int
open_socket(struct env *env, struct client *c)
{
	const struct url_address *to = &url_of(env, c)->addresses[c->address];
	const struct sockaddr_storage *from = source_of(env, c, to->addr.ss_family);
	int one = 1, rc;

	c->fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		return wsd_errno();
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (from) {
		/* The port is then chosen at connect, for this destination alone. */
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		rc = bind(c->fd, (const struct sockaddr *)from,
			  from->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		if (rc == -1)
			return wsd_errno();
	}
	rc = connect(c->fd, (const struct sockaddr *)&to->addr, to->len);
	return rc == 0 || errno == EINPROGRESS ? WSD_OK : wsd_errno();
}

/* Each address that is left gets an equal share of the time that is left. */
static uint64_t
share_of_time(const struct client *c, unsigned left, uint64_t now)
{
	return now < c->deadline_ns ? now + (c->deadline_ns - now) / left : now;
}

/* To the first of its url's addresses from here on that can be tried at all; WSD_OK if there was one. */
static int
dial(struct env *env, struct client *c)
{
	unsigned n = url_of(env, c)->n_addresses;
	int rc = WSD_E_UNKNOWN;

	while (c->tried < n) {
		c->move_on_ns = share_of_time(c, n - c->tried, clock_mono_ns());
		c->tried++;
		rc = open_socket(env, c);
		if (rc == WSD_OK) {
			c->want_write = true;
			client_watch(env, c, true);
			return WSD_OK;
		}
		fd_close(&c->fd);
		if (c->tried < n)
			c->address = (uint8_t)((c->address + 1) % n);
	}
	return rc;
}

/* This address came to nothing. The next one's turn, if there is another; else the attempt has failed. */
static void
try_next(struct env *env, struct client *c, const char *reason)
{
	unsigned n = url_of(env, c)->n_addresses;
	int rc;

	if (c->tried < n) {
		fd_close(&c->fd);
		c->address = (uint8_t)((c->address + 1) % n);
		rc = dial(env, c);
		if (rc == WSD_OK)
			return;
		reason = wsd_strerror(rc);
	}
	client_failed(env, c, reason);
}

void
client_start(struct env *env, struct client *c, uint64_t due_ns)
{
	int rc;

	if (env->st->attempts++ == 0)
		env->st->connect_start_ns = due_ns;
	c->due_ns = due_ns;
	c->deadline_ns = clock_mono_ns() + env->o->connect_timeout_ns;
	c->state = CLIENT_CONNECTING;
	c->ready_at = NOT_READY;
	c->close_seen = c->goodbye = c->no_return = false;
	c->retry_after_ns = 0;
	c->address = env->addresses[url_index(env, c)];
	c->tried = 0;
	env->pending++;
	env->alive++;
	rc = dial(env, c);
	if (rc != WSD_OK)
		client_failed(env, c, wsd_strerror(rc));
}

static void
send_request(struct env *env, struct client *c)
{
	char *out = (char *)client_put(env, c, REQUEST_MAX);
	size_t len = request_write(out, REQUEST_MAX, env->o, url_of(env, c), number_of(env, c), env->key,
				   env->o->resume ? c->session : NULL);

	env->tx_len -= REQUEST_MAX - len;
	if (len == 0) {
		client_failed(env, c, "request too long");
		return;
	}
	c->state = CLIENT_HANDSHAKE;
	c->want_write = false;
	client_watch(env, c, false);
	client_flush(env, c);
}

static void
continue_tls(struct env *env, struct client *c)
{
	bool want = false;
	int rc = tls_handshake(c->tls, &want);

	if (rc == WSD_OK) {
		send_request(env, c);
	} else if (rc == -EAGAIN) {
		c->want_write = want;
		client_watch(env, c, false);
	} else {
		client_failed(env, c, "TLS");
	}
}

static void
tcp_connected(struct env *env, struct client *c)
{
	const struct url *u = url_of(env, c);
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		try_next(env, c, strerror(error));
		return;
	}
	env->addresses[url_index(env, c)] = c->address;
	if (!u->tls) {
		send_request(env, c);
		return;
	}
	c->tls = tls_start(env->tls, c->fd, u->host);
	c->state = CLIENT_TLS;
	if (c->tls)
		continue_tls(env, c);
	else
		client_failed(env, c, "TLS");
}

void
client_on_event(struct env *env, struct client *c, uint32_t events)
{
	if (c->fd == -1)
		return;
	if (c->state == CLIENT_CONNECTING) {
		tcp_connected(env, c);
		return;
	}
	if (c->state == CLIENT_TLS) {
		continue_tls(env, c);
		return;
	}
	if (events & EPOLLOUT)
		client_writable(env, c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		client_readable(env, c);
	if (c->state == CLIENT_READY) {
		if (c->leaving)
			client_leave(env, c);
		else
			client_top_up(env, c);
	}
	client_flush(env, c);
}

static bool
put_message(struct env *env, struct client *c, uint64_t due_ns)
{
	uint32_t id = c->track.next;

	if (c->goodbye || c->out.len > OUT_MAX || !track_send(&c->track, due_ns))
		return false;
	payload_write(&env->payload, client_put(env, c, env->payload.len), id);
	env->st->sent++;
	env->slot->sent++;
	if (env->in_window)
		env->st->window.sent++;
	return true;
}

bool
client_send(struct env *env, struct client *c, uint64_t due_ns)
{
	bool sent = put_message(env, c, due_ns);

	if (sent) {
		uint64_t now = clock_mono_ns();

		hist_add(&env->st->lag, now > due_ns ? now - due_ns : 0);
		client_flush(env, c);
	}
	return sent;
}

void
client_top_up(struct env *env, struct client *c)
{
	uint32_t under_way;
	uint64_t now;

	if (!env->sending || env->in_flight == 0 || c->leaving)
		return;
	under_way = track_in_flight(&c->track);
	if (under_way >= env->in_flight)
		return;
	for (now = clock_mono_ns(); under_way < env->in_flight; under_way++)
		if (!put_message(env, c, now))
			break;
}

void
client_leave(struct env *env, struct client *c)
{
	c->leaving = true;
	if (c->state == CLIENT_WAITING) {
		list_unlink(&c->waiting);
		c->state = CLIENT_IDLE;
	}
	if (c->state != CLIENT_READY || c->track.open > 0)
		return;
	unready(env, c);
	c->state = CLIENT_CLOSING;
	c->deadline_ns = clock_mono_ns() + CLOSE_WAIT_NS;
	client_put_close(env, c, 1000);
	client_flush(env, c);
}

static void
expire_messages(struct env *env, struct client *c, uint64_t now_ns)
{
	uint64_t wait = env->o->answer_timeout_ns, overtaken = wait;
	uint32_t n;

	if (c->leaving && overtaken > OVERTAKEN_NS)
		overtaken = OVERTAKEN_NS;
	n = track_expire(&c->track, now_ns > wait ? now_ns - wait : 0, now_ns > overtaken ? now_ns - overtaken : 0);
	env->st->lost += n;
	client_count_errors(env, n);
	if (c->leaving)
		client_leave(env, c);
	else
		client_top_up(env, c);
	client_flush(env, c);
}

void
client_check(struct env *env, struct client *c, uint64_t now_ns)
{
	switch (c->state) {
	case CLIENT_CONNECTING:
		if (now_ns >= c->move_on_ns)
			try_next(env, c, "timeout");
		break;
	case CLIENT_TLS:
	case CLIENT_HANDSHAKE:
	case CLIENT_OPEN:
		if (now_ns >= c->deadline_ns)
			client_failed(env, c, "timeout");
		break;
	case CLIENT_READY:
		if (c->track.open > 0 || c->leaving)
			expire_messages(env, c, now_ns);
		break;
	case CLIENT_CLOSING:
		if (now_ns >= c->deadline_ns)
			client_lost(env, c, 1006);
		break;
	default:
		break;
	}
}

void
client_deinit(struct client *c)
{
	tls_end(&c->tls);
	fd_close(&c->fd);
	client_buffer_free(&c->in);
	client_buffer_free(&c->out);
	client_buffer_free(&c->message);
	track_deinit(&c->track);
	free(c->session);
	c->session = NULL;
}
