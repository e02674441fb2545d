/* SPDX-License-Identifier: MIT */
/* Messages from the client: which members of the outermost object matter and what they must be. Pure. */
#include "proto/message.h"

#include "base/decimal.h"
#include "base/err.h"
#include "proto/json_scan.h"
#include "proto/utf8.h"

_Static_assert(MESSAGE_DEPTH_MAX - 1 <= JSON_SCAN_DEPTH_MAX,
	       "the scanner keeps track of what may be within the object");

enum {
#define MESSAGE_MEMBER(name, text, kind) MEMBER_##name,
#define MESSAGE_TYPE(type, text, needs, may, act)
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
};

#define MESSAGE_HAS(name) (1u << MEMBER_##name)

static struct slice *
member_for(struct message *m, struct slice *type, struct slice name)
{
	if (json_string_equal(name, "type", 4))
		return type;
	if (json_string_equal(name, "id", 2))
		return &m->id;
#define MESSAGE_MEMBER(member, text, kind) \
	if (json_string_equal(name, text, sizeof(text) - 1)) \
		return &m->member;
#define MESSAGE_TYPE(type, text, needs, may, act)
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
	return NULL;
}

/* The whole text: one object and nothing else. */
static bool
read_object(const char *text, size_t len, struct message *m, struct slice *type)
{
	struct json_walk walk = { .at = text, .end = text + len };
	struct slice name, value, *member;
	int more;

	while ((more = json_walk(&walk, MESSAGE_DEPTH_MAX - 1, &name, &value)) > 0) {
		member = member_for(m, type, name);
		if (member)
			*member = value;
	}
	m->why = walk.why;
	return more == 0;
}

static inline bool
is_string(struct slice raw)
{
	return raw.len > 0 && raw.at[0] == '"';
}

static inline bool
is_number(struct slice raw)
{
	return raw.len > 0 && (raw.at[0] == '-' || (raw.at[0] >= '0' && raw.at[0] <= '9'));
}

static bool
find_type(struct slice raw, enum message_type *type)
{
#define MESSAGE_MEMBER(name, text, kind)
#define MESSAGE_TYPE(is, text, needs, may, act) \
	if (json_string_equal(raw, text, sizeof(text) - 1)) { \
		*type = MESSAGE_##is; \
		return true; \
	}
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
	return false;
}

static const uint32_t needed[MESSAGE_TYPES] = {
#define MESSAGE_MEMBER(name, text, kind)
#define MESSAGE_TYPE(type, text, needs, may, act) [MESSAGE_##type] = needs,
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
};

static const uint32_t known[MESSAGE_TYPES] = {
#define MESSAGE_MEMBER(name, text, kind)
#define MESSAGE_TYPE(type, text, needs, may, act) [MESSAGE_##type] = (needs) | (may),
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
};

static inline bool
is_any(struct slice raw)
{
	return true;
}

static inline bool
is_name(struct slice raw)
{
	return is_string(raw) || is_number(raw);
}

static inline bool
is_bool(struct slice raw)
{
	return raw.at[0] == 't' || raw.at[0] == 'f';
}

static inline bool
is_limit(struct slice raw)
{
	uint64_t n;

	return slice_equal(raw, "-1") || decimal_parse(raw, INT32_MAX, &n) == WSD_OK;
}

static bool
read_position(struct slice raw, struct message_position *out)
{
	struct json_walk walk = { .at = raw.at, .end = raw.at + raw.len };
	struct slice name, value;
	bool has_offset = false;
	size_t len = 0;

	while (json_walk(&walk, MESSAGE_DEPTH_MAX - 2, &name, &value) > 0) {
		if (json_string_equal(name, "epoch", 5)) {
			len = is_string(value) ? json_string_text(value, out->epoch, MESSAGE_EPOCH_MAX) : JSON_NO_TEXT;
			if (len == JSON_NO_TEXT)
				return false;
		} else if (json_string_equal(name, "offset", 6)) {
			has_offset = decimal_parse(value, UINT64_MAX, &out->offset) == WSD_OK;
			if (!has_offset)
				return false;
		}
	}
	out->epoch[len] = '\0';
	return has_offset;
}

static inline bool
is_position(struct slice raw)
{
	struct message_position position;

	return raw.at[0] == '{' && read_position(raw, &position);
}

#define IS_ANY        is_any
#define IS_STRING     is_string
#define IS_NAME       is_name
#define IS_BOOL       is_bool
#define IS_LIMIT      is_limit
#define IS_POSITION   is_position
#define WORD_ANY      "there" /* any is */
#define WORD_STRING   "a string"
#define WORD_NAME     "a string or a number"
#define WORD_BOOL     "true or false"
#define WORD_LIMIT    "a whole number, or -1 for all"
#define WORD_POSITION "an object with an epoch (at most 8 letters) and an offset (a whole number)"

/* What is wrong with the members of its type; NULL: nothing. */
static const char *
judge_members(const struct message *m)
{
	uint32_t needs = needed[m->type], knows = known[m->type];

#define MESSAGE_MEMBER(name, text, kind) \
	if (knows & MESSAGE_HAS(name)) { \
		if (m->name.len == 0 && (needs & MESSAGE_HAS(name))) \
			return text " is missing"; \
		if (m->name.len > 0 && !IS_##kind(m->name)) \
			return text " must be " WORD_##kind; \
	}
#define MESSAGE_TYPE(type, text, needs, may, act)
#include "proto/message.def"
#undef MESSAGE_MEMBER
#undef MESSAGE_TYPE
	return NULL;
}

/* As far as it can be given back. */
static const char *
judge_id(struct message *m)
{
	struct slice id = m->id;

	m->id = (struct slice){ NULL, 0 };
	if (id.len > 0 && !is_name(id))
		return "id must be a string or a number";
	if (id.len > MESSAGE_ID_MAX)
		return "id has more than 256 bytes, quotes and escapes included";
	m->id = id;
	return NULL;
}

static enum message_fault
judge(struct message *m, struct slice type)
{
	m->why = judge_id(m);
	if (m->why)
		return MESSAGE_INVALID;
	if (!is_string(type)) {
		m->why = type.len > 0 ? "type must be a string" : "type is missing";
		return MESSAGE_INVALID;
	}
	if (!find_type(type, &m->type)) {
		m->why = "unknown type";
		return MESSAGE_UNKNOWN_TYPE;
	}
	m->why = judge_members(m);
	return m->why ? MESSAGE_INVALID : MESSAGE_OK;
}

enum message_fault
message_parse(const char *text, size_t len, struct message *out)
{
	struct slice type = { NULL, 0 };

	*out = (struct message){ 0 };
	if (!utf8_valid(text, len)) {
		out->why = "not valid UTF-8";
		return MESSAGE_BAD_UTF8;
	}
	if (!read_object(text, len, out, &type)) {
		*out = (struct message){ .why = out->why }; /* what it seemed to have may be part of something else */
		return MESSAGE_INVALID_JSON;
	}
	return judge(out, type);
}

bool
message_is(struct slice raw, bool otherwise)
{
	return raw.len > 0 ? raw.at[0] == 't' : otherwise;
}

int32_t
message_limit(struct slice raw)
{
	uint64_t n = 0;

	if (raw.len > 0 && raw.at[0] == '-')
		return -1;
	decimal_parse(raw, INT32_MAX, &n);
	return (int32_t)n;
}

void
message_position(struct slice raw, struct message_position *out)
{
	*out = (struct message_position){ .offset = 0 };
	read_position(raw, out);
}
