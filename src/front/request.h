/* SPDX-License-Identifier: MIT */
/*
 * Judges the head of an HTTP/1.1 request that was peeked at: is it whole, is it a WebSocket handshake (RFC
 * 6455, 4.2.1), is it plain HTTP for the admin library, or must it be refused. Pure, no allocation; any
 * thread. A fuzz target.
 */
#ifndef WSD_FRONT_REQUEST_H
#define WSD_FRONT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/names.h"
#include "base/slice.h"

#define REQUEST_HEAD_MAX       8192    /* bytes, the empty line included; more is 431 */
#define REQUEST_HEADERS_MAX    100     /* lines; more is 431 */
#define REQUEST_BODY_MAX       1048576 /* bytes that a plain request's Content-Length may announce; more is 413 */
#define REQUEST_PARAMETERS_MAX 100     /* of a plain request's query; more is 400 */
#define REQUEST_COOKIES_MAX    200     /* of a plain request; more is 431 */
#define REQUEST_TOKEN_MAX      64      /* of a session token */
#define REQUEST_LINES_MAX      16      /* lines of one field that are kept */

enum request_kind {
	REQUEST_PARTIAL,   /* good so far; the rest of the head has not come */
	REQUEST_WEBSOCKET, /* a correct handshake for /ws/chat/{connectionId} */
	REQUEST_HTTP,      /* a request without an upgrade, for any path but /ws/...; its body may follow */
	REQUEST_REFUSED,   /* answer `status` and close */
};

/* A field that is a list: all its lines together (RFC 9110, 5.3). */
struct request_list {
	struct slice lines[REQUEST_LINES_MAX];
	unsigned n_lines; /* more than fit are counted, not kept */
};

struct request {
	enum request_kind kind;
	/* REFUSED: 400, 404, 405 (Allow: GET), 413, 426 (Upgrade: websocket, Sec-WebSocket-Version: 13), 431,
	 * 501, 505 */
	int status;
	const char *why; /* REFUSED: one static line for the client, without anything JSON escapes */
	size_t head_len; /* bytes up to and with the empty line; WEBSOCKET and HTTP */

	/* Slices of the input; len 0: not sent, or empty. Set as far as the head was understood. Bytes of
	 * 0x80 and above may be in the fields. Of a field that has one value but may be repeated (request_id,
	 * user_agent, forwarded_proto) the last line is kept, which is the nearest proxy's. */
	struct slice method, target, host, origin, key, request_id, user_agent;
	/* Authorization's value, X-Forwarded-Proto */
	struct slice authorization, forwarded_proto;
	struct slice query;                /* without the "?" */
	struct request_list subprotocols;  /* WEBSOCKET: well-formed, all lines */
	struct request_list forwarded_for; /* X-Forwarded-For: the last line is the nearest proxy's */

	/* WEBSOCKET; zero-terminated. %-escapes are decoded first, then the characters are checked. */
	char connection_id[CONNECTION_ID_MAX + 1];
	char session[REQUEST_TOKEN_MAX + 1]; /* the query's session=, "" if none; over-long or non-token is 400 */
};

/*
 * Judges the len bytes that have come so far. What can never become right is refused at once, without waiting
 * for the end.
 *
 * Checked for a handshake, in this order, each with its own words: the request line (method GET: 405;
 * HTTP/1.1 or above 1.x: 505), header syntax (RFC 9112, 5: no space before the colon, no folding, no control
 * characters, names of token characters), exactly one Host, the path (404; a bad connectionId 400), no body
 * (Content-Length 0 or absent, no Transfer-Encoding: 400), Upgrade with the token websocket and Connection
 * with the token upgrade (426 if either is missing under /ws/; 400 if there is an Upgrade: websocket for
 * another path: 404), exactly one Sec-WebSocket-Version of 13 (426), exactly one Sec-WebSocket-Key that is
 * base64 of 16 bytes (400), at most one Origin (400), well-formed lists of subprotocols and extensions (400; more
 * than REQUEST_LINES_MAX lines of subprotocols 431).
 * Other values of Upgrade (h2c) on other paths are ignored, as RFC 9110, 7.8 allows, and the request is plain
 * HTTP. Names are matched without regard to case.
 *
 * Lists (Upgrade, Connection, Sec-WebSocket-Protocol, -Extensions) may be in several lines, as RFC 9110 has it. More
 * than one Host or Authorization is 400 everywhere. The ids "." and ".." are 400: they
 * are parts of a path, which clients and proxies resolve. Plain requests may be HTTP/1.0, then also without
 * Host; methods that RFC 9110 and RFC 5789 do not know, and CONNECT, are 501; a body that is framed
 * doubtfully is 400 (blanks behind the value of Content-Length or Transfer-Encoding are doubtful), in any coding but
 * chunked 501. The target is a path with or without a query, or "*" with OPTIONS.
 */
void request_judge(struct request *out, const char *head, size_t len);

/* The value of a query parameter (its name spelt as given; a plus stays one), %-decoded into out (zero-terminated; ""
 * on failure): its length, WSD_E_UNKNOWN if it is not there, WSD_E_TOO_LARGE if it does not fit, WSD_E_MALFORMED for
 * a bad escape, an embedded zero, or if it is there twice. */
int request_query(struct slice query, const char *name, char *out, size_t size);

/* Where request_next() goes on; all zero: at the beginning. */
struct request_place {
	unsigned line;
	size_t at; /* in that line */
};

/* The next element of a list, in the order of its lines, without the blanks around it; empty ones are left out. False:
 * there is none. */
bool request_next(const struct request_list *list, struct request_place *place, struct slice *element);

#endif
