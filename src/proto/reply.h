/* SPDX-License-Identifier: MIT */
/*
 * Messages to the client: what is in the frame, the frame is the sender's business. Those of the
 * hot path are written by hand (about 25 ns; json-c takes 600). Pure; any thread.
 *
 * timestamp is CLOCK_ISO8601_LEN characters without a zero. id is a raw JSON value as the client sent it, or
 * empty. Texts that are our own (why, reason) contain nothing that JSON escapes; ids of connections and
 * instances cannot. out must have REPLY_MAX bytes. Each returns the number of bytes written.
 */
#ifndef WSD_PROTO_REPLY_H
#define WSD_PROTO_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define REPLY_MAX 768 /* most that any writer here writes */

struct reply_established {
	const char *connection_id; /* 1 to 128 characters */
	uint64_t count;
	const char *timestamp;
	const char *instance; /* at most 32 characters */
	const char *session;  /* token, at most 64 characters */
	bool resumed;
	uint32_t heartbeat_interval_ms;
};

struct reply_goodbye {
	const char
		*reason; /* "shutdown", "restart", "replaced", "disconnect", "timeout", ...; at most 128 characters */
	uint64_t total;  /* messages counted on the connection */
	const char *timestamp;
	bool reconnect;
	uint32_t retry_after_ms;
};

size_t reply_established(char *out, const struct reply_established *r);
size_t reply_response(char *out, uint64_t count, const char *timestamp, struct slice id);
/* expires_in_ms: until the connection is closed, unless it shows another token by then */
size_t reply_auth(char *out, uint64_t expires_in_ms, const char *timestamp, struct slice id);
size_t reply_token_expiring(char *out, uint64_t expires_in_ms, const char *timestamp);
/* These two tell who answers, since a connection can change its process without noticing. */
size_t reply_pong(char *out, struct slice id, const char *timestamp, const char *instance);
size_t reply_heartbeat(char *out, const char *timestamp, const char *instance);
/* code: one of the error codes of the protocol; why: at most 128 characters */
size_t reply_error(char *out, const char *code, const char *why, const char *timestamp, struct slice id);
size_t reply_goodbye(char *out, const struct reply_goodbye *r);

#endif
