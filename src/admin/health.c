/* SPDX-License-Identifier: MIT */
/* /health for people and dashboards, /healthz and /readyz for supervisors and proxies. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

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

static void
put_crashes(char *out, size_t size, const struct admin_health *health)
{
	char at[CLOCK_ISO8601_LEN + 1] = "";
	int n = snprintf(out, size, "\"crashes\":{\"survived\":%" PRIu64 ",\"kept\":%" PRIu64 ",\"closed\":%" PRIu64,
			 health->crashes.n, health->crashes.kept, health->crashes.closed);

	if (health->crashes.n > 0) {
		clock_iso8601(at, health->crashes.last_real_ms);
		n += snprintf(out + n, size - (size_t)n, ",\"lastSignal\":%d,\"last\":\"%s\"",
			      health->crashes.last_signal, at);
	}
	snprintf(out + n, size - (size_t)n, "},");
}

/* Which holes it may have is not for the world to know. */
static void
put_private(char *out, size_t size, const struct exchange *ex, const struct admin_health *health)
{
	char crashes[192];

	out[0] = '\0';
	if (ex->side->which != ADMIN_SIDE_ADMIN)
		return;
	put_crashes(crashes, sizeof(crashes), health);
	snprintf(out, size, "\"version\":\"" PACKAGE_VERSION "\",\"pid\":%d,%s", (int)getpid(), crashes);
}

void
health_get(struct exchange *ex)
{
	struct admin_health health = read_health(ex);
	char now[CLOCK_ISO8601_LEN + 1] = "", private[320];

	clock_iso8601(now, clock_real_ms());
	put_private(private, sizeof(private), ex, &health);
	respond_json(ex, 200,
		     "{\"status\":\"%s\",\"instance\":\"%s\",%s\"state\":\"%s\",\"connections\":%" PRIu64
		     ",\"messagesPerSecond\":%" PRIu64 ",\"uptime\":%" PRIu64 ".%03" PRIu64 ",\"timestamp\":\"%s\"}",
		     health.not_ready ? health.not_ready : "ok", ex->side->admin->conf->instance, private, health.state,
		     health.connections, health.messages_per_second, health.uptime_ms / 1000, health.uptime_ms % 1000,
		     now);
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
