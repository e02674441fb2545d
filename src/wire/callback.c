/* SPDX-License-Identifier: MIT */
/* What libwebsockets reports, told to the wire it is about. Hub's thread. */
#include "wire/wire_priv.h"

#include <string.h>

#include "base/check.h"

static struct wire *
wire_of(void *user)
{
	struct wire *wire = user;

	CHECK_MAGIC(wire, WIRE_MAGIC);
	return wire;
}

static struct wire_hub *
hub_of(struct lws *lws)
{
	struct wire_hub *hub = lws_context_user(lws_get_context(lws));

	CHECK_MAGIC(hub, WIRE_HUB_MAGIC);
	return hub;
}

/* Only the socket that is being adopted can be upgraded, and only to WebSocket. */
static int
confirm_upgrade(struct wire_hub *hub, struct lws *lws, const char *to)
{
	struct wire *wire = hub->adopting;

	if (!wire || !to || strcmp(to, "websocket") != 0)
		return -1;
	hub->adopting = NULL;
	wire->lws = lws;
	lws_set_wsi_user(lws, wire); /* ours: libwebsockets neither makes nor frees it */
	return 0;
}

static void
on_established(struct wire_hub *hub, struct wire *wire)
{
	wire->state = WIRE_OPEN;
	if (!hub->adoption->live)
		wire->read_bytes = receive_consumed(wire);
	note_start(wire);
	hub->events->opened(hub->owner, wire, hub->adoption->arg);
}

static void
on_destroyed(struct wire_hub *hub, struct lws *lws, struct wire *wire)
{
	lws_set_wsi_user(lws, NULL);
	wire->lws = NULL;
	close_gone(hub, wire);
}

int
callback_from_lws(struct lws *lws, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_RECEIVE:
		receive_data(hub_of(lws), wire_of(user), in, len);
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		receive_pong(hub_of(lws), wire_of(user), in, len);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		send_writeable(hub_of(lws), wire_of(user));
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return confirm_upgrade(hub_of(lws), lws, in);
	case LWS_CALLBACK_ADD_HEADERS: {
		struct lws_process_html_args *answer = in;

		adopt_add_headers(hub_of(lws), &answer->p, answer->max_len);
		return 0;
	}
	case LWS_CALLBACK_ESTABLISHED:
		on_established(hub_of(lws), wire_of(user));
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return close_by_peer(hub_of(lws), wire_of(user), in, len);
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
		if (user)
			close_by_library(hub_of(lws), wire_of(user));
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (user)
			on_destroyed(hub_of(lws), lws, wire_of(user));
		return 0;
	case LWS_CALLBACK_HTTP:      /* nothing but upgrades gets here */
	case LWS_CALLBACK_RAW_ADOPT: /* what CONNECT would lead to */
		return -1;
	default:
		return 0;
	}
}
