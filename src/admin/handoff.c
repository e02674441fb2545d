/* SPDX-License-Identifier: MIT */
/* /api/v1/handoff: begins to move the connections to another instance, and tells how far that is. */
#include <string.h>

#include "admin/admin_priv.h"
#include "admin/json_add.h"
#include "base/err.h"

#define INSTANCE_MAX 32

static bool
is_instance(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= INSTANCE_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* False: the answer has been decided. */
static bool
begin(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct json_object *body = params_body(ex, "to"), *value;
	char to[INSTANCE_MAX + 1] = "";
	int rc;

	if (!body)
		return false;
	if (json_object_object_get_ex(body, "to", &value) && json_object_is_type(value, json_type_string) &&
	    is_instance(json_object_get_string(value)))
		strcpy(to, json_object_get_string(value));
	json_object_put(body);
	if (to[0] == '\0') {
		respond_error(ex, 400, "invalid_parameter", "to: expected the name of an instance, such as green");
		return false;
	}
	rc = ops->handoff(ops->arg, to);
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
	struct json_object *o;
	int rc;

	if (ex->method == METHOD_POST && !begin(ex))
		return;
	rc = ops->handoff_status(ops->arg, &h);
	if (rc != WSD_OK) {
		respond_failure(ex, rc);
		return;
	}
	o = json_object_new_object();
	json_add(&o, "state", json_object_new_string(state_of(&h)));
	json_add(&o, "to", json_object_new_string(h.to));
	json_add(&o, "connections", json_object_new_uint64(h.at_start));
	json_add(&o, "moved", json_object_new_uint64(h.moved));
	json_add(&o, "refused", json_object_new_uint64(h.refused));
	json_add(&o, "unmovable", json_object_new_uint64(h.unmovable));
	json_add(&o, "kept", json_object_new_uint64(h.kept));
	json_add(&o, "milliseconds", json_object_new_uint64(h.ms));
	json_add(&o, "reason", json_object_new_string(h.why));
	respond_json(ex, ex->method == METHOD_POST ? 202 : 200, o);
}
