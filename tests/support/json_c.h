/* SPDX-License-Identifier: MIT */
/* json-c as the second opinion on JSON, in its strict mode. */
#ifndef WSD_TESTS_JSON_C_H
#define WSD_TESTS_JSON_C_H

#include <stddef.h>

#include <json.h>

#define JSON_C_DEPTH 256

/* The whole text as a value, or NULL; the caller puts it. Nesting is no reason to refuse it. "null" is NULL
 * too. */
static inline struct json_object *
json_c_parse(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_C_DEPTH);
	struct json_object *value;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, text, (int)len);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, "", 1); /* a bare number ends only with the text */
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(value);
		value = NULL;
	}
	json_tokener_free(tokener);
	return value;
}

#endif
