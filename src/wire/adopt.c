/* SPDX-License-Identifier: MIT */
/*
 * The way a socket gets into libwebsockets. Hub's thread.
 *
 * The library never sees what a client sent as its request. That has been judged and consumed before; what is parsed
 * here is a minimal request of our own that carries the client's key. So none of its HTTP code can be reached from the
 * network, and a client may offer subprotocols that we do not speak (it would be dropped without an answer), a token
 * among them. Which of them is in the answer, if any, is added by ourselves.
 */
#include "wire/wire_priv.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/names.h"
#include "loop/watch.h"
#include "metrics/metrics.h"

/* The library puts the socket into epoll in two steps, and does not survive the first one's failing; the second is
 * libuv's (loop/watch.h). Between them it takes the socket out, for which adopt_watch() is there. */
bool
adopt(struct wire_hub *hub, struct wire *wire, int fd, const struct adoption *how)
{
	char request[256];
	int len = snprintf(request, sizeof(request),
			   "GET / HTTP/1.1\r\nHost: w\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n\r\n",
			   HANDSHAKE_KEY_LEN, how->key);

	CHECK(len > 0 && (size_t)len < sizeof(request));
	CHECK(!hub->adopting);
	hub->n_wires++;
	if (due_reserve(hub) != WSD_OK || !context_has_spare() || loop_hold(hub->loop, fd) != WSD_OK) {
		fd_close(&fd);
		close_gone(hub, wire);
		return false;
	}
	hub->adopting = hub->adopted = wire;
	hub->adoption = how;
	/* Calls back before it returns. It closes the fd when it fails. */
	lws_adopt_socket_vhost_readbuf(hub->vhost, fd, request, (size_t)len);

	/* Never taken up: out of memory, or out of descriptors. Taken up, the connection's end is the
	 * callback's to report. */
	if (hub->adopting) {
		hub->adopting = NULL;
		close_gone(hub, wire);
	}
	return hub->adopted == wire;
}

void
adopt_add_headers(struct wire_hub *hub, char **at, int room)
{
	const char *subprotocol = hub->adoption->subprotocol;
	int len;

	if (!subprotocol[0])
		return;
	len = snprintf(*at, (size_t)room, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
	CHECK(len > 0 && len < room);
	*at += len;
}

void
adopt_watch(struct wire_hub *hub, struct wire *wire)
{
	if (loop_hold(hub->loop, wire_fd(wire)) == WSD_OK)
		return;
	metrics_add(hub->shard, METRIC_ERROR_INTERNAL, 1);
	wire_kill(hub, wire); /* at the end of the turn, before the loop would watch it */
}

bool
wire_adopt(struct wire_hub *hub, struct wire *wire, int fd, const char *key, const char *subprotocol, const void *arg)
{
	struct adoption how = { .key = key, .subprotocol = subprotocol, .arg = arg };

	if (!adopt(hub, wire, fd, &how))
		return false;
	adopt_watch(hub, wire);
	return wire->state == WIRE_OPEN;
}
