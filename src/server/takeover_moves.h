/* SPDX-License-Identifier: MIT */
/*
 * Connections that were changing their process when it was killed: which of them are not this one's. Whoever has them
 * serves the same socket, so that here a descriptor is closed, and nothing is shut down. Main thread, during a
 * takeover.
 */
#ifndef WSD_SERVER_TAKEOVER_MOVES_H
#define WSD_SERVER_TAKEOVER_MOVES_H

#include <stdint.h>

#include "move/arbiter.h"

struct lot;
struct note;

struct takeover_moves {
	struct arbiter ours, theirs; /* of the handoff from here, and of the one to here */
	uint64_t *parked;            /* cookies of the sockets in the lot, in order */
	uint32_t n_parked;
};

enum takeover_whose {
	TAKEOVER_OURS,
	TAKEOVER_ELSEWHERE,         /* it is another instance's, or in the lot */
	TAKEOVER_SESSION_ELSEWHERE, /* the connection is ours, to be closed, as another instance has its session */
};

/* WSD_OK or -ENOMEM. What is in a lot that is older than the notes is dropped. lot may be NULL. Who was accepted, not
 * heard, and parked, is not known here any more. */
int takeover_moves_begin(struct takeover_moves *m, struct lot *lot);

/* What was offered and is not taken is ours from now on. */
enum takeover_whose takeover_whose(struct takeover_moves *m, const struct note *note);

void takeover_moves_end(struct takeover_moves *m);

#endif
