/* SPDX-License-Identifier: MIT */
/*
 * What connections and instances are called, and how long that and the other texts may be that come with a connection
 * through every part of the program. Pure; any thread.
 */
#ifndef WSD_BASE_NAMES_H
#define WSD_BASE_NAMES_H

#include <stdbool.h>

#include "base/slice.h"

#define CONNECTION_ID_MAX   128
#define CONNECTION_ID_RULE  "1 to 128 of A-Z a-z 0-9 . _ ~ -" /* for people */
#define INSTANCE_NAME_MAX   32
#define SESSION_TOKEN_BYTES 16
#define HANDSHAKE_KEY_LEN   24  /* Sec-WebSocket-Key: base64 of 16 bytes */
#define SUBJECT_MAX         128 /* sub of a token, cut if it is longer */
#define SUBPROTOCOL_MAX     64  /* longer ones are not answered */

/* Whether that is a connectionId. "." and ".." are none: they are parts of a path, which clients and proxies resolve.
 */
bool name_is_connection_id(struct slice text);
/* Whether one can begin so, as any of them does with its first character. */
bool name_begins_connection_id(struct slice text);

/* Whether an instance can be called that: 1 to INSTANCE_NAME_MAX of a-z 0-9 -. */
bool name_is_instance(const char *text);

#endif
