/* SPDX-License-Identifier: MIT */
/*
 * The taking side of a handoff: listens on the handoff socket, which the socket unit makes for root and the
 * group ws only, and takes what another instance offers. A connection is taken by winning its word of the
 * arbiter; nothing is held back after that, so that the sender's end at any moment leaves each connection
 * with exactly one owner. One link at a time. Main thread.
 */
#ifndef WSD_MOVE_RECEIVER_H
#define WSD_MOVE_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "proto/state.h"

struct receiver;

/* Wins the connection for us, or finds that the sender has kept it. Which word of the arbiter that is has been told
 * before: after a crash it tells, too (KEPT_ARBITER_THEIRS). */
typedef bool (*receiver_claim_cb)(void *claim_arg);

struct receiver_ops {
	void *arg;
	/* Prepares for a connection, calls claim once when nothing can go wrong any more, and takes it up if
	 * that says true. Owns fd, which may be anything and -1, in every case. WSD_OK; WSD_E_CLOSED if the claim was
	 * lost; else why it is not wanted (then claim was not called), -ENOTCONN if it is no connected TCP socket. */
	int (*arrived)(void *arg, int fd, const struct conn_state *state, uint32_t word, receiver_claim_cb claim,
		       void *claim_arg);
	/* The session of a connection that the sender will close as soon as we have it: claim as above. Or, without a
	 * claim, of one that has closed: no answer is given. */
	int (*session)(void *arg, const struct session_state *session, uint32_t word, receiver_claim_cb claim,
		       void *claim_arg);
	/* A link has ended: how many connections it brought, and sessions of those that are closed over there. */
	void (*ended)(void *arg, const char *from, uint32_t taken, uint32_t sessions, uint32_t refused, bool complete);
};

/* Listens on fd, which it owns in every case. WSD_OK or a negative code. */
int receiver_start(struct receiver **out, uv_loop_t *loop, int fd, const char *instance, const char *software,
		   const struct receiver_ops *ops);

/* Ends link and listening; frees itself when the loop has let go. Accepts NULL and clears the pointer. */
void receiver_stop(struct receiver **receiver);

#endif
