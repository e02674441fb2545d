/* SPDX-License-Identifier: MIT */
/* Reading what a request brings as JSON. */
#include <json-c/json.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "base/err.h"
#include "proto/json_scan.h"
#include "proto/utf8.h"

#define JSON_DEPTH 8

/* The parser of json-c takes more than JSON (names in single quotes, anything behind a zero byte): our
 * scanner looks first. */
static bool
is_json_object(const char *text, size_t len, const char **why)
{
	const char *end = text + len, *at = json_scan_space(text, end);

	*why = "not UTF-8";
	if (!utf8_valid(text, len))
		return false;
	*why = "expected an object";
	if (at == end || *at != '{')
		return false;
	at = json_scan_value(at, end, JSON_DEPTH, why);
	if (!at)
		return false;
	*why = "something follows the object";
	return json_scan_space(at, end) == end;
}

/* NULL with *why set, or with *why NULL: out of memory. */
static struct json_object *
parse(const char *text, size_t len, const char **why)
{
	struct json_tokener *tok;
	struct json_object *object;

	if (!is_json_object(text, len, why))
		return NULL;
	*why = NULL;
	tok = json_tokener_new_ex(JSON_DEPTH + 1); /* it counts the scalars as a level */
	if (!tok)
		return NULL;
	object = json_tokener_parse_ex(tok, text, (int)len);
	if (!object)
		*why = json_tokener_error_desc(json_tokener_get_error(tok));
	json_tokener_free(tok);
	return object;
}

static bool
is_one_of(const char *name, const char *const *members)
{
	for (; members && *members; members++)
		if (strcmp(name, *members) == 0)
			return true;
	return false;
}

struct json_object *
params_body(struct exchange *ex, const char *const *members)
{
	const char *why;
	struct json_object *object;

	if (!ex->body)
		object = json_object_new_object(), why = NULL;
	else
		object = parse(ex->body, ex->body_len, &why);
	if (!object) {
		if (why)
			respond_error(ex, 400, "invalid_json", "the body is not JSON that can be used: %s", why);
		else
			respond_failure(ex, -ENOMEM);
		return NULL;
	}
	json_object_object_foreach(object, name, value)
	{
		(void)value;
		if (!is_one_of(name, members)) {
			respond_error(ex, 400, "invalid_parameter", "%.64s: unknown member of the body", name);
			json_object_put(object);
			return NULL;
		}
	}
	return object;
}
