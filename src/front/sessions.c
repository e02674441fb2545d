/* SPDX-License-Identifier: MIT */
/* Sessions. */
#include "front/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/fd.h"
#include "base/hex.h"
#include "base/secret.h"
#include "kept/notes.h"
#include "metrics/metrics.h"

void
sessions_init(struct sessions *s, uint32_t ttl_ms, uint32_t most_kept, struct metrics_shard *shard, struct notes *notes)
{
	*s = (struct sessions){ .ttl_ms = ttl_ms, .most_kept = most_kept, .shard = shard, .notes = notes };
	list_init(&s->kept);
}

void
sessions_deinit(struct sessions *s)
{
	struct session *session, *next;

	HASH_ITER (hh, s->by_id, session, next) {
		HASH_DEL(s->by_id, session);
		free(session);
	}
}

struct session *
sessions_find(const struct sessions *s, const char *id)
{
	struct session *session;

	HASH_FIND_STR(s->by_id, id, session);
	return session;
}

struct session *
sessions_create(struct sessions *s, const char *id)
{
	size_t len = strlen(id);
	/* not sizeof: the id begins in what would be padding */
	struct session *session = calloc(1, offsetof(struct session, id) + len + 1);

	if (!session)
		return NULL;
	memcpy(session->id, id, len + 1);
	fd_random(session->token, sizeof(session->token));
	session->state = SESSION_LIVE;
	session->note = NOTES_NONE;
	HASH_ADD_KEYPTR(hh, s->by_id, session->id, len, session);
	if (!session->hh.tbl) {
		free(session);
		return NULL;
	}
	return session;
}

static void
unkeep(struct sessions *s, struct session *session)
{
	CHECK(session->state == SESSION_KEPT);
	notes_free(s->notes, session->note);
	session->note = NOTES_NONE;
	list_unlink(&session->node);
	s->n_kept--;
	metrics_set(s->shard, METRIC_SESSIONS, s->n_kept);
}

void
sessions_forget(struct sessions *s, struct session *session)
{
	if (session->state == SESSION_KEPT)
		unkeep(s, session);
	HASH_DEL(s->by_id, session);
	free(session);
}

void
sessions_note(struct sessions *s, struct session *session)
{
	if (session->note == NOTES_NONE)
		session->note = notes_take(s->notes, session->id, session->token);
	notes_keep_session(notes_at(s->notes, session->note), session->count, session->expires_ms);
}

void
sessions_keep(struct sessions *s, struct session *session, uint64_t now_ms)
{
	CHECK(session->state != SESSION_KEPT);
	if (s->ttl_ms == 0) {
		sessions_forget(s, session);
		return;
	}
	session->state = SESSION_KEPT;
	session->given = false;
	session->expires_ms = now_ms + s->ttl_ms;
	sessions_note(s, session);
	list_append(&s->kept, &session->node);
	if (++s->n_kept > s->most_kept) {
		sessions_forget(s, LIST_ENTRY(s->kept.next, struct session, node));
		metrics_add(s->shard, METRIC_SESSIONS_EVICTED, 1);
	}
	metrics_set(s->shard, METRIC_SESSIONS, s->n_kept);
}

void
sessions_revive(struct sessions *s, struct session *session)
{
	unkeep(s, session);
	session->state = SESSION_LIVE;
	session->seat = (struct front_seat){ .serial = 0 };
	session->successor = NULL;
}

bool
sessions_token_is(const struct session *session, const char *text)
{
	char token[2 * SESSION_TOKEN_BYTES + 1];

	hex_encode(token, session->token, SESSION_TOKEN_BYTES);
	return secret_equal(slice_of(token), slice_of(text));
}

void
sessions_expire(struct sessions *s, uint64_t now_ms)
{
	while (!list_empty(&s->kept)) {
		struct session *oldest = LIST_ENTRY(s->kept.next, struct session, node);

		if (oldest->expires_ms > now_ms)
			return;
		sessions_forget(s, oldest);
	}
}
