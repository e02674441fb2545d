/* SPDX-License-Identifier: MIT */
/*
 * The libwebsockets context of a worker, and the way a socket gets into it. Each setting below answers a
 * measured finding: doc/libwebsockets.md.
 *
 * libwebsockets never sees what a client sent as its request. The front desk has judged and consumed that;
 * what is parsed here is a minimal request of our own that carries the client's key. So none of its HTTP code
 * can be reached from the network, and a client may offer subprotocols that we do not speak (it would be
 * dropped without an answer), a token among them. Which of them is in the answer, if any, is added by ourselves.
 */
#include "worker/worker_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "loop/watch.h"
#include "metrics/metrics.h"

/* Larger than any write of ours, or libwebsockets would cut writes up and copy the rest. */
#define TX_PACKET_BYTES (1 << 20)

static const struct lws_protocols protocols[] = {
	{ "wsd", ws_callback, 0, WORKER_READ_BYTES - LWS_PRE, 0, NULL, TX_PACKET_BYTES },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* All zero: no validity pings of libwebsockets' own; the wheel does this for a thirtieth of the cost. */
static const lws_retry_bo_t no_retry;

#if LWS_LIBRARY_VERSION_NUMBER >= 4003000
/* The default log context is shared by all contexts and counts its users without a lock. */
static _Thread_local lws_log_cx_t log_context;
#endif

/* libwebsockets never closes a connection that could not get memory for libuv's handle: it would keep the socket,
 * and in the end the whole context. So there is always such a block at hand. */
#define HANDLE_REASON "uvh"
static _Thread_local void *spare_handle;

/*
 * Each connection has a block of rx_buffer_size, which is also what libwebsockets reads at a time: small ones make long
 * messages dear, large ones cost memory that ten thousand idle connections never use. But data is unmasked and
 * delivered where it was read, in the buffer that all connections of a context share; the connection's own block only
 * ever holds the payload of a control frame and a zero behind it (ops-ws.c, lws_ws_rx_sm()). So that is what it gets.
 * tests/unit/test_read_buffer.c finds out whether this holds for the library that it is built with.
 */
static void *
allocate(void *ptr, size_t size, const char *reason)
{
	void *got;

	if (size == 0) {
		free(ptr);
		return NULL;
	}
	if (ptr)
		return realloc(ptr, size);
	if (size > WORKER_CONTROL_BYTES && strcmp(reason, WORKER_CONTROL_REASON) == 0)
		size = WORKER_CONTROL_BYTES;
	got = malloc(size);
	if (!got && size <= sizeof(uv_poll_t) && strcmp(reason, HANDLE_REASON) == 0) {
		got = spare_handle;
		spare_handle = NULL;
	}
	return got;
}

static bool
have_spare(void)
{
	if (!spare_handle)
		spare_handle = malloc(sizeof(uv_poll_t));
	return spare_handle != NULL;
}

void
ws_deinit(void)
{
	free(spare_handle);
	spare_handle = NULL;
}

void
worker_library_init(void)
{
	/* The default allocator keeps a plain global counter, written by all threads. */
	lws_set_allocator(allocate);
	/* Its log lines are made in one static buffer for all threads, and any peer can provoke them. */
	lws_set_log_level(0, NULL);
}

static void
note_poll(uv_handle_t *handle, void *arg)
{
	if (handle->type == UV_POLL)
		*(bool *)arg = true;
}

/* libwebsockets 4.3 makes a context also if its own pipe cannot be watched, and crashes later. Nothing else of
 * this loop is polled yet. */
static bool
hears_itself(struct worker *w)
{
	bool found = false;

	uv_walk(&w->loop, note_poll, &found);
	return found;
}

int
ws_context_create(struct worker *w)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = w->foreign_loops,
		.pcontext = &w->context,
		.user = w,
		.retry_and_idle_policy = &no_retry,
		.pt_serv_buf_size = WORKER_READ_BYTES,
		.timeout_secs_ah_idle = 5,
		.vhost_name = "wsd",
	};

	w->foreign_loops[0] = &w->loop;
#if LWS_LIBRARY_VERSION_NUMBER >= 4003000
	log_context = (lws_log_cx_t){ .lll_flags = 0 };
	info.log_cx = &log_context;
#endif
	w->context = lws_create_context(&info);
	if (!w->context || !hears_itself(w))
		return WSD_E_LIBRARY;
	w->vhost = lws_create_vhost(w->context, &info);
	return w->vhost ? WSD_OK : WSD_E_LIBRARY;
}

/* The library puts the socket into epoll in two steps, and does not survive the first one's failing; the second is
 * libuv's (loop/watch.h). Between them it takes the socket out, for which ws_watched() is there. */
bool
ws_adopt(struct worker *w, struct conn *c, int fd, const struct adoption *how)
{
	char request[256];
	int len = snprintf(request, sizeof(request),
			   "GET / HTTP/1.1\r\nHost: w\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n\r\n",
			   WORKER_KEY_LEN, how->key);

	CHECK(len > 0 && (size_t)len < sizeof(request));
	CHECK(!w->adopting);
	if (!have_spare() || loop_hold(&w->loop, fd) != WSD_OK) {
		fd_close(&fd);
		conn_destroyed(w, c);
		return false;
	}
	w->adopting = w->adopted = c;
	w->adoption = how;
	/* Calls back before it returns. It closes the fd when it fails. */
	lws_adopt_socket_vhost_readbuf(w->vhost, fd, request, (size_t)len);

	/* Never taken up: out of memory, or out of descriptors. Taken up, the connection's end is the
	 * callback's to report. */
	if (w->adopting) {
		w->adopting = NULL;
		conn_destroyed(w, c);
	}
	return w->adopted == c;
}

void
ws_add_headers(struct worker *w, char **at, int room)
{
	const char *subprotocol = w->adoption->subprotocol;
	int len;

	if (!subprotocol[0])
		return;
	len = snprintf(*at, (size_t)room, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
	CHECK(len > 0 && len < room);
	*at += len;
}

void
ws_watched(struct worker *w, struct conn *c)
{
	if (loop_hold(&w->loop, lws_get_socket_fd(c->wsi)) == WSD_OK)
		return;
	metrics_add(w->shard, METRIC_ERROR_INTERNAL, 1);
	conn_kill(w, c); /* at the end of the turn, before the loop would watch it */
}
