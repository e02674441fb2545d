/* SPDX-License-Identifier: MIT */
/*
 * How a wire ends; the states are in wire.h. Hub's thread.
 *
 * libwebsockets must not be asked to close from inside its own callbacks for another connection, so closing
 * is put off to the end of the loop turn, when none of them runs (due.c).
 */
#include "wire/wire_priv.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/tcp.h"
#include "metrics/metrics.h"
#include "proto/utf8.h"

/* For the peer's close frame to come. */
#define ACK_MS 5000

/* For the answer to the peer's close frame to be written. */
#define ANSWER_MS 5000

/* After a broken frame libwebsockets waits 5 s for a close frame that it can no longer read. */
#define BROKEN_PEER_MS 200

/* ---- by us ----------------------------------------------------------------------------------- */

void
wire_close(struct wire_hub *hub, struct wire *wire, uint16_t code)
{
	wire->state = WIRE_LEAVING;
	note_leave(wire);
	wire->seeking = false;
	wire->close_code = code;
	pause_mind(hub, wire);
	due_close(hub, wire);
}

void
wire_kill(struct wire_hub *hub, struct wire *wire)
{
	if (wire->state == WIRE_GONE)
		return;
	if (wire->close_code == 0 && wire->ender != WIRE_BY_LIBRARY)
		wire->close_code = 1006;
	wire->state = WIRE_GONE;
	note_leave(wire);
	due_close(hub, wire);
}

void
wire_cut(struct wire_hub *hub, struct wire *wire)
{
	cork_release(hub, wire);
	if (wire->state == WIRE_LEAVING && !wire->queue) /* else it would stand where nothing ends */
		send_close(wire, wire->close_code);
	wire_kill(hub, wire);
}

static void
begin(struct wire_hub *hub, struct wire *wire, uint32_t within_ms)
{
	wire->state = WIRE_CLOSING;
	note_leave(wire);
	hub->events->closing(hub->owner, wire, within_ms);
}

/* Of the Close frame that libwebsockets is going to write. */
static void
set_code(struct wire *wire, uint16_t code)
{
	lws_close_reason(wire->lws, (enum lws_close_status)code, NULL, 0);
}

static void
close_with_frame(struct wire_hub *hub, struct wire *wire)
{
	begin(hub, wire, ACK_MS);
	set_code(wire, wire->close_code);
	/* With this reason the close frame is sent; with any other the connection would just be cut. */
	lws_set_timeout(wire->lws, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_SYNC);
}

