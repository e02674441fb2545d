/* SPDX-License-Identifier: MIT */
/* Handing over to another instance. Main thread. */
#ifndef WSD_SERVER_HANDOFF_GIVE_H
#define WSD_SERVER_HANDOFF_GIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "admin/admin.h"

struct conf;
struct front;
struct lifecycle;
struct metrics_shard;
struct sender;
struct worker_offer;
struct workers;

struct handoff_give {
	/* what it needs */
	const struct conf *conf;
	uv_loop_t *loop;
	struct front *front;
	const struct workers *workers;
	struct lifecycle *lifecycle;
	struct metrics_shard *shard;

	/* its own */
	struct sender *sender; /* NULL: nothing is being handed over */
	bool open;
	bool sessions;               /* the other side takes sessions alone, */
	bool channels;               /* and what connections are subscribed to */
	uint32_t retry_ms;           /* within which those who are told come back */
	struct admin_handoff status; /* of the last one, or the present one */
	uint64_t since_ms;
};

/* WSD_OK, WSD_E_BUSY, or why the other cannot be reached. close: nothing moves, the clients are told to come back as
 * soon as the other has their session. */
int handoff_give_begin(struct handoff_give *g, const char *to, bool close);
bool handoff_give_running(const struct handoff_give *g);
void handoff_give_status(const struct handoff_give *g, struct admin_handoff *out);

/* True: the offer is taken, and will be settled. False: no handoff is under way. */
bool handoff_give_offer(struct handoff_give *g, struct worker_offer *offer);

void handoff_give_left(struct handoff_give *g); /* a connection is gone */

/* This instance is being stopped. Harmless if no handoff is under way. */
void handoff_give_abort(struct handoff_give *g);

#endif
