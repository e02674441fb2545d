/* SPDX-License-Identifier: MIT */
/* The taking side of a handoff: move/receiver.h, and what arrives is imported. Main thread. */
#include "server/handoff_take.h"

#include <inttypes.h>

#include "base/err.h"
#include "config.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "move/receiver.h"
#include "server/import.h"
#include "server/starting.h"

static int
connection_arrived(void *arg, int fd, const struct conn_state *state, uint32_t word, receiver_claim_cb claim,
		   void *claim_arg)
{
	return import_connection(arg, fd, state,
				 &(struct import_claim){ .take = claim, .arg = claim_arg, .word = word });
}

static int
session_arrived(void *arg, const struct session_state *session, uint32_t word, receiver_claim_cb claim, void *claim_arg)
{
	struct import_claim offered = { .take = claim, .arg = claim_arg, .word = word };

	return import_session(arg, session, claim ? &offered : NULL);
}

static void
link_ended(void *arg, const char *from, uint32_t taken, uint32_t sessions, uint32_t refused, bool complete)
{
	LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_TAKEN_UP,
	       LOG_FIELDS(LOG_NUMBER("WS_CONNECTIONS", taken), LOG_NUMBER("WS_SESSIONS", sessions),
			  LOG_NUMBER("WS_REFUSED", refused), LOG_TEXT("WS_HANDOFF_FROM", from)),
	       "took over %" PRIu32 " connections and %" PRIu32 " sessions without one from %s, refused %" PRIu32 "%s",
	       taken, sessions, from, refused, complete ? "" : "; the link ended early");
}

int
handoff_take_start(struct receiver **out, uv_loop_t *loop, int fd, const char *instance, const struct importer *im)
{
	struct receiver_ops ops = {
		.arg = (void *)im, .arrived = connection_arrived, .session = session_arrived, .ended = link_ended
	};
	int rc = receiver_start(out, loop, fd, instance, PACKAGE_VERSION, &ops);

	if (rc != WSD_OK)
		starting_failed("could not listen for handoffs (%s)", wsd_strerror(rc));
	return rc;
}
