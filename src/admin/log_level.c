/* SPDX-License-Identifier: MIT */
/* /api/v1/log-level: how much is logged, read and changed at run time. */
#include <json-c/json.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "base/err.h"
#include "log/log.h"
#include "log/message_ids.h"

/* Said at the more talkative of the two levels, for it explains why there is more from here on, or less. */
static void
set_level(enum log_level level)
{
	enum log_level before = log_get_level();

	if (level > before)
		log_set_level(level);
	log_write(LOG_LEVEL_NOTICE, LOG_ID_LOG_LEVEL, NULL, "log level changes from %s to %s", log_level_name(before),
		  log_level_name(level));
	log_set_level(level);
}

/* False: the answer has been decided. */
static bool
change(struct exchange *ex)
{
	static const char *const members[] = { "level", NULL };
	struct json_object *body = params_body(ex, members), *value;
	enum log_level level;
	bool known;

	if (!body)
		return false;
	known = json_object_object_get_ex(body, "level", &value) && json_object_is_type(value, json_type_string) &&
		strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value) &&
		log_level_parse(json_object_get_string(value), &level) == WSD_OK;
	json_object_put(body);
	if (!known) {
		respond_error(ex, 400, "invalid_parameter", "level: expected error, warn, notice, info or debug");
		return false;
	}
	set_level(level);
	return true;
}

void
control_log_level(struct exchange *ex)
{
	if (ex->method == METHOD_PUT && !change(ex))
		return;
	respond_json(ex, 200, "{\"level\":\"%s\"}", log_level_name(log_get_level()));
}
