/* SPDX-License-Identifier: MIT */
/*
 * What a backend wants done with clients: with one, by its connection id, or with all that a user has. It is made from
 * a request of the HTTP API, passed on by main, and done by the clients' threads (client/backend.h). Any thread.
 */
#ifndef WSD_CHANNEL_COMMAND_H
#define WSD_CHANNEL_COMMAND_H

#include <stdint.h>

#include "base/slice.h"

enum channel_command_kind {
	CHANNEL_COMMAND_MESSAGE,     /* data: JSON, which it is sent as a message */
	CHANNEL_COMMAND_SUBSCRIBE,   /* to channel; data: the position that it has everything up to, JSON; or "" */
	CHANNEL_COMMAND_UNSUBSCRIBE, /* from channel */
	CHANNEL_COMMAND_DISCONNECT,  /* code: of its close, 3000 to 4999, data: its reason; or 0: an operator's */
	CHANNEL_COMMAND_REFRESH,     /* its token ends at expires_real_ms */
};

#define CHANNEL_REASON_MAX 123 /* bytes of a reason, nothing in it that JSON escapes */

struct channel_command {
	enum channel_command_kind kind;
	uint16_t code;
	uint64_t expires_real_ms; /* by the wall clock; 0: never, 1: now */
	struct slice client;      /* "": all of the user's */
	struct slice user;        /* "": whoever the client is */
	struct slice spared;      /* connection ids, each ended by a zero, that it is not for; "": none */
	struct slice channel;     /* a valid name, or "" */
	struct slice data;
};

/* How often it was done; and for how many clients not, since they are just changing their process. rc: WSD_OK, or
 * why it could not be done with one of them: WSD_E_FULL (as many channels as it may have, or as may wait for it),
 * WSD_E_UNKNOWN (the channel), -ENOMEM or another. */
struct channel_command_result {
	uint32_t done, moving;
	int rc;
};

#endif
