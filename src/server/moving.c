/* SPDX-License-Identifier: MIT */
/* What parking lot and handoff have in common: the encoded form of what leaves. Main thread. */
#include <stdlib.h>
#include <string.h>

#include "server/server_priv.h"

char *
offer_encode(struct front *front, struct worker_offer *offer, size_t *len)
{
	struct front_seat seat = { .serial = offer->serial, .worker = offer->worker, .slot = offer->slot };
	char *data;

	if (!front_token(front, &seat, offer->state.token))
		return NULL;
	data = malloc(STATE_FIXED_MAX + offer->state.queue_len);
	if (data)
		*len = state_encode(data, &offer->state);
	return data;
}

char *
offer_encode_session(struct front *front, struct worker_offer *offer, uint64_t ttl_ms, size_t *len)
{
	struct front_seat seat = { .serial = offer->serial, .worker = offer->worker, .slot = offer->slot };
	struct session_state session = { .count = offer->state.count, .expires_in_ms = ttl_ms };
	char *data;

	if (!front_token(front, &seat, offer->state.token))
		return NULL;
	strcpy(session.id, offer->state.id);
	memcpy(session.token, offer->state.token, sizeof(session.token));
	data = malloc(STATE_FIXED_MAX);
	if (data)
		*len = state_encode_session(data, &session);
	return data;
}

struct gathering {
	char *data;
	size_t len, room;
};

static void
gather_session(void *arg, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
	       uint64_t expires_in_ms)
{
	struct session_state session = { .count = count, .expires_in_ms = expires_in_ms };
	struct gathering *g = arg;

	if (g->room - g->len < STATE_FIXED_MAX) {
		size_t room = g->room * 2 + STATE_FIXED_MAX;
		char *bigger = realloc(g->data, room);

		if (!bigger)
			return;
		g->data = bigger;
		g->room = room;
	}
	strcpy(session.id, id);
	memcpy(session.token, token, sizeof(session.token));
	g->len += state_encode_session(g->data + g->len, &session);
}

char *
sessions_gather(const struct front *front, size_t *len)
{
	struct gathering g = { .data = NULL };

	front_each_session(front, gather_session, &g);
	*len = g.len;
	return g.data;
}
