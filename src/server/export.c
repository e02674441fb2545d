/* SPDX-License-Identifier: MIT */
/* What leaves for another process, encoded. Main thread. */
#include "server/export.h"

#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "proto/state.h"
#include "worker/worker.h"

static struct front_seat
seat_of(const struct worker_offer *offer)
{
	return (struct front_seat){ .serial = offer->serial, .worker = offer->worker, .slot = offer->slot };
}

/* What a list consists of. */
static size_t
encode_session(char *out, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
	       uint64_t expires_in_ms)
{
	struct session_state session = { .count = count, .expires_in_ms = expires_in_ms };

	strcpy(session.id, id);
	memcpy(session.token, token, sizeof(session.token));
	return state_encode_session(out, &session);
}

char *
export_connection(const struct front *front, struct worker_offer *offer, size_t *len)
{
	struct front_seat seat = seat_of(offer);
	char *data;

	if (!front_token(front, &seat, offer->state.token))
		return NULL;
	data = malloc(state_size(&offer->state));
	if (data)
		*len = state_encode(data, &offer->state);
	return data;
}

char *
export_session(const struct front *front, struct worker_offer *offer, uint64_t ttl_ms, size_t *len)
{
	struct front_seat seat = seat_of(offer);
	struct conn_state *state = &offer->state;
	char *data;

	if (!front_token(front, &seat, state->token))
		return NULL;
	data = malloc(STATE_FIXED_MAX);
	if (data)
		*len = encode_session(data, state->id, state->token, state->count, ttl_ms);
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
	struct gathering *g = arg;

	if (g->room - g->len < STATE_FIXED_MAX) {
		size_t room = g->room * 2 + STATE_FIXED_MAX;
		char *bigger = realloc(g->data, room);

		if (!bigger)
			return;
		g->data = bigger;
		g->room = room;
	}
	g->len += encode_session(g->data + g->len, id, token, count, expires_in_ms);
}

char *
export_sessions(const struct front *front, size_t *len)
{
	struct gathering g = { .data = NULL };

	front_each_session(front, gather_session, &g);
	*len = g.len;
	return g.data;
}
