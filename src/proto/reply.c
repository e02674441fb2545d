/* SPDX-License-Identifier: MIT */
/* Messages to the client. */
#include "proto/reply.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "proto/message.h"

#define U64_DIGITS     20
#define CODE_MAX       32
#define WHY_MAX        128
#define NAME_MAX_LEN   32 /* reasons and instances */
#define CONNECTION_MAX 128
#define SESSION_MAX    64

static inline char *
put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

static char *
put_text(char *at, const char *text, size_t most)
{
	size_t len = strlen(text);

	CHECK(len <= most);
	return put(at, text, len);
}

static inline char *
put_u64(char *at, uint64_t value)
{
	char digits[U64_DIGITS];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return put(at, digits + first, sizeof(digits) - first);
}

static inline char *
put_timestamp(char *at, const char *timestamp)
{
	at = PUT(at, ",\"timestamp\":\"");
	at = put(at, timestamp, CLOCK_ISO8601_LEN);
	return PUT(at, "\"");
}

static inline char *
put_instance(char *at, const char *instance)
{
	at = PUT(at, ",\"instance\":\"");
	at = put_text(at, instance, NAME_MAX_LEN);
	return PUT(at, "\"");
}

static inline char *
put_id(char *at, struct slice id)
{
	CHECK(id.len <= MESSAGE_ID_MAX);
	if (id.len == 0)
		return at;
	at = PUT(at, ",\"id\":");
	return put(at, id.at, id.len);
}

static char *
put_bool(char *at, bool value)
{
	return value ? PUT(at, "true") : PUT(at, "false");
}

size_t
reply_established(char *out, const struct reply_established *r)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"connection_established\",\"connectionId\":\"");
	at = put_text(at, r->connection_id, CONNECTION_MAX);
	at = PUT(at, "\",\"count\":");
	at = put_u64(at, r->count);
	at = put_timestamp(at, r->timestamp);
	at = put_instance(at, r->instance);
	at = PUT(at, ",\"session\":\"");
	at = put_text(at, r->session, SESSION_MAX);
	at = PUT(at, "\",\"resumed\":");
	at = put_bool(at, r->resumed);
	at = PUT(at, ",\"heartbeatInterval\":");
	at = put_u64(at, r->heartbeat_interval_ms);
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_heartbeat(char *out, const char *timestamp, const char *instance)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"heartbeat\"");
	at = put_timestamp(at, timestamp);
	at = put_instance(at, instance);
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_response(char *out, uint64_t count, const char *timestamp, struct slice id)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"message_response\",\"count\":");
	at = put_u64(at, count);
	at = put_timestamp(at, timestamp);
	at = put_id(at, id);
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_pong(char *out, struct slice id, const char *timestamp, const char *instance)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"pong\"");
	at = put_timestamp(at, timestamp);
	at = put_instance(at, instance);
	at = put_id(at, id);
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_error(char *out, const char *code, const char *why, const char *timestamp, struct slice id)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"error\",\"code\":\"");
	at = put_text(at, code, CODE_MAX);
	at = PUT(at, "\",\"message\":\"");
	at = put_text(at, why, WHY_MAX);
	at = PUT(at, "\"");
	at = put_timestamp(at, timestamp);
	at = put_id(at, id);
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_auth(char *out, uint64_t expires_in_ms, const char *timestamp, struct slice id)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"auth_response\",\"expiresIn\":");
	at = put_u64(at, expires_in_ms);
	at = put_timestamp(at, timestamp);
	at = put_id(at, id);
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_token_expiring(char *out, uint64_t expires_in_ms, const char *timestamp)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"token_expiring\",\"expiresIn\":");
	at = put_u64(at, expires_in_ms);
	at = put_timestamp(at, timestamp);
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_goodbye(char *out, const struct reply_goodbye *r)
{
	char *at = out;

	at = PUT(at, "{\"type\":\"goodbye\",\"reason\":\"");
	at = put_text(at, r->reason, NAME_MAX_LEN);
	at = PUT(at, "\",\"total\":");
	at = put_u64(at, r->total);
	at = put_timestamp(at, r->timestamp);
	at = PUT(at, ",\"reconnect\":");
	at = put_bool(at, r->reconnect);
	at = PUT(at, ",\"retryAfter\":");
	at = put_u64(at, r->retry_after_ms);
	at = PUT(at, "}");
	return (size_t)(at - out);
}
