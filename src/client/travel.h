/* SPDX-License-Identifier: MIT */
/* A client on its way from one process to another: what it takes along, as proto/state.def lists it, and how it goes on
 * there. How its socket gets there is in wire/live.c. */
#ifndef WSD_CLIENT_TRAVEL_H
#define WSD_CLIENT_TRAVEL_H

#include <stdint.h>

struct client;
struct clients;
struct conn_state;

/* Into *s: all but the token, which the client does not know, and the queue. Clients' thread. now_ms: clock_mono_ms().
 */
void travel_leave(const struct client *c, struct conn_state *s, uint64_t now_ms);

/* One that was described so, and what waits for it. Any thread. NULL: out of memory. */
struct client *client_arrive(const struct conn_state *s, uint64_t serial, uint32_t slot);

/* Takes over its socket, which is its own in any case, and serves it. Clients' thread. */
void client_go_on(struct clients *all, struct client *c, int fd);

#endif
