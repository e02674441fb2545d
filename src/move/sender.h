/* SPDX-License-Identifier: MIT */
/*
 * The giving side of a handoff: connects to the other instance, offers connections, or the session alone of
 * those that stay, as they come, and learns what became of each. An offer is settled exactly once. Main
 * thread. What was offered is decided by the arbiter also after a crash: as long as anything is not settled it is kept
 * (kept/table.h).
 *
 *   CONNECTING ── hello ──► GREETING ── welcome ──► OPEN ── sender_finish() ──► FINISHING ── bye ──► over
 *        └──────────────────────┴──── the link breaks, or nothing comes in time ────┴─────────────► over
 */
#ifndef WSD_MOVE_SENDER_H
#define WSD_MOVE_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct sender;

enum sender_fate {
	SENDER_TAKEN,   /* the other process owns it: the connection, or the session */
	SENDER_KEPT,    /* the link broke before: it is still ours */
	SENDER_REFUSED, /* the other process does not want it */
};

struct sender_ops {
	void *arg;
	/* Offers may come. version: of the link, which says what the other side takes (LINK_WITH_...). */
	void (*opened)(void *arg, uint32_t version);
	void (*settled)(void *arg, void *offer, enum sender_fate fate);
	/* Once; rc WSD_OK or why it broke, why a text for people. The sender is gone when its handles are
	 * closed; it frees itself. */
	void (*over)(void *arg, int rc, const char *why);
};

/* path: the other side's socket. most: offers that will be made. WSD_OK: over() will be called, later. */
int sender_start(struct sender **out, uv_loop_t *loop, const char *path, const char *instance, const char *software,
		 uint32_t most, const struct sender_ops *ops);

/* The arbiter's word for what is offered next. */
uint32_t sender_next_word(const struct sender *s);

/* Offers a connection: fd stays the caller's, state is copied. settled() will be called for it, perhaps at once. */
void sender_offer(struct sender *s, void *offer, int fd, const char *state, size_t len);

/* The same with a session as state_encode_session() makes it; only if opened() said that it may be. */
void sender_offer_session(struct sender *s, void *offer, const char *session, size_t len);

/* Resumable sessions as state_encode_session() makes them; nothing is heard of them. */
void sender_sessions(struct sender *s, const char *sessions, size_t len);

/* No more comes. */
void sender_finish(struct sender *s);

/* Ends it from our side: what is not taken yet is kept. */
void sender_abort(struct sender *s, const char *why);

#endif
