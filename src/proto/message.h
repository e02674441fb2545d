/* SPDX-License-Identifier: MIT */
/*
 * Messages from the client: one pass over a text frame checks UTF-8 (RFC 3629) and JSON (RFC 8259) and finds
 * the members we know. Values are raw slices of the input, still escaped. Pure, no allocation, bounded stack;
 * any thread. Fuzzed against json-c.
 */
#ifndef WSD_PROTO_MESSAGE_H
#define WSD_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define MESSAGE_DEPTH_MAX 64  /* nesting of arrays and objects, the outermost included */
#define MESSAGE_ID_MAX    256 /* bytes of the raw id, quotes included */

enum message_type {
#define MESSAGE_MEMBER(name, text, kind)
#define MESSAGE_TYPE(type, text, needs, may, act) MESSAGE_##type,
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
	MESSAGE_TYPES
};

enum message_fault {
	MESSAGE_OK,
	MESSAGE_BAD_UTF8,     /* the connection must be failed with 1007 (RFC 6455, 8.1) */
	MESSAGE_INVALID_JSON, /* not JSON, not an object, or nested too deeply */
	MESSAGE_INVALID, /* JSON, but not a message: type missing or no string, bad id, a member missing or wrong */
	MESSAGE_UNKNOWN_TYPE,
};

struct message {
	enum message_type type; /* only with MESSAGE_OK */
	struct slice id;        /* raw string (quotes included) or number; len 0: none. Also set on a fault, where
				   known */
	/* Raw values; len 0: none. Those that its type needs are there, and all that it can have are of their kind. */
#define MESSAGE_MEMBER(name, text, kind) struct slice name;
#define MESSAGE_TYPE(type, text, needs, may, act)
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
	const char *why; /* on a fault: what is wrong, static text */
};

/*
 * text need not be zero-terminated. The members are "type" (a string), "id" (string or number, at most MESSAGE_ID_MAX
 * bytes) and those of message.def; others are skipped but must be valid JSON. Escapes in member names and in the type
 * are understood. Of a repeated member the last one counts.
 */
enum message_fault message_parse(const char *text, size_t len, struct message *out);

/* ---- what a member says: of a message that is in order ---------------------------------------- */

#define MESSAGE_EPOCH_MAX 8

struct message_position {
	char epoch[MESSAGE_EPOCH_MAX + 1]; /* "": it has none */
	uint64_t offset;
};

bool message_is(struct slice raw, bool otherwise); /* otherwise: if there is no such member */
int32_t message_limit(struct slice raw);           /* -1: all; 0 if there is no such member */
void message_position(struct slice raw, struct message_position *out);

#endif
