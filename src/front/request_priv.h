/* SPDX-License-Identifier: MIT */
/* What the parts of the request judge share: reading of the head in the order of its bytes, before it is
 * judged as a whole. */
#ifndef WSD_FRONT_REQUEST_PRIV_H
#define WSD_FRONT_REQUEST_PRIV_H

#include <stdbool.h>

#include "base/ascii.h"
#include "front/request.h"

/* Header fields that mean something here; all others are only checked for their syntax. */
enum request_field {
	FIELD_HOST,
	FIELD_ORIGIN,
	FIELD_KEY,
	FIELD_VERSION,
	FIELD_SUBPROTOCOLS,
	FIELD_EXTENSIONS,
	FIELD_UPGRADE,
	FIELD_CONNECTION,
	FIELD_CONTENT_LENGTH,
	FIELD_TRANSFER_ENCODING,
	FIELD_COOKIE,
	FIELD_AUTHORIZATION,
	FIELD_FORWARDED_FOR,
	FIELD_FORWARDED_PROTO,
	FIELD_REQUEST_ID,
	FIELD_USER_AGENT,
	FIELD_COUNT,
};

/* What is known of a list that the handshake brings. */
struct request_elements {
	unsigned n;
	bool malformed;
};

struct request_head {
	struct request *out;
	const char *at, *end; /* what has not been read yet */
	int minor;            /* of HTTP/1.x */
	struct slice path;
	struct slice value[FIELD_COUNT]; /* of a repeated field the last line's */
	unsigned seen[FIELD_COUNT];      /* lines with this name */
	unsigned n_cookies;
	bool upgrade_websocket; /* some Upgrade line has this token */
	bool connection_upgrade;
	struct request_elements subprotocols, extensions;
	bool unknown_coding; /* some Transfer-Encoding line is not chunked */
};

enum request_step {
	STEP_DONE,    /* read; h->at stands behind it */
	STEP_PARTIAL, /* good so far */
	STEP_REFUSED, /* h->out says why */
};

/* Each reads from h->at. They refuse at the first byte that is wrong, so that a piece of a head and the whole
 * head are refused for the same reason. */
enum request_step request_read_line(struct request_head *h);
enum request_step request_read_fields(struct request_head *h); /* with the empty line */
enum request_step request_read_eol(struct request_head *h);

enum request_step request_refuse(struct request_head *h, int status, const char *why);

bool request_under_ws(struct slice path);

/* Adds the elements of one more line: 1#token, or with parameters 1#extension, as RFC 6455, 4.3 has them. */
void request_add_line(struct request_elements *elements, struct slice line, bool with_params);
/* One or more elements in all, in well-formed lines; lines: how many there were. */
bool request_valid_list(const struct request_elements *elements, unsigned lines);

#endif
