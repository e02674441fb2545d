/* SPDX-License-Identifier: MIT */
/*
 * The state of a connection, and of a session whose connection has closed, as it travels from one process to
 * the next. Both directions between versions work: the encoding is a list of tagged fields, unknown ones are
 * skipped, absent ones have the value of an old sender. Pure; any thread. A fuzz target.
 *
 * A field is: tag (1 byte), length (4 bytes, little-endian), value; integers are little-endian of 1 to 8
 * bytes.
 */
#ifndef WSD_PROTO_STATE_H
#define WSD_PROTO_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/names.h"

#define STATE_FIXED_MAX 512 /* most that everything but the queue takes, encoded */

struct conn_state {
	char id[CONNECTION_ID_MAX + 1];
	uint8_t token[SESSION_TOKEN_BYTES];
	struct addr peer;
#define STATE_NUMBER(tag, type, name, most, member) type name;
#define STATE_SINCE(tag, name, member)              uint64_t name;
#define STATE_UNTIL(tag, name, member)              uint64_t name;
#define STATE_SECOND(tag, name, member)             uint64_t name;
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
	const char *queue; /* whole frames that wait to be sent; not owned */
	size_t queue_len;
};

/* A session that can be resumed. */
struct session_state {
	char id[CONNECTION_ID_MAX + 1];
	uint8_t token[SESSION_TOKEN_BYTES];
	uint64_t count;
	uint64_t expires_in_ms;
};

/* out has STATE_FIXED_MAX + queue_len bytes; returns the length. */
size_t state_encode(char *out, const struct conn_state *s);

/* WSD_OK, or WSD_E_MALFORMED: then *out is undefined. out->queue points into data. The id is checked as a
 * connectionId. */
int state_decode(struct conn_state *out, const char *data, size_t len);

/* One session in a list of them, each preceded by its length (4 bytes, little-endian). out has
 * STATE_FIXED_MAX bytes. */
size_t state_encode_session(char *out, const struct session_state *s);

/* The next session of a list: WSD_OK, and *used is how many bytes it took; WSD_E_CLOSED at the end; WSD_E_MALFORMED. */
int state_decode_session(struct session_state *out, const char *data, size_t len, size_t *used);

#endif
