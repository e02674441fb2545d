/* SPDX-License-Identifier: MIT */
/*
 * Going on with the WebSocket of another process, and giving one away. Hub's thread.
 *
 * libwebsockets can only be given a connection by a handshake. So it gets one end of a socket pair and our
 * own minimal request, as any new connection does; its answer goes into the other end and is thrown away.
 * Then the real socket is put in the place of the pair's end, under the same number, while the loop is not
 * watching it. What goes away is replaced under its number by a dummy, which the library may shut down and close.
 */
#include "wire/wire_priv.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "metrics/metrics.h"

/* Any: nobody checks the answer. */
static const struct adoption anyhow = { .key = "dGhlIHNhbXBsZSBub25jZQ==", .subprotocol = "", .live = true };

static void
read_on(struct wire *wire, bool on)
{
	int how = on ? LWS_RXFLOW_REASON_APPLIES_ENABLE : LWS_RXFLOW_REASON_APPLIES_DISABLE;

	lws_rx_flow_control(wire->lws, how | LWS_RXFLOW_REASON_USER_BOOL | LWS_RXFLOW_REASON_FLAG_PROCESS_NOW);
}

static int
swap_in(struct wire *wire, int *fd, int *far_end)
{
	int number = wire_fd(wire);

	/* off: the loop takes the pair's end out of epoll; on: it puts in what the number then means */
	read_on(wire, false);
	if (dup3(*fd, number, O_CLOEXEC) != number)
		return wsd_errno();
	if (wire->note)
		note_set_fd(wire->note, number);
	kept_remove(*fd);
	fd_close(fd);
	fd_close(far_end);
	wire->read_bytes = receive_consumed(wire);
	read_on(wire, true);
	return WSD_OK;
}

static bool
take_over(struct wire_hub *hub, struct wire *wire, int *fd, int *far_end)
{
	if (swap_in(wire, fd, far_end) != WSD_OK) {
		wire_kill(hub, wire);
		return false;
	}
	adopt_watch(hub, wire);
	if (wire->state != WIRE_OPEN)
		return false;
	if (wire->queue)
		lws_callback_on_writable(wire->lws);
	note_start(wire);
	note_queue(hub, wire, wire->queue != NULL);
	note_sync(hub, wire);
	return true;
}

bool
wire_adopt_live(struct wire_hub *hub, struct wire *wire, int fd)
{
	int pair[2] = { -1, -1 };
	bool open = false;

	metrics_add(hub->shard, METRIC_QUEUED_BYTES, (int64_t)wire_queued(wire)); /* from here on it is counted */
	if (fd_set_nonblock(fd) != WSD_OK ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		hub->n_wires++;
		close_gone(hub, wire);
	} else if (adopt(hub, wire, pair[0], &anyhow) && wire->state == WIRE_OPEN) {
		open = take_over(hub, wire, &fd, &pair[1]);
	}
	fd_close(&fd);
	fd_close(&pair[1]);
	return open;
}

void
wire_give_away(struct wire_hub *hub, struct wire *wire)
{
	int fd = wire_fd(wire);

	CHECK(wire->state == WIRE_HELD);
	/* libwebsockets is about to shut down and close this number; the connection itself must not notice */
	CHECK(dup2(hub->dummy, fd) == fd);
	wire->ender = WIRE_GIVEN_AWAY;
	wire->state = WIRE_GONE;
	due_close(hub, wire);
}
