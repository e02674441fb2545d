/* SPDX-License-Identifier: MIT */
/* The one table of routes, and what the head of a request decides: the path, the method, the side, the right
 * to see and to change. */
#include <string.h>

#include "admin/admin_priv.h"
#include "base/percent.h"

static const struct route routes[] = {
	{ "/", ROUTE_ROOT, METHOD_GET, 0, READERS_ALL, page_index },
	{ "/client/{id}", ROUTE_ASSETS, METHOD_GET, 0, READERS_ALL, page_part },
	{ "/client.json", ROUTE_ASSETS, METHOD_GET, 0, READERS_ALL, page_facts },
	{ "/health", ROUTE_HEALTH, METHOD_GET, 0, READERS_ALL, health_get },
	{ "/healthz", ROUTE_HEALTHZ, METHOD_GET, 0, READERS_ALL, health_live },
	{ "/readyz", ROUTE_READYZ, METHOD_GET, 0, READERS_ALL, health_ready },
	{ "/metrics", ROUTE_METRICS, METHOD_GET, 0, READERS_ADMIN, scrape_get },
	{ "/api/{id}", ROUTE_API, METHOD_POST, 0, READERS_BACKENDS, api_handle },
	{ "/api/v1/connections", ROUTE_CONNECTIONS, METHOD_GET, 0, READERS_OPERATORS, connections_list },
	{ "/api/v1/connections/{id}", ROUTE_CONNECTION, METHOD_GET | METHOD_DELETE, METHOD_DELETE, READERS_OPERATORS,
	  connections_one },
	{ "/api/v1/connections/{id}/messages", ROUTE_MESSAGES, METHOD_POST, 0, READERS_BACKENDS, api_message },
	{ "/api/v1/drain", ROUTE_DRAIN, METHOD_POST, METHOD_POST, READERS_ADMIN, control_drain },
	{ "/api/v1/accept", ROUTE_ACCEPT, METHOD_POST, METHOD_POST, READERS_ADMIN, control_accept },
	{ "/api/v1/handoff", ROUTE_HANDOFF, METHOD_GET | METHOD_POST, METHOD_POST, READERS_ADMIN, control_handoff },
	{ "/api/v1/log-level", ROUTE_LOG_LEVEL, METHOD_GET | METHOD_PUT, METHOD_PUT, READERS_ADMIN, control_log_level },
};

static enum method
parse_method(const char *name)
{
	if (strcmp(name, "GET") == 0 || strcmp(name, "HEAD") == 0)
		return METHOD_GET;
	if (strcmp(name, "POST") == 0)
		return METHOD_POST;
	if (strcmp(name, "PUT") == 0)
		return METHOD_PUT;
	return strcmp(name, "DELETE") == 0 ? METHOD_DELETE : METHOD_OTHER;
}

/* *param: the segment that stands for {id}; at NULL: the route has none. */
static bool
matches(const struct route *route, const char *url, struct slice *param)
{
	const char *brace = strchr(route->path, '{');
	size_t fixed = brace ? (size_t)(brace - route->path) : 0;

	*param = (struct slice){ NULL, 0 };
	if (!brace)
		return strcmp(route->path, url) == 0;
	if (strncmp(route->path, url, fixed) != 0 || url[fixed] == '\0')
		return false;
	*param = (struct slice){ url + fixed, strcspn(url + fixed, "/") };
	return strcmp(url + fixed + param->len, brace + strlen("{id}")) == 0;
}

static const struct route *
find_route(const char *url, enum admin_side side, struct slice *param)
{
	for (unsigned i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if ((side == ADMIN_SIDE_ADMIN || routes[i].readers == READERS_ALL) && matches(&routes[i], url, param))
			return &routes[i];
	return NULL;
}

static void
refuse_method(struct exchange *ex)
{
	unsigned methods = ex->route->methods;

	respond_error(ex, 405, "method_not_allowed", "this path does not take that method");
	respond_header(ex, "Allow", "%s%s%s%s", methods & METHOD_GET ? "GET, HEAD" : "",
		       methods & METHOD_POST ? (methods & METHOD_GET ? ", POST" : "POST") : "",
		       methods & METHOD_PUT ? ", PUT" : "", methods & METHOD_DELETE ? ", DELETE" : "");
}

static bool
authorized(struct exchange *ex)
{
	if (ex->route->readers == READERS_BACKENDS)
		return authorize_backend(ex);
	if ((ex->route->changes & ex->method) || ex->route->readers == READERS_OPERATORS)
		return authorize_operator(ex);
	return ex->route->readers == READERS_ALL || authorize_look(ex);
}

void
routes_judge(struct exchange *ex, const char *url, const char *method)
{
	struct slice param;

	ex->method = parse_method(method);
	ex->route = find_route(url, ex->side->which, &param);
	if (!ex->route)
		respond_error(ex, 404, "not_found", "there is nothing at this path");
	else if (!(ex->route->methods & ex->method))
		refuse_method(ex);
	else if (!authorized(ex))
		return;
	else if (param.at && (percent_decode(param, ex->param, sizeof(ex->param)) < 0 ||
			      !name_begins_connection_id(slice_of(ex->param))))
		respond_error(ex, 400, "invalid_parameter", "id: expected " CONNECTION_ID_RULE);
}
