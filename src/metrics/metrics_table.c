/* SPDX-License-Identifier: MIT */
/* metrics.def as rows that can be walked, and the names of routes and statuses. */
#include "metrics/metrics_priv.h"

const struct metrics_row metrics_rows[] = {
#define METRIC_FAMILY(name_, type_, unit_, help_) \
	{ .kind = METRICS_ROW_FAMILY, .name = #name_, .type = #type_, .unit = #unit_, .help = help_ },
#define METRIC(id_, labels_) { .kind = METRICS_ROW_SAMPLE, .id = METRIC_##id_, .labels = labels_ },
#define METRIC_HISTOGRAM(id_, name_, unit_, help_, ...) \
	{ .kind = METRICS_ROW_HISTOGRAM, \
	  .id = HISTOGRAM_##id_, \
	  .name = #name_, \
	  .type = "histogram", \
	  .unit = #unit_, \
	  .help = help_ },
#include "metrics/metrics.def"
#undef METRIC_FAMILY
#undef METRIC
#undef METRIC_HISTOGRAM
	{ .kind = METRICS_ROW_END },
};

const uint16_t metrics_statuses[METRICS_STATUS_SLOTS] = {
	101, 200, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411,
	413, 414, 415, 416, 426, 429, 431, 500, 501, 502, 503, 504, 505,
};

const char *const metrics_route_names[ROUTES] = {
	[ROUTE_ROOT] = "/",
	[ROUTE_ASSETS] = "/client*",
	[ROUTE_WS] = "/ws/chat/{connectionId}",
	[ROUTE_HEALTH] = "/health",
	[ROUTE_HEALTHZ] = "/healthz",
	[ROUTE_READYZ] = "/readyz",
	[ROUTE_METRICS] = "/metrics",
	[ROUTE_API] = "/api/",
	[ROUTE_CONNECTIONS] = "/api/v1/connections",
	[ROUTE_CONNECTION] = "/api/v1/connections/{id}",
	[ROUTE_MESSAGES] = "/api/v1/connections/{id}/messages",
	[ROUTE_DRAIN] = "/api/v1/drain",
	[ROUTE_ACCEPT] = "/api/v1/accept",
	[ROUTE_HANDOFF] = "/api/v1/handoff",
	[ROUTE_LOG_LEVEL] = "/api/v1/log-level",
	[ROUTE_OTHER] = "other",
};
