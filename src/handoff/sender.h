/* SPDX-License-Identifier: MIT */
/*
 * The giving side of a handoff: connects to the other instance, offers connections as they come, and learns
 * what became of each. An offer is settled exactly once. Main thread.
 *
 *   CONNECTING ── hello ──► GREETING ── welcome ──► OPEN ── sender_finish() ──► FINISHING ── bye ──► over
 *        └──────────────────────┴──── the link breaks, or nothing comes in time ────┴─────────────► over
 */
#ifndef WSD_HANDOFF_SENDER_H
#define WSD_HANDOFF_SENDER_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct sender;

enum sender_fate {
	SENDER_TAKEN,	/* the other process owns it */
	SENDER_KEPT,	/* the link broke before: it is still ours */
	SENDER_REFUSED, /* the other process does not want it */
};

struct sender_ops {
	void *arg;
	void (*opened)(void *arg); /* offers may come */
	void (*settled)(void *arg, void *offer, enum sender_fate fate);
	/* Once; rc WSD_OK or why it broke, why a text for people. The sender is gone when its handles are
	 * closed; it frees itself. */
	void (*over)(void *arg, int rc, const char *why);
};

/* path: the other side's socket. most: connections that will be offered. WSD_OK: over() will be called, later. */
int sender_start(struct sender **out, uv_loop_t *loop, const char *path, const char *instance,
		 const char *software, uint32_t most, const struct sender_ops *ops);

/* Offers a connection: fd stays the caller's, state is copied. settled() will be called for it, perhaps at once. */
void sender_offer(struct sender *s, void *offer, int fd, const char *state, size_t len);

/* Resumable sessions as state_encode_session() makes them, and then: no more. */
void sender_finish(struct sender *s, const char *sessions, size_t len);

/* Ends it from our side: what is not taken yet is kept. */
void sender_abort(struct sender *s, const char *why);

#endif
