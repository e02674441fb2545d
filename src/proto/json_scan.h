/* SPDX-License-Identifier: MIT */
/*
 * A validating scanner for JSON, RFC 8259, that builds nothing: each call checks one piece of the text and
 * tells where it ends, so that the caller keeps raw slices. As in JSON.parse, escapes of lone surrogates are
 * accepted and numbers may be of any size. UTF-8 is the caller's business. Pure, no recursion, no allocation;
 * any thread.
 */
#ifndef WSD_PROTO_JSON_SCAN_H
#define WSD_PROTO_JSON_SCAN_H

#include <stdbool.h>

#include "base/slice.h"

#define JSON_SCAN_DEPTH_MAX 64 /* nesting that json_scan_value can keep track of */

/* Skips white space. */
const char *json_scan_space(const char *at, const char *end);

/* at: the opening quote. Returns the place behind the closing one, or NULL. */
const char *json_scan_string(const char *at, const char *end);

/*
 * at: the first byte of any value. Returns the place behind the value, or NULL with a static text in *why.
 * depth_max: arrays and objects that may be open within each other, at most JSON_SCAN_DEPTH_MAX.
 */
const char *json_scan_value(const char *at, const char *end, unsigned depth_max, const char **why);

/* A walk over the members of an object that is the whole text. .at and .end are set by the caller. */
struct json_walk {
	const char *at, *end;
	const char *why; /* static, once the text is not what it should be */
	bool inside;
};

/* 1: a member, both as they stand in the text; 0: it was the last one before; -1: see why. */
int json_walk(struct json_walk *w, unsigned depth_max, struct slice *name, struct slice *value);

/* True if a valid raw string, quotes included, has this ASCII text, escapes undone. */
bool json_string_equal(struct slice raw, const char *ascii, size_t len);

/* What a valid raw string says, escapes undone; not zero-terminated. Its length, or JSON_NO_TEXT: it has more than room
 * bytes, or half of a surrogate pair. */
#define JSON_NO_TEXT ((size_t)-1)
size_t json_string_text(struct slice raw, char *out, size_t room);

#endif
