/* SPDX-License-Identifier: MIT */
/* What the files of the taking side share. Main thread. */
#ifndef WSD_MOVE_RECEIVER_PRIV_H
#define WSD_MOVE_RECEIVER_PRIV_H

#include "move/arbiter.h"
#include "move/link.h"
#include "move/receiver.h"

#define RECEIVER_MAGIC 0x72656376u
#define RECEIVER_BATCH 64 /* messages before other clients get their turn */

/* What the sender is to be told. Nothing more is read while some of it waits, so that it cannot be many. */
struct answer {
	enum link_type type;
	uint32_t index;
	const void *body; /* lives as long as the receiver */
	size_t len;
};

struct receiver {
	uint32_t magic;
	struct receiver_ops ops;
	struct link_hello own, peer;
	int listen_fd, fd; /* fd -1: no link */
	uv_loop_t *loop;
	uv_poll_t listener, link;
	uv_timer_t silence, rest; /* rest: until the listener is watched again */
	bool linked, greeted, complete, stopping;
	unsigned handles;
	struct arbiter arbiter;
	uint32_t taken, sessions, refused;
	struct answer answers[RECEIVER_BATCH];
	unsigned n_answers;
	struct link_message in;
};

/* receiver.c: one at most for each message that is read. */
void receiver_answer(struct receiver *r, enum link_type type, uint32_t index, const void *body, size_t len);

/* receiver_take.c: what to do with the message in r->in. */
void receiver_on_offer(struct receiver *r);
void receiver_on_session(struct receiver *r);
void receiver_on_sessions(struct receiver *r);

#endif
