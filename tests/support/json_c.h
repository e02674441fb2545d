/* SPDX-License-Identifier: MIT */
/* json-c as the second opinion on JSON, in its strict mode. */
#ifndef WSD_TESTS_JSON_C_H
#define WSD_TESTS_JSON_C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

#define JSON_C_DEPTH 256

/* json-c 0.18 takes every byte from 0x80 on for a control character in its strict mode, where char is signed. */
static inline bool
json_c_takes_utf8(void)
{
	static enum { UNKNOWN, YES, NO } taken;
	struct json_tokener *tokener;
	struct json_object *value;

	if (taken != UNKNOWN)
		return taken == YES;
	tokener = json_tokener_new();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, "\"\xc3\xa9\"", -1);
	taken = value ? YES : NO;
	json_object_put(value);
	json_tokener_free(tokener);
	return taken == YES;
}

/* What it does not take becomes question marks. */
static inline void
json_c_cut_utf8(char *text, size_t len)
{
	for (size_t i = 0; i < len && !json_c_takes_utf8(); i++)
		if ((unsigned char)text[i] >= 0x80)
			text[i] = '?';
}

/* The whole text as a value, or NULL; the caller puts it. Nesting is no reason to refuse it. "null" is NULL
 * too. It is for the caller to check UTF-8: where json-c cannot, other characters stand in its place, which
 * are no JSON either outside of strings. */
static inline struct json_object *
json_c_parse(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_C_DEPTH);
	struct json_object *value;
	char *copy = malloc(len + 1);

	memcpy(copy, text, len);
	json_c_cut_utf8(copy, len);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, copy, (int)len);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, "", 1); /* a bare number ends only with the text */
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(value);
		value = NULL;
	}
	json_tokener_free(tokener);
	free(copy);
	return value;
}

#endif
