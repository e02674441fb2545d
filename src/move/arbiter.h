/* SPDX-License-Identifier: MIT */
/*
 * Who owns each connection of a handoff: one word for each in memory that both processes share. A word starts
 * as OFFERED; the receiver makes it TAKEN, or the sender KEPT, by compare-and-swap, so that exactly one of
 * them wins, whatever happens to the link or to the other process in between. Any thread.
 */
#ifndef WSD_MOVE_ARBITER_H
#define WSD_MOVE_ARBITER_H

#include <stdbool.h>
#include <stdint.h>

#define ARBITER_MOST 1000000 /* words; what a receiver accepts, of any version */

struct arbiter {
	_Atomic uint32_t *words;
	uint32_t n;
	int fd; /* a sealed memfd */
};

/* The sender's: WSD_OK or a negative errno. */
int arbiter_create(struct arbiter *a, uint32_t n);

/* The receiver's: owns fd in every case. WSD_E_MALFORMED if it is not a memfd sealed against shrinking, or
 * not of a fitting size. */
int arbiter_open(struct arbiter *a, int fd);

void arbiter_close(struct arbiter *a);

/* True if the caller owns the connection now, false if the other side does. */
bool arbiter_take(struct arbiter *a, uint32_t index); /* receiver */
bool arbiter_keep(struct arbiter *a, uint32_t index); /* sender */

/* Either, later: whether the receiver owns it. */
bool arbiter_is_taken(const struct arbiter *a, uint32_t index);

#endif
