/* SPDX-License-Identifier: MIT */
/* What a request of the channels' API says: one pass over its JSON finds the members that are known. Values are raw
 * slices of the text, still escaped. Pure; any thread. A fuzz target. */
#ifndef WSD_ADMIN_API_REQUEST_H
#define WSD_ADMIN_API_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define API_DEPTH_MAX 64 /* arrays and objects within each other */

/* name, kind; null counts as absent. */
#define API_MEMBERS(X) \
	X(channel, API_STRING) \
	X(channels, API_ARRAY) \
	X(data, API_ANY) \
	X(b64data, API_STRING) \
	X(tags, API_STRINGS) \
	X(idempotency_key, API_STRING) \
	X(skip_history, API_BOOLEAN) \
	X(user, API_STRING) \
	X(client, API_STRING) \
	X(limit, API_NUMBER) \
	X(since, API_OBJECT) \
	X(offset, API_NUMBER) \
	X(epoch, API_STRING) \
	X(reverse, API_BOOLEAN) \
	X(pattern, API_STRING) \
	X(commands, API_ARRAY) \
	X(parallel, API_BOOLEAN) \
	X(session, API_STRING) \
	X(info, API_ANY) \
	X(b64info, API_STRING) \
	X(recover_since, API_OBJECT) \
	X(expire_at, API_NUMBER) \
	X(expired, API_BOOLEAN) \
	X(override, API_OBJECT) \
	X(whitelist, API_ARRAY) \
	X(disconnect, API_OBJECT) \
	X(code, API_NUMBER) \
	X(reason, API_STRING)

enum api_kind {
	API_ANY,
	API_STRING,
	API_NUMBER,
	API_BOOLEAN,
	API_OBJECT,
	API_STRINGS, /* an object of them */
	API_ARRAY,
};

struct api_request {
#define API_MEMBER(name, kind) struct slice name;
	API_MEMBERS(API_MEMBER) /* len 0: absent */
#undef API_MEMBER
};

/* NULL: it is in order; or what is wrong with it, static. *wrong_type: it is JSON, but a member is of another kind.
 * Unknown members are skipped, of a repeated one the last counts that is not null. The text must be UTF-8. */
const char *api_request_parse(struct slice text, struct api_request *out, bool *wrong_type);

/* One value, in valid UTF-8, with white space around it at most. */
bool api_is_json(struct slice text);

/* Cuts off the next value of an array, which is valid or absent. False: there is none. */
bool api_next_value(struct slice *array, struct slice *value);
/* The one member of an object, which is valid: its raw name and value. False: it has none, or several. */
bool api_only_member(struct slice object, struct slice *name, struct slice *value);

/* How many that are. */
size_t api_count(struct slice array);

/* A whole number; absent: fallback. False: it is none, or out of range. */
bool api_number(struct slice raw, int64_t least, uint64_t most, int64_t fallback, int64_t *out);

static inline bool
api_true(struct slice raw)
{
	return raw.len == 4;
}

#endif
