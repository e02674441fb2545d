/* SPDX-License-Identifier: MIT */
/* Messages to the client. */
#include "proto/reply.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/names.h"
#include "proto/message.h"

/* ---- those that a client may ask for many of */

#define U64_DIGITS 20

static inline char *
put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

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

/* And the end. */
static inline size_t
put_id(const char *out, char *at, struct slice id)
{
	CHECK(id.len <= MESSAGE_ID_MAX);
	if (id.len > 0) {
		at = PUT(at, ",\"id\":");
		at = put(at, id.at, id.len);
	}
	at = PUT(at, "}");
	return (size_t)(at - out);
}

size_t
reply_response(char *out, uint64_t count, const char *timestamp, struct slice id)
{
	char *at = PUT(out, "{\"type\":\"message_response\",\"count\":");

	at = put_u64(at, count);
	at = put_timestamp(at, timestamp);
	return put_id(out, at, id);
}

size_t
reply_pong(char *out, struct slice id, const char *timestamp, const char *instance)
{
	size_t len = strlen(instance);
	char *at = PUT(out, "{\"type\":\"pong\"");

	CHECK(len <= INSTANCE_NAME_MAX);
	at = put_timestamp(at, timestamp);
	at = PUT(at, ",\"instance\":\"");
	at = put(at, instance, len);
	at = PUT(at, "\"");
	return put_id(out, at, id);
}

/* ---- the others */

#define TIMESTAMP     ",\"timestamp\":\"%.*s\""
#define AT(timestamp) CLOCK_ISO8601_LEN, (timestamp)
#define ID            "%s%.*s"
#define OF(id)        (id).len > 0 ? ",\"id\":" : "", (int)(id).len, (id).at
#define BOOL(value)   (value) ? "true" : "false"

static size_t write_reply(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static size_t
write_reply(char *out, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(out, REPLY_MAX, format, args);
	va_end(args);
	CHECK(len > 0 && len < REPLY_MAX);
	return (size_t)len;
}

size_t
reply_established(char *out, const struct reply_established *r)
{
	return write_reply(out,
			   "{\"type\":\"connection_established\",\"connectionId\":\"%s\",\"count\":%" PRIu64 TIMESTAMP
			   ",\"instance\":\"%s\",\"session\":\"%s\",\"resumed\":%s,\"heartbeatInterval\":%" PRIu32 "}",
			   r->connection_id, r->count, AT(r->timestamp), r->instance, r->session, BOOL(r->resumed),
			   r->heartbeat_interval_ms);
}

size_t
reply_heartbeat(char *out, const char *timestamp, const char *instance)
{
	return write_reply(out, "{\"type\":\"heartbeat\"" TIMESTAMP ",\"instance\":\"%s\"}", AT(timestamp), instance);
}

size_t
reply_error(char *out, const char *code, const char *why, const char *timestamp, struct slice id)
{
	return write_reply(out, "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"%s\"" TIMESTAMP ID "}", code, why,
			   AT(timestamp), OF(id));
}

size_t
reply_auth(char *out, uint64_t expires_in_ms, const char *timestamp, struct slice id)
{
	return write_reply(out, "{\"type\":\"auth_response\",\"expiresIn\":%" PRIu64 TIMESTAMP ID "}", expires_in_ms,
			   AT(timestamp), OF(id));
}

size_t
reply_token_expiring(char *out, uint64_t expires_in_ms, const char *timestamp)
{
	return write_reply(out, "{\"type\":\"token_expiring\",\"expiresIn\":%" PRIu64 TIMESTAMP "}", expires_in_ms,
			   AT(timestamp));
}

size_t
reply_goodbye(char *out, const struct reply_goodbye *r)
{
	return write_reply(out,
			   "{\"type\":\"goodbye\",\"reason\":\"%s\",\"total\":%" PRIu64 TIMESTAMP
			   ",\"reconnect\":%s,\"retryAfter\":%" PRIu32 "}",
			   r->reason, r->total, AT(r->timestamp), BOOL(r->reconnect), r->retry_after_ms);
}