static void
close_without_frame(struct wire *wire)
{
	lws_set_timeout(wire->lws, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

void
close_now(struct wire_hub *hub, struct wire *wire)
{
	if (!wire->lws)
		return;
	if (wire->state == WIRE_LEAVING) {
		if (wire->queue || lws_partial_buffered(wire->lws))
			lws_callback_on_writable(wire->lws); /* comes back here when all is written */
		else
			close_with_frame(hub, wire);
	} else if (wire->ender == WIRE_GIVEN_AWAY) {
		close_without_frame(wire);
	} else if (wire->state == WIRE_GONE) {
		/* so that nothing that is still buffered can hold it up */
		shutdown(wire_fd(wire), SHUT_RDWR);
		fd_discard(wire_fd(wire)); /* or a reset would overtake the goodbye */
		close_without_frame(wire);
	}
}

/* ---- by the peer ----------------------------------------------------------------------------- */

static bool
code_allowed(unsigned code)
{
	if (code >= 3000 && code <= 4999)
		return true;
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

/* 1002 or 1007; 0 if there is none. */
static uint16_t
fault_of(const uint8_t *payload, size_t len, unsigned code)
{
	if (len == 1 || (len >= 2 && !code_allowed(code)))
		return 1002;
	if (len > 2 && !utf8_valid((const char *)payload + 2, len - 2))
		return 1007;
	return 0;
}

static void
take_code(struct wire_hub *hub, struct wire *wire, const uint8_t *payload, size_t len)
{
	unsigned code = len >= 2 ? (unsigned)payload[0] << 8 | payload[1] : 1005;
	uint16_t fault = fault_of(payload, len, code);

	wire->ender = WIRE_BY_PEER;
	wire->close_code = fault ? fault : (uint16_t)code;
	if (fault != 0)
		metrics_add(hub->shard, fault == 1007 ? METRIC_ERROR_INVALID_UTF8 : METRIC_ERROR_PROTOCOL, 1);
}

int
close_by_peer(struct wire_hub *hub, struct wire *wire, const uint8_t *payload, size_t len)
{
	receive_close(wire, len);
	/* this frame's own four bytes may have stood for those of the first ones */
	if (!receive_check_mask(hub, wire, true))
		cork_drop(hub, wire);
	send_rest(hub, wire);
	if (wire->state == WIRE_GONE)
		return -1;
	if (wire->state < WIRE_LEAVING) /* else the two Close frames cross */
		take_code(hub, wire, payload, len);
	/* By us and at once: libwebsockets would look at what follows before it answers, and after an answer of another
	 * code it would wait for one, though there is nothing more to come. */
	note_leave(wire); /* before: the two Close frames are as long as a ping and its pong */
	send_close(wire, wire->close_code ? wire->close_code : 1002);
	begin(hub, wire, ANSWER_MS);
	return -1;
}

/* ---- by libwebsockets ------------------------------------------------------------------------ */

/* The end of the stream, or what a reset leaves, can be seen again and again; but a reset that overtook bytes
 * which nobody has read is seen by the socket's state alone. */
static bool
peer_has_gone(const struct wire *wire)
{
	struct tcp_state tcp;
	ssize_t n;
	char byte;

	if (tcp_state_of(wire_fd(wire), &tcp) && !tcp.connected)
		return true;
	n = recv(wire_fd(wire), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void
close_by_library(struct wire_hub *hub, struct wire *wire)
{
	bool gone;

	if (wire->state >= WIRE_CLOSING)
		return;
	gone = peer_has_gone(wire);
	if (wire->state == WIRE_OPEN && !gone)
		wire->ender = WIRE_BY_LIBRARY;
	/* Nothing may follow the close frame, which is written next. */
	send_rest(hub, wire);
	if (wire->state == WIRE_GONE)
		return;
	/* The first fault counts; and of some libwebsockets would say nothing. */
	if (wire->state != WIRE_NEW && !gone && (wire->close_code || lws_get_close_length(wire->lws) == 0))
		set_code(wire, wire->close_code ? wire->close_code : 1002);
	begin(hub, wire, BROKEN_PEER_MS);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* RFC 6455, 7.1.5. */
static uint16_t
final_code(struct wire_hub *hub, const struct wire *wire)
{
	if (wire->close_code != 0 || wire->ender == WIRE_GIVEN_AWAY)
		return (uint16_t)wire->close_code;
	if (wire->ender != WIRE_BY_LIBRARY)
		return 1006;
	/* It was libwebsockets that closed, with a frame of its own: a broken frame. */
	metrics_add(hub->shard, METRIC_ERROR_PROTOCOL, 1);
	return 1002;
}

void
close_gone(struct wire_hub *hub, struct wire *wire)
{
	struct wire_end end = { .code = final_code(hub, wire), .by = (enum wire_ender)wire->ender };

	if (hub->adopted == wire)
		hub->adopted = NULL;
	if (hub->resting == wire)
		hub->resting = NULL;
	cork_release(hub, wire); /* only counts: there is no socket any more */
	wire_drop_queue(hub, wire);
	due_forget(hub, wire);
	if (wire->paused)
		metrics_add(hub->shard, METRIC_PAUSED, -1);
	hub->n_wires--;
	wire->state = WIRE_GONE;
	hub->events->gone(hub->owner, wire, &end);
}
