/* SPDX-License-Identifier: MIT */
/* Sessions and seats of connections that change their process. Main thread. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "front/front_priv.h"
#include "kept/notes.h"

bool
front_token(const struct front *f, const struct front_seat *at, uint8_t token[SESSION_TOKEN_BYTES])
{
	const struct seat *seat = seats_at((struct seats *)&f->seats, at->worker, at->slot);

	if (seat->serial != at->serial || !seat->session)
		return false;
	memcpy(token, seat->session->token, SESSION_TOKEN_BYTES);
	return true;
}

/* A trusted proxy's own address is that of our equipment, or of clients that it could not name (admission.c): which of
 * them is not known any more, and none is counted. */
static struct peer *
count_for(struct front *f, const struct addr *client)
{
	struct peer *peer = NULL;

	if (client->family != ADDR_NONE && !addr_nets_match(&f->conf->trusted_proxies, client))
		peer = peers_get(&f->peers, client, f->conf->rate_connect.rate, clock_mono_ns());
	if (peer)
		peer->connections++;
	return peer;
}

int
front_import(struct front *f, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
	     const struct addr *client, uint32_t note, struct front_seat *out)
{
	struct session *session = sessions_find(&f->sessions, id);
	uint64_t serial = ++f->next_serial;
	struct seat *seat;

	if (session && session->state != SESSION_KEPT)
		return WSD_E_BUSY;
	if (session)
		sessions_forget(&f->sessions, session);
	if (seats_take(&f->seats, serial, &out->worker, &out->slot) != WSD_OK)
		return -ENOMEM;
	session = sessions_create(&f->sessions, id);
	if (!session) {
		seats_free(&f->seats, out->worker, out->slot);
		return -ENOMEM;
	}
	out->serial = serial;
	memcpy(session->token, token, SESSION_TOKEN_BYTES);
	session->count = count;
	session->seat = *out;
	seat = seats_at(&f->seats, out->worker, out->slot);
	seat->session = session;
	seat->client = count_for(f, client);
	seat->note = note == NOTES_NONE ? notes_take(f->notes, id, token) : note;
	if (seat->note != NOTES_NONE)
		note_set_peer(notes_at(f->notes, seat->note), client);
	if (note == NOTES_NONE && seat->note != NOTES_NONE)
		note_set_count(notes_at(f->notes, seat->note), count);
	return WSD_OK;
}

struct note *
front_note(const struct front *f, const struct front_seat *seat)
{
	return notes_at(f->notes, seats_at((struct seats *)&f->seats, seat->worker, seat->slot)->note);
}

void
front_unimport(struct front *f, const struct front_seat *seat)
{
	front_left(f, seat, 0, true);
}

static bool
has_token(const struct session *session, const uint8_t token[SESSION_TOKEN_BYTES])
{
	return memcmp(session->token, token, SESSION_TOKEN_BYTES) == 0;
}

static void
set_count(struct front *f, struct session *session, uint64_t count)
{
	session->count = count;
	sessions_note(&f->sessions, session);
}

/* From LIVE to KEPT, with what it brings. */
static void
keep_imported(struct front *f, struct session *session, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
	      uint64_t expires_in_ms)
{
	memcpy(session->token, token, SESSION_TOKEN_BYTES);
	session->count = count;
	sessions_keep(&f->sessions, session, uv_now(f->loop));
	/* Most come in order of their ends. One that stands behind a later one is only kept a little longer. */
	if (expires_in_ms < f->conf->session_ttl_ms) {
		session->expires_ms = uv_now(f->loop) + expires_in_ms;
		sessions_note(&f->sessions, session);
	}
}

void
front_import_session(struct front *f, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
		     uint64_t expires_in_ms)
{
	struct session *session = sessions_find(&f->sessions, id);

	if (session && session->state == SESSION_KEPT && has_token(session, token) && session->count < count)
		set_count(f, session, count); /* of an earlier handoff that broke off: it went on over there */
	if (session || f->conf->session_ttl_ms == 0)
		return;
	session = sessions_create(&f->sessions, id);
	if (session)
		keep_imported(f, session, token, count, expires_in_ms);
}

int
front_adopt_session(struct front *f, const char *id, const uint8_t token[SESSION_TOKEN_BYTES], uint64_t count,
		    uint64_t expires_in_ms, bool (*claim)(void *arg), void *claim_arg)
{
	struct session *session = sessions_find(&f->sessions, id);

	if (f->conf->session_ttl_ms == 0)
		return WSD_E_UNSUPPORTED;
	if (session && session->state != SESSION_KEPT)
		return WSD_E_BUSY;
	if (session)
		sessions_forget(&f->sessions, session);
	session = sessions_create(&f->sessions, id);
	if (!session)
		return -ENOMEM;
	if (!claim(claim_arg)) {
		sessions_forget(&f->sessions, session);
		return WSD_E_CLOSED;
	}
	keep_imported(f, session, token, count, expires_in_ms);
	return WSD_OK;
}

void
front_forget_session(struct front *f, const char *id, const uint8_t token[SESSION_TOKEN_BYTES])
{
	struct session *session = sessions_find(&f->sessions, id);
	struct seat *seat;

	if (!session || !has_token(session, token))
		return;
	if (session->state == SESSION_LIVE) {
		seat = seats_at(&f->seats, session->seat.worker, session->seat.slot);
		if (seat->serial == session->seat.serial)
			seat->session = NULL;
	}
	if (session->state != SESSION_SWAPPING)
		sessions_forget(&f->sessions, session);
}

void
front_each_session(const struct front *f, front_session_cb cb, void *arg)
{
	uint64_t now_ms = uv_now(f->loop);

	list_foreach (node, (struct list *)&f->sessions.kept) {
		const struct session *s = LIST_ENTRY(node, struct session, node);

		if (s->given)
			continue;
		cb(arg, s->id, s->token, s->count, s->expires_ms > now_ms ? s->expires_ms - now_ms : 0);
	}
}

void
front_mark_sessions(struct front *f, bool given)
{
	list_foreach (node, &f->sessions.kept)
		LIST_ENTRY(node, struct session, node)->given = given;
}

void
front_forget_sessions(struct front *f)
{
	while (!list_empty(&f->sessions.kept))
		sessions_forget(&f->sessions, LIST_ENTRY(f->sessions.kept.next, struct session, node));
}

void
front_each_visitor(const struct front *f, front_visitor_cb cb, void *arg)
{
	list_foreach (node, (struct list *)&f->public.visitors) {
		const struct visitor *v = LIST_ENTRY(node, struct visitor, node);

		if (v->state == VISITOR_READING)
			cb(arg, v->fd);
	}
}

void
front_welcome(struct front *f, int fd)
{
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);

	if (fd_set_nonblock(fd) != WSD_OK || getpeername(fd, (struct sockaddr *)&peer, &len) != 0) {
		fd_close(&fd); /* gone already */
		return;
	}
	visitor_welcome(f, &f->public, fd, (struct sockaddr *)&peer, len);
}
