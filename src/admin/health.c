/* SPDX-License-Identifier: MIT */
/* /health for people and dashboards, /healthz and /readyz for supervisors and proxies. */
#include <json-c/json.h>
#include <stdio.h>

#include "admin/admin_priv.h"
#include "admin/json_add.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "config.h"

static struct admin_health
read_health(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct admin_health health = { .state = "starting", .not_ready = "starting_up" };

	ops->health(ops->arg, &health);
	return health;
}

void
health_get(struct exchange *ex)
{
	struct admin_health health = read_health(ex);
	struct json_object *o = json_object_new_object();
	char now[CLOCK_ISO8601_LEN + 1] = "", uptime[32];

	clock_iso8601(now, clock_real_ms());
	snprintf(uptime, sizeof(uptime), "%llu.%03llu", (unsigned long long)(health.uptime_ms / 1000),
		 (unsigned long long)(health.uptime_ms % 1000));
	json_add(&o, "status", json_object_new_string(health.not_ready ? health.not_ready : "ok"));
	json_add(&o, "instance", json_object_new_string(ex->side->admin->conf->instance));
	if (ex->side->which == ADMIN_SIDE_ADMIN) /* which holes it may have is not for the world to know */
		json_add(&o, "version", json_object_new_string(PACKAGE_VERSION));
	json_add(&o, "state", json_object_new_string(health.state));
	json_add(&o, "connections", json_object_new_uint64(health.connections));
	json_add(&o, "messagesPerSecond", json_object_new_uint64(health.messages_per_second));
	json_add(&o, "uptime", json_object_new_double_s((double)health.uptime_ms / 1000, uptime));
	json_add(&o, "timestamp", json_object_new_string(now));
	respond_json(ex, 200, o);
}

void
health_live(struct exchange *ex)
{
	struct json_object *o = json_object_new_object();

	json_add(&o, "status", json_object_new_string("ok"));
	respond_json(ex, 200, o);
}

void
health_ready(struct exchange *ex)
{
	struct admin_health health = read_health(ex);
	struct json_object *o = json_object_new_object();

	json_add(&o, "status", json_object_new_string(health.not_ready ? "not_ready" : "ready"));
	if (health.not_ready)
		json_add(&o, "reason", json_object_new_string(health.not_ready));
	respond_json(ex, health.not_ready ? 503 : 200, o);
	if (health.not_ready)
		respond_header(ex, "Retry-After", "1");
}
