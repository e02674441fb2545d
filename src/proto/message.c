/* SPDX-License-Identifier: MIT */
/* Messages from the client: which members of the outermost object matter and what they must be. Pure. */
#include "proto/message.h"

#include <stdbool.h>
#include <stdint.h>

#include "proto/json_scan.h"
#include "proto/utf8.h"

_Static_assert(MESSAGE_DEPTH_MAX - 1 <= JSON_SCAN_DEPTH_MAX,
	       "the scanner keeps track of what may be within the object");

enum {
#define MESSAGE_MEMBER(name, kind) MEMBER_##name,
#define MESSAGE_TYPE(type, text, needs, act)
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
#define MESSAGE_MEMBER(member, kind) \
	if (json_string_equal(name, #member, sizeof(#member) - 1)) \
		return &m->member;
#define MESSAGE_TYPE(type, text, needs, act)
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
#define MESSAGE_MEMBER(name, kind)
#define MESSAGE_TYPE(is, text, needs, act) \
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
#define MESSAGE_MEMBER(name, kind)
#define MESSAGE_TYPE(type, text, needs, act) [MESSAGE_##type] = needs,
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

#define IS_ANY      is_any
#define IS_STRING   is_string
#define IS_NAME     is_name
#define WORD_ANY    "there" /* any is */
#define WORD_STRING "a string"
#define WORD_NAME   "a string or a number"

/* What is wrong with the members that its type needs; NULL: nothing. */
static const char *
judge_members(const struct message *m)
{
	uint32_t needs = needed[m->type];

#define MESSAGE_MEMBER(name, kind) \
	if (needs & MESSAGE_HAS(name)) { \
		if (m->name.len == 0) \
			return #name " is missing"; \
		if (!IS_##kind(m->name)) \
			return #name " must be " WORD_##kind; \
	}
#define MESSAGE_TYPE(type, text, needs, act)
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
