/* SPDX-License-Identifier: MIT */
/* /api/v1/handoff: begins to move the connections to another instance, or to send them there, and tells how far that
 * is. */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "admin/json_text.h"
#include "base/err.h"

/* NULL: there is no such member, or it is no string (or one with a zero in it). */
static const char *
text_member(struct json_object *body, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(body, name, &value) || !json_object_is_type(value, json_type_string) ||
	    strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		return NULL;
	return json_object_get_string(value);
}

/* "move", as without it, or "close". */
static bool
take_connections(struct json_object *body, bool *close)
{
	const char *how = text_member(body, "connections");

	*close = how && strcmp(how, "close") == 0;
	if (!how)
		return !json_object_object_get_ex(body, "connections", NULL);
	return *close || strcmp(how, "move") == 0;
}

/* False: the answer has been decided. */
static bool
take_order(struct exchange *ex, char to[INSTANCE_NAME_MAX + 1], bool *close)
{
	static const char *const members[] = { "to", "connections", NULL };
	struct json_object *body = params_body(ex, members);
	const char *name;
	bool known;

	if (!body)
		return false;
	name = text_member(body, "to");
	to[0] = '\0';
	if (name && name_is_instance(name))
		strcpy(to, name);
	known = take_connections(body, close);
	json_object_put(body);
	if (to[0] == '\0')
		respond_error(ex, 400, "invalid_parameter", "to: expected the name of an instance, such as green");
	else if (!known)
		respond_error(ex, 400, "invalid_parameter", "connections: expected \"move\" or \"close\"");
	return to[0] != '\0' && known;
}

/* False: the answer has been decided. */
static bool
begin(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	char to[INSTANCE_NAME_MAX + 1];
	bool close;
	int rc;

	if (!take_order(ex, to, &close))
		return false;
	rc = ops->handoff(ops->arg, to, close);
	if (rc == WSD_OK)
		return true;
	if (rc < 0 && rc > -1000 && rc != -ENOMEM)
		respond_error(ex, 409, "unreachable", "%s cannot be reached: %s", to, wsd_strerror(rc));
	else
		respond_failure(ex, rc);
	return false;
}

static const char *
state_of(const struct admin_handoff *h)
{
	if (h->to[0] == '\0')
		return "none";
	return h->running ? "running" : h->ok ? "done" : "failed";
}

void
control_handoff(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct admin_handoff h;
	char reason[JSON_TEXT_ROOM(sizeof(h.why))];
	int rc;

	if (ex->method == METHOD_POST && !begin(ex))
		return;
	rc = ops->handoff_status(ops->arg, &h);
	if (rc != WSD_OK) {
		respond_failure(ex, rc);
		return;
	}
	respond_json(ex, ex->method == METHOD_POST ? 202 : 200,
		     "{\"state\":\"%s\",\"to\":\"%s\",\"connections\":%" PRIu64 ",\"mode\":\"%s\",\"closed\":%" PRIu64
		     ",\"moved\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"unmovable\":%" PRIu64 ",\"kept\":%" PRIu64
		     ",\"milliseconds\":%" PRIu64 ",\"reason\":%s}",
		     state_of(&h), h.to, h.at_start, h.close ? "close" : "move", h.closed, h.moved, h.refused,
		     h.unmovable, h.kept, h.ms, json_text(reason, h.why));
}
