/* SPDX-License-Identifier: MIT */
/* A client on its way from one process to another: what it takes along, as proto/state.def lists it, and how it goes on
 * there. How its socket gets there is in wire/live.c. */
#ifndef WSD_CLIENT_TRAVEL_H
#define WSD_CLIENT_TRAVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct client;
struct clients;
struct conn_state;
struct note;

/* Into *s: all but the token, which the client does not know, and the queue. Clients' thread. now_ms: clock_mono_ms().
 */
void travel_leave(const struct client *c, struct conn_state *s, uint64_t now_ms);

/* What it is subscribed to, as state_put_subscription() makes them, with what was put into its output: so many bytes.
 * out NULL: they are only counted. */
size_t travel_subscriptions(const struct client *c, char *out);

/* One that was described so, and what waits for it; it is not subscribed to anything yet. Any thread. NULL: out of
 * memory. */
struct client *client_arrive(const struct conn_state *s, uint64_t serial, uint32_t slot, struct note *note);

/* Takes over its socket, which is its own in any case, and serves it. moved: by a process that gave it away, and not
 * left by one that crashed. subscriptions: as above; it gets what was published since. Clients' thread. */
void client_go_on(struct clients *all, struct client *c, int fd, bool moved, struct slice subscriptions);

/* What is noted of it for the next process, should this one be killed: NOTES_ROWS numbers (kept/notes.h). */
void travel_note(const struct client *c, uint64_t *rows);

/* The same, as it would have travelled. False: these are no such numbers. Id, address and token are not among them. */
bool travel_noted(struct conn_state *s, const uint64_t *rows, uint64_t now_ms);

#endif
