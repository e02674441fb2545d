/* SPDX-License-Identifier: MIT */
/* /health for people and dashboards, /healthz and /readyz for supervisors and proxies. */
#include <inttypes.h>

#include "admin/admin_priv.h"
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
	/* which holes it may have is not for the world to know */
	bool admin = ex->side->which == ADMIN_SIDE_ADMIN;
	char now[CLOCK_ISO8601_LEN + 1] = "";

	clock_iso8601(now, clock_real_ms());
	respond_json(ex, 200,
		     "{\"status\":\"%s\",\"instance\":\"%s\",%s\"state\":\"%s\",\"connections\":%" PRIu64
		     ",\"messagesPerSecond\":%" PRIu64 ",\"uptime\":%" PRIu64 ".%03" PRIu64 ",\"timestamp\":\"%s\"}",
		     health.not_ready ? health.not_ready : "ok", ex->side->admin->conf->instance,
		     admin ? "\"version\":\"" PACKAGE_VERSION "\"," : "", health.state, health.connections,
		     health.messages_per_second, health.uptime_ms / 1000, health.uptime_ms % 1000, now);
}

void
health_live(struct exchange *ex)
{
	respond_json(ex, 200, "{\"status\":\"ok\"}");
}

void
health_ready(struct exchange *ex)
{
	struct admin_health health = read_health(ex);

	if (!health.not_ready) {
		respond_json(ex, 200, "{\"status\":\"ready\"}");
		return;
	}
	respond_json(ex, 503, "{\"status\":\"not_ready\",\"reason\":\"%s\"}", health.not_ready);
	respond_header(ex, "Retry-After", "1");
}
