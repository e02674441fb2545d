/* SPDX-License-Identifier: MIT */
/*
 * Why something about a channel is refused. The numbers are those of Centrifugo's protocol, which both of our protocols
 * and the HTTP API speak; the chat protocol says the word instead. Pure; any thread.
 */
#ifndef WSD_CHANNEL_CODE_H
#define WSD_CHANNEL_CODE_H

/* name, number, word of the chat protocol, text */
#define CHANNEL_CODES(X) \
	X(INTERNAL, 100, "internal", "internal server error") \
	X(UNAUTHORIZED, 101, "unauthorized", "unauthorized") \
	X(UNKNOWN_CHANNEL, 102, "unknown_channel", "unknown channel") \
	X(PERMISSION_DENIED, 103, "permission_denied", "permission denied") \
	X(METHOD_NOT_FOUND, 104, "method_not_found", "method not found") \
	X(ALREADY_SUBSCRIBED, 105, "already_subscribed", "already subscribed") \
	X(LIMIT_EXCEEDED, 106, "limit_exceeded", "limit exceeded") \
	X(BAD_REQUEST, 107, "bad_request", "bad request") \
	X(NOT_AVAILABLE, 108, "not_available", "not available") \
	X(TOO_MANY_REQUESTS, 111, "too_many_requests", "too many requests") \
	X(UNRECOVERABLE_POSITION, 112, "unrecoverable_position", "unrecoverable position")

enum channel_code {
	CHANNEL_FINE,
#define CHANNEL_CODE(name, number, word, text) CHANNEL_##name = (number),
	CHANNEL_CODES(CHANNEL_CODE)
#undef CHANNEL_CODE
};

/* Static texts, never NULL; of a code that is none, those of INTERNAL. */
const char *channel_code_word(enum channel_code code);
const char *channel_code_text(enum channel_code code);

#endif
