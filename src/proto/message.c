/* SPDX-License-Identifier: MIT */
/* Messages from the client: which members of the outermost object matter and what they must be. Pure. */
#include "proto/message.h"

#include "proto/json_scan.h"
#include "proto/utf8.h"

_Static_assert(MESSAGE_DEPTH_MAX - 1 <= JSON_SCAN_DEPTH_MAX,
	       "the scanner keeps track of what may be within the object");

/* Raw values as they stood in the text; of a repeated name the last. */
struct members {
	struct slice type, id, data, token;
};

static struct slice *
member_for(struct members *members, struct slice name)
{
	if (json_string_equal(name, "type", 4))
		return &members->type;
	if (json_string_equal(name, "id", 2))
		return &members->id;
	if (json_string_equal(name, "data", 4))
		return &members->data;
	if (json_string_equal(name, "token", 5))
		return &members->token;
	return NULL;
}

/* at: a member's name. Returns the place behind its value, or NULL. */
static const char *
read_member(const char *at, const char *end, struct members *members, const char **why)
{
	const char *start = at;
	struct slice *member;

	if (at == end || *at != '"')
		return NULL;
	at = json_scan_string(at, end);
	if (!at)
		return NULL;
	member = member_for(members, (struct slice){ start, (size_t)(at - start) });
	at = json_scan_space(at, end);
	if (at == end || *at != ':')
		return NULL;
	start = json_scan_space(at + 1, end);
	at = json_scan_value(start, end, MESSAGE_DEPTH_MAX - 1, why);
	if (at && member)
		*member = (struct slice){ start, (size_t)(at - start) };
	return at;
}

/* at: behind the opening brace. Returns the place behind the closing one, or NULL. */
static const char *
read_members(const char *at, const char *end, struct members *members, const char **why)
{
	at = json_scan_space(at, end);
	if (at < end && *at == '}')
		return at + 1;
	for (;;) {
		at = read_member(at, end, members, why);
		if (!at)
			return NULL;
		at = json_scan_space(at, end);
		if (at == end)
			return NULL;
		if (*at == '}')
			return at + 1;
		if (*at != ',')
			return NULL;
		at = json_scan_space(at + 1, end);
	}
}

/* The whole text: one object and nothing else. */
static bool
read_object(const char *at, const char *end, struct members *members, const char **why)
{
	at = json_scan_space(at, end);
	if (at == end || *at != '{') {
		*why = "not a JSON object";
		return false;
	}
	*why = "not valid JSON";
	at = read_members(at + 1, end, members, why);
	if (!at)
		return false;
	*why = "not valid JSON";
	return json_scan_space(at, end) == end;
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
	if (json_string_equal(raw, "message", 7))
		*type = MESSAGE_MESSAGE;
	else if (json_string_equal(raw, "ping", 4))
		*type = MESSAGE_PING;
	else if (json_string_equal(raw, "disconnect", 10))
		*type = MESSAGE_DISCONNECT;
	else if (json_string_equal(raw, "auth", 4))
		*type = MESSAGE_AUTH;
	else
		return false;
	return true;
}

static enum message_fault
judge(const struct members *members, struct message *out)
{
	if (members->id.len > 0) {
		if (!is_string(members->id) && !is_number(members->id)) {
			out->why = "id must be a string or a number";
			return MESSAGE_INVALID;
		}
		if (members->id.len > MESSAGE_ID_MAX) {
			out->why = "id has more than 256 bytes, quotes and escapes included";
			return MESSAGE_INVALID;
		}
		out->id = members->id;
	}
	out->data = members->data;
	if (!is_string(members->type)) {
		out->why = members->type.len > 0 ? "type must be a string" : "type is missing";
		return MESSAGE_INVALID;
	}
	if (!find_type(members->type, &out->type)) {
		out->why = "unknown type";
		return MESSAGE_UNKNOWN_TYPE;
	}
	if (out->type == MESSAGE_MESSAGE && members->data.len == 0) {
		out->why = "data is missing";
		return MESSAGE_INVALID;
	}
	if (out->type == MESSAGE_AUTH && !is_string(members->token)) {
		out->why = members->token.len > 0 ? "token must be a string" : "token is missing";
		return MESSAGE_INVALID;
	}
	out->token = members->token;
	return MESSAGE_OK;
}

enum message_fault
message_parse(const char *text, size_t len, struct message *out)
{
	struct members members = { 0 };

	*out = (struct message){ 0 };
	if (!utf8_valid(text, len)) {
		out->why = "not valid UTF-8";
		return MESSAGE_BAD_UTF8;
	}
	if (len == 0) {
		out->why = "not a JSON object";
		return MESSAGE_INVALID_JSON;
	}
	if (!read_object(text, text + len, &members, &out->why))
		return MESSAGE_INVALID_JSON;
	out->why = NULL;
	return judge(&members, out);
}
