/* SPDX-License-Identifier: MIT */
/*
 * Messages from the client, against json-c in its strict mode: what we accept, it accepts, but for integers that
 * are too wide for it, and finds the same members; what it accepts, we accept, but for what it is known to
 * forgive. A reply to what was accepted is JSON again.
 */
#include "proto/message.h"

#include <stdbool.h>

#include "base/check.h"
#include "fuzz/fuzz.h"
#include "proto/reply.h"
#include "support/json_c.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number that json-c takes though RFC 8259 does not: "-01", "00", "1.", "1.e5", "-.1"; at: its first byte. */
static bool
lax_number(const char *at, const char *end)
{
	if (*at == '-')
		at++;
	if (at < end && *at == '0' && at + 1 < end && is_digit(at[1]))
		return true;
	if (at < end && *at == '.')
		return true;
	while (at < end && is_digit(*at))
		at++;
	return at < end && *at == '.' && (at + 1 == end || !is_digit(at[1]));
}

/*
 * Something that json-c forgives stands in the text: control characters in strings, names in single quotes,
 * NaN and Infinity, some numbers. Zero bytes end the text for it.
 */
static bool
forgiven(const char *at, const char *end)
{
	bool in_string = false;

	for (; at < end; at++) {
		if (*at == '\0' || (in_string && (unsigned char)*at < 0x20))
			return true;
		if (in_string && *at == '\\') {
			at++;
		} else if (*at == '"') {
			in_string = !in_string;
		} else if (in_string) {
			continue;
		} else if (*at == '\'' || *at == 'N' || *at == 'I') {
			return true;
		} else if (*at == '-' || is_digit(*at)) {
			if (lax_number(at, end))
				return true;
			while (at + 1 < end && at[1] != '\0' && strchr("0123456789+-.eE", at[1]))
				at++; /* the rest of the number */
		}
	}
	return false;
}

/* An integer of so many digits stands in the text that 64 bits may not hold it: json-c 0.18 refuses it then. */
static bool
wide_integer(const char *at, const char *end)
{
	bool in_string = false;
	int digits = 0;

	for (; at < end; at++) {
		if (in_string && *at == '\\')
			at++;
		else if (*at == '"')
			in_string = !in_string;
		digits = !in_string && is_digit(*at) ? digits + 1 : 0;
		if (digits >= 19)
			return true;
	}
	return false;
}

static bool
too_deep(const char *at, const char *end)
{
	int depth = 0;
	bool in_string = false;

	for (; at < end; at++) {
		if (*at == '"')
			in_string = !in_string;
		else if (in_string && *at == '\\')
			at++;
		else if (!in_string && (*at == '{' || *at == '['))
			depth++;
		else if (!in_string && (*at == '}' || *at == ']'))
			depth--;
		if (depth > MESSAGE_DEPTH_MAX)
			return true;
	}
	return false;
}

static void
same_member(struct json_object *object, const char *name, struct slice raw)
{
	struct json_object *theirs = NULL, *ours;

	CHECK(json_object_object_get_ex(object, name, &theirs) == (raw.len > 0));
	ours = raw.len > 0 ? json_c_parse(raw.at, raw.len) : NULL;
	CHECK(json_object_equal(ours, theirs));
	json_object_put(ours);
}

static void
check_accepted(const struct message *m, struct json_object *object)
{
	static const char *const types[] = {
#define MESSAGE_MEMBER(name, text, kind)
#define MESSAGE_TYPE(type, text, needs, may, act) text,
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
	};
	struct json_object *type;

	CHECK(json_object_object_get_ex(object, "type", &type));
	CHECK(strcmp(json_object_get_string(type), types[m->type]) == 0);
	same_member(object, "id", m->id);
#define MESSAGE_MEMBER(name, text, kind) same_member(object, text, m->name);
#define MESSAGE_TYPE(type, text, needs, may, act)
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
}

static void
check_reply(const struct message *m)
{
	char out[REPLY_MAX];
	size_t len = reply_response(out, m->data.len, "2026-11-23T18:46:00.123Z", m->id);
	struct json_object *reply = json_c_parse(out, len);

	CHECK(len <= REPLY_MAX);
	CHECK(reply || wide_integer(m->id.at, m->id.at + m->id.len));
	if (reply)
		same_member(reply, "id", m->id);
	json_object_put(reply);
}

/* Without its closing brace no object is whole. */
static void
check_cut(const char *text, size_t size)
{
	struct message m;

	while (text[size - 1] != '}')
		size--;
	CHECK(message_parse(text, size - 1, &m) == MESSAGE_INVALID_JSON);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct message m;
	enum message_fault fault = message_parse(text, size, &m);
	struct json_object *value;

	CHECK((m.why == NULL) == (fault == MESSAGE_OK));
	if (fault == MESSAGE_BAD_UTF8)
		return 0;
	value = json_c_parse(text, size);
	if (fault == MESSAGE_INVALID_JSON) {
		CHECK(!json_object_is_type(value, json_type_object) || forgiven(text, text + size) ||
		      too_deep(text, text + size));
	} else {
		CHECK(json_object_is_type(value, json_type_object) || wide_integer(text, text + size));
		check_cut(text, size);
	}
	/* json-c's names end at a zero */
	if (fault == MESSAGE_OK && value && !memmem(text, size, "\\u0000", 6)) {
		check_accepted(&m, value);
		check_reply(&m);
	}
	json_object_put(value);
	return 0;
}
