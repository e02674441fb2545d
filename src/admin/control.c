/* SPDX-License-Identifier: MIT */
/* Calls that change what the server does: drain, take new connections or not. */
#include <json-c/json.h>

#include "admin/admin_priv.h"
#include "admin/json_text.h"
#include "base/err.h"

void
control_drain(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct json_object *body = params_body(ex, NULL);
	int rc;

	if (!body)
		return;
	json_object_put(body);
	rc = ops->drain(ops->arg);
	if (rc == WSD_OK)
		respond_json(ex, 202, "{\"state\":\"draining\"}");
	else
		respond_failure(ex, rc);
}

void
control_accept(struct exchange *ex)
{
	static const char *const members[] = { "accept", NULL };
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct json_object *body = params_body(ex, members), *value;
	bool on;
	int rc;

	if (!body)
		return;
	if (!json_object_object_get_ex(body, "accept", &value) || !json_object_is_type(value, json_type_boolean)) {
		respond_error(ex, 400, "invalid_parameter", "accept: expected true or false");
		json_object_put(body);
		return;
	}
	on = json_object_get_boolean(value);
	json_object_put(body);
	rc = ops->accept(ops->arg, on);
	if (rc == WSD_OK)
		respond_json(ex, 200, "{\"accept\":%s}", json_boolean(on));
	else
		respond_failure(ex, rc);
}
