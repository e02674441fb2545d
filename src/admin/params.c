/* SPDX-License-Identifier: MIT */
/* Reading what a request brings: escapes, ids, JSON bodies. */
#include <json-c/json.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "base/err.h"

#define JSON_DEPTH 8

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
params_decode(char *out, size_t size, const char *in)
{
	size_t len = 0;

	for (; *in; in++) {
		char c = *in;

		if (c == '%') {
			int high = hex_digit(in[1]), low = high >= 0 ? hex_digit(in[2]) : -1;

			if (low < 0 || (high == 0 && low == 0))
				return WSD_E_MALFORMED;
			c = (char)(high << 4 | low);
			in += 2;
		}
		if (len + 1 >= size)
			return WSD_E_TOO_LARGE;
		out[len++] = c;
	}
	out[len] = '\0';
	return (int)len;
}

bool
params_is_id(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
	size_t len = strlen(text);

	return len >= 1 && len <= ADMIN_ID_MAX && strspn(text, allowed) == len;
}

/* NULL with *why set, or with *why NULL: out of memory. */
static struct json_object *
parse(const char *text, size_t len, const char **why)
{
	struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH);
	struct json_object *object = NULL;
	enum json_tokener_error error;

	*why = NULL;
	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tok, text, (int)len);
	error = json_tokener_get_error(tok);
	if (error == json_tokener_continue)
		*why = "it ends too early";
	else if (error != json_tokener_success)
		*why = json_tokener_error_desc(error);
	else if (!json_object_is_type(object, json_type_object))
		*why = "expected an object";
	if (*why) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tok);
	return object;
}

struct json_object *
params_body(struct exchange *ex, const char *member)
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
	json_object_object_foreach(object, name, value) {
		(void)value;
		if (!member || strcmp(name, member) != 0) {
			respond_error(ex, 400, "invalid_parameter", "%.64s: unknown member of the body", name);
			json_object_put(object);
			return NULL;
		}
	}
	return object;
}
