/* SPDX-License-Identifier: MIT */
/* What libwebsockets reports, told to the connection it is about. Worker's thread. */
#include "worker/worker_priv.h"

#include <string.h>

#include "base/check.h"

static struct conn *
conn_of(void *user)
{
	struct conn *c = user;

	CHECK_MAGIC(c, CONN_MAGIC);
	return c;
}

static struct worker *
worker_of(struct lws *wsi)
{
	struct worker *w = lws_context_user(lws_get_context(wsi));

	CHECK_MAGIC(w, WORKER_MAGIC);
	return w;
}

/* Only the socket that is being adopted can be upgraded, and only to WebSocket. */
static int
confirm_upgrade(struct worker *w, struct lws *wsi, const char *to)
{
	struct conn *c = w->adopting;

	if (!c || !to || strcmp(to, "websocket") != 0)
		return -1;
	w->adopting = NULL;
	c->wsi = wsi;
	lws_set_wsi_user(wsi, c); /* ours: libwebsockets neither makes nor frees it */
	return 0;
}

int
ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_RECEIVE:
		conn_received(worker_of(wsi), conn_of(user), in, len);
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		conn_pong(worker_of(wsi), conn_of(user), in, len);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		conn_writeable(worker_of(wsi), conn_of(user));
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return confirm_upgrade(worker_of(wsi), wsi, in);
	case LWS_CALLBACK_ADD_HEADERS: {
		struct lws_process_html_args *answer = in;

		ws_add_headers(worker_of(wsi), &answer->p, answer->max_len);
		return 0;
	}
	case LWS_CALLBACK_ESTABLISHED:
		conn_opened(worker_of(wsi), conn_of(user), worker_of(wsi)->adoption);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return conn_peer_closed(worker_of(wsi), conn_of(user), in, len);
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
		if (user)
			conn_dropping(worker_of(wsi), conn_of(user));
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (user) {
			struct conn *c = conn_of(user);

			lws_set_wsi_user(wsi, NULL);
			c->wsi = NULL;
			conn_destroyed(worker_of(wsi), c);
		}
		return 0;
	case LWS_CALLBACK_HTTP:	     /* nothing but upgrades gets here */
	case LWS_CALLBACK_RAW_ADOPT: /* what CONNECT would lead to */
		return -1;
	default:
		return 0;
	}
}
