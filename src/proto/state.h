/* SPDX-License-Identifier: MIT */
/*
 * The state of a connection, and of a session whose connection has closed, as it travels from one process to
 * the next. Both directions between versions work: the encoding is a list of tagged fields, unknown ones are
 * skipped, absent ones have the value of an old sender. From STATE_MUST_KNOW on an unknown one is not skipped: without
 * what it says its connection must not go on. Pure; any thread. A fuzz target.
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
#include "base/slice.h"

#define STATE_MUST_KNOW 128 /* tags */
#define STATE_FIXED_MAX 640 /* most that everything takes but the queue and the subscriptions, encoded */

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
	char user[SUBJECT_MAX + 1]; /* zero-terminated; "": nobody that is known */
	struct slice subscriptions; /* as state_put_subscription() makes them; not owned */
	const char *queue;          /* whole frames that wait to be sent; not owned */
	size_t queue_len;
};

#define STATE_EPOCH_LEN        8
#define STATE_CHANNEL_MAX      255
#define STATE_SUBSCRIPTION_MAX (18 + STATE_CHANNEL_MAX)

/* What a connection is subscribed to. */
struct state_subscription {
	struct slice channel;        /* STATE_CHANNEL_MAX bytes at most */
	char epoch[STATE_EPOCH_LEN]; /* the last position that was put into its output */
	uint64_t offset;
	bool join_leave; /* it is told who comes and goes, */
	bool missed;     /* and was not told of somebody */
};

/* A session that can be resumed. */
struct session_state {
	char id[CONNECTION_ID_MAX + 1];
	uint8_t token[SESSION_TOKEN_BYTES];
	uint64_t count;
	uint64_t expires_in_ms;
};

/* How many bytes it takes at most. */
size_t state_size(const struct conn_state *s);
/* out has so many; returns the length. */
size_t state_encode(char *out, const struct conn_state *s);

/* WSD_OK; WSD_E_MALFORMED, or WSD_E_UNSUPPORTED: there is something that must not be skipped; then *out is undefined.
 * What is not owned points into data. The id is checked as a connectionId, and the subscriptions are whole. */
int state_decode(struct conn_state *out, const char *data, size_t len);

/* Adds one to a list; out has STATE_SUBSCRIPTION_MAX bytes. Returns how many it took. */
size_t state_put_subscription(char *out, const struct state_subscription *s);
/* Cuts off the next of a list: WSD_OK; WSD_E_CLOSED at the end; WSD_E_MALFORMED. The channel points into it. */
int state_next_subscription(struct slice *list, struct state_subscription *out);

/* One session in a list of them, each preceded by its length (4 bytes, little-endian). out has
 * STATE_FIXED_MAX bytes. */
size_t state_encode_session(char *out, const struct session_state *s);

/* The next session of a list: WSD_OK, and *used is how many bytes it took; WSD_E_CLOSED at the end; WSD_E_MALFORMED. */
int state_decode_session(struct session_state *out, const char *data, size_t len, size_t *used);

#endif
