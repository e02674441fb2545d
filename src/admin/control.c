/* SPDX-License-Identifier: MIT */
/* Calls that change what the server does: drain, take new connections or not, log more or less. */
#include <json-c/json.h>

#include "admin/admin_priv.h"
#include "admin/json_add.h"
#include "base/err.h"
#include "log/log.h"
#include "log/message_ids.h"

void
control_drain(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct json_object *body = params_body(ex, NULL), *o;
	int rc;

	if (!body)
		return;
	json_object_put(body);
	rc = ops->drain(ops->arg);
	if (rc != WSD_OK) {
		respond_failure(ex, rc);
		return;
	}
	o = json_object_new_object();
	json_add(&o, "state", json_object_new_string("draining"));
	respond_json(ex, 202, o);
}

void
control_accept(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct json_object *body = params_body(ex, "accept"), *value, *o;
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
	if (rc != WSD_OK) {
		respond_failure(ex, rc);
		return;
	}
	o = json_object_new_object();
	json_add(&o, "accept", json_object_new_boolean(on));
	respond_json(ex, 200, o);
}

/* True if the body asked for a level; else the answer has been decided. */
static bool
read_level(struct exchange *ex, enum log_level *out)
{
	struct json_object *body = params_body(ex, "level"), *value;
	bool good;

	if (!body)
		return false;
	good = json_object_object_get_ex(body, "level", &value) && json_object_is_type(value, json_type_string) &&
	       log_level_parse(json_object_get_string(value), out) == WSD_OK;
	json_object_put(body);
	if (!good)
		respond_error(ex, 400, "invalid_parameter", "level: expected error, warn, notice, info or debug");
	return good;
}

/* GET tells, PUT changes; until the next start. */
void
control_log_level(struct exchange *ex)
{
	enum log_level level = log_get_level(), wanted = level;
	struct json_object *o;

	if (ex->method == METHOD_PUT) {
		if (!read_level(ex, &wanted))
			return;
		/* said while notices are still logged, or are again */
		if (wanted > level)
			log_set_level(wanted);
		LOG_AT(LOG_LEVEL_NOTICE, LOG_ID_LOG_LEVEL, NULL, "log level changed from %s to %s", log_level_name(level),
		       log_level_name(wanted));
		log_set_level(wanted);
	}
	o = json_object_new_object();
	json_add(&o, "level", json_object_new_string(log_level_name(wanted)));
	respond_json(ex, 200, o);
}
