/* SPDX-License-Identifier: MIT */
#include "ctl/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/err.h"
#include "ctl/http.h"
#include "ctl/why.h"

#define TIMEOUT_MS 5000 /* an instance that is alive answers within 2 s */

const char *
api_text(struct json_object *o, const char *name)
{
	struct json_object *value;

	if (json_object_object_get_ex(o, name, &value) && json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	return "";
}

long long
api_number(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value) ? (long long)json_object_get_int64(value) : 0;
}

/* At most as deep as the parser goes. */
static void
clean(struct json_object *o)
{
	char *copy;

	switch (json_object_get_type(o)) {
	case json_type_string:
		if (why_is_clean(json_object_get_string(o)))
			break;
		copy = strdup(json_object_get_string(o));
		if (copy)
			why_clean(copy, false);
		json_object_set_string(o, copy ? copy : "");
		free(copy);
		break;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(o); i++)
			clean(json_object_array_get_idx(o, i));
		break;
	case json_type_object: {
		json_object_object_foreach(o, name, value)
		{
			clean(value);
			if (!why_is_clean(name))
				json_object_object_del(o, name);
		}
		break;
	}
	default:
		break;
	}
}

struct json_object *
api_parse(const char *text)
{
	struct json_object *o = json_tokener_parse(text);

	clean(o);
	return o;
}

static int
refusal(long status, struct json_object *body, const char *instance, struct why *why)
{
	struct json_object *error = NULL;
	const char *said;
	int code = status == 404   ? WSD_E_UNKNOWN
		   : status == 409 ? WSD_E_BUSY
		   : status == 429 ? WSD_E_FULL
				   : WSD_E_UNSUPPORTED;

	json_object_object_get_ex(body, "error", &error);
	said = api_text(error, "message");
	return why_set(why, code, "%s answered %ld%s%s", instance, status, said[0] ? ": " : "", said);
}

static int
unreachable(int rc, const char *instance, const char *socket, struct why *why)
{
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		return why_set(why, rc, "%s is not running (nobody listens on %s)", instance, socket);
	if (rc == -EACCES)
		return why_set(why, rc, "%s is for root and members of the group ws only", socket);
	return rc == -EINTR ? rc : why_set(why, rc, "%s: %s", socket, why->text);
}

int
api_ask(const char *instance, const char *method, const char *path, const char *body, struct json_object **out,
	struct why *why)
{
	struct json_object *o = NULL;
	struct http_answer answer;
	char socket[128], url[1024];
	struct http_request request = {
		.method = method, .url = url, .socket = socket, .body = body, .timeout_ms = TIMEOUT_MS
	};
	int rc;

	if (out)
		*out = NULL;
	snprintf(socket, sizeof(socket), "/run/ws/%s/admin.sock", instance);
	if (snprintf(url, sizeof(url), "http://localhost%s", path) >= (int)sizeof(url))
		return why_set(why, WSD_E_TOO_LARGE, "%.80s...: too long", path);
	rc = http_ask(&request, &answer, why);
	if (rc != WSD_OK)
		rc = unreachable(rc, instance, socket, why);
	else if (answer.body)
		o = api_parse(answer.body);
	if (rc == WSD_OK && answer.status / 100 != 2)
		rc = refusal(answer.status, o, instance, why);
	else if (rc == WSD_OK && !o)
		rc = why_set(why, WSD_E_MALFORMED, "%s gave an answer that is no JSON", instance);
	http_answer_deinit(&answer);
	if (rc == WSD_OK && out)
		*out = o;
	else
		json_object_put(o);
	return rc;
}
