/* SPDX-License-Identifier: MIT */
/* What a connection takes along when it changes its process, as proto/state.def lists it. Any thread that has the
 * connection to itself. now_ms: clock_mono_ms(). */
#ifndef WSD_WORKER_TRAVEL_H
#define WSD_WORKER_TRAVEL_H

#include <stdint.h>

struct conn;
struct conn_state;

/* Into *s: all but the token, which the connection does not know, and the queue. */
void travel_leave(const struct conn *c, struct conn_state *s, uint64_t now_ms);

/* The same into a connection that was just made, whose id and address are known. */
void travel_arrive(struct conn *c, const struct conn_state *s, uint64_t now_ms);

#endif
