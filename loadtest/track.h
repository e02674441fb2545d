/* SPDX-License-Identifier: MIT */
/*
 * Which messages of one connection are still to be answered, and since when. Every message sent ends as
 * exactly one of answered, refused or lost; what comes too often, too late or in the wrong order is told
 * apart. A few words while one message is under way, a ring of times when there are more. One thread.
 */
#ifndef WSLOAD_TRACK_H
#define WSLOAD_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#define TRACK_MOST 65536 /* unanswered messages of one connection */

struct track {
	uint32_t base;    /* the oldest message that we still remember */
	uint32_t next;    /* the one to be sent next */
	uint32_t highest; /* one past the latest that was answered: what lies below it has been overtaken */
	uint32_t open;    /* neither answered nor given up */
	uint32_t mask;    /* of the ring; 0: the one time is in `single` */
	uint64_t single;
	uint64_t *ring; /* when each message was due, see the .c file */
};

enum track_answer {
	TRACK_IN_ORDER,
	TRACK_OUT_OF_ORDER, /* a later message had been answered before */
	TRACK_LATE,         /* had been given up already */
	TRACK_REPEATED,     /* had been answered already */
	TRACK_UNKNOWN,      /* never sent */
};

void track_init(struct track *t); /* ids start at 1 */
void track_deinit(struct track *t);

/* Notes that the message t->next is sent, due at due_ns (not 0), and moves on. False: too many are
 * unanswered, or no memory. */
bool track_send(struct track *t, uint64_t due_ns);

/* due_ns is set for all but TRACK_REPEATED and TRACK_UNKNOWN. */
enum track_answer track_answer(struct track *t, uint64_t id, uint64_t *due_ns);

/* Gives up messages due before before_ns, and overtaken ones due before overtaken_before_ns; returns how
 * many. */
uint32_t track_expire(struct track *t, uint64_t before_ns, uint64_t overtaken_before_ns);

/* Gives up all there is and forgets it, as when the connection is gone; ids go on. Returns how many were
 * open. */
uint32_t track_abandon(struct track *t);

/* The oldest message that is still open, for servers that do not say which one they answer; 0: none. */
uint32_t track_oldest(struct track *t);

/* Messages under way: not answered, not given up and not overtaken. */
static inline uint32_t
track_in_flight(const struct track *t)
{
	uint32_t after = t->next - (t->highest > t->base ? t->highest : t->base);

	return after < t->open ? after : t->open;
}

#endif
