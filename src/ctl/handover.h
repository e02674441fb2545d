/* SPDX-License-Identifier: MIT */
/* Handing the connections of one instance over to the other, and waiting for the end of it. */
#ifndef WSD_CTL_HANDOVER_H
#define WSD_CTL_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

struct why;

struct handover {
	uint64_t connections; /* when it began */
	uint64_t moved, kept;
	uint64_t sent_away; /* told to come back: instead of being moved, or since they could not be */
	uint64_t ms;
};

/* Now and then while it goes on. */
typedef void (*handover_progress_cb)(void *arg, const struct handover *so_far);

/*
 * Lets `to` accept, and `from` hand over; with close, clients are told to come back by themselves instead of
 * being moved. An interrupt does not end it: it is waited for in any case, and -EINTR is returned then.
 * WSD_OK: all have left. Else why, and *out says what became of each. progress may be NULL.
 */
int handover_run(const char *from, const char *to, bool close, struct handover *out, handover_progress_cb progress,
		 void *arg, struct why *why);

/* "5000 moved, 2 told to come back", in out, which has size bytes; returns out. */
const char *handover_text(char *out, unsigned size, const struct handover *h);

#endif
