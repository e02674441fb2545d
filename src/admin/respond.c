/* SPDX-License-Identifier: MIT */
/*
 * Answers. Every one carries the security headers and ends its connection, but for those to backends: the front desk
 * judges only the first request of a connection, and a proxy that kept one open would send a WebSocket handshake down a
 * connection that ends here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/admin_priv.h"
#include "admin/json_text.h"
#include "base/check.h"
#include "base/err.h"
#include "base/http_headers.h"
#include "conf/conf.h"

#define ERROR_MAX 512

static const char no_memory[] = "{\"error\":{\"code\":\"out_of_memory\",\"message\":\"out of memory\"}}\n";

static const char *const fixed_headers[][2] = {
#define HEADER(name, value) { name, value },
	HTTP_SECURITY_HEADERS(HEADER)
#undef HEADER
};

void
respond_discard(struct reply *reply)
{
	if (reply->owned_body)
		free(reply->body);
	*reply = (struct reply){ .status = 0 };
}

static void
set_body(struct exchange *ex, int status, const char *type, const char *policy, const char *body, size_t len)
{
	respond_discard(&ex->reply);
	ex->reply.status = status;
	ex->reply.type = type;
	ex->reply.policy = policy;
	ex->reply.body = (char *)body;
	ex->reply.len = len;
}

static void
set_no_memory(struct exchange *ex)
{
	set_body(ex, 503, TYPE_JSON, HTTP_POLICY_NONE, no_memory, sizeof(no_memory) - 1);
}

void
respond_static(struct exchange *ex, const char *type, const char *policy, const char *body, size_t len)
{
	set_body(ex, 200, type, policy ? policy : HTTP_POLICY_NONE, body, len);
}

void
respond_text(struct exchange *ex, int status, const char *type, char *body, size_t len)
{
	set_body(ex, status, type, HTTP_POLICY_NONE, body, len);
	ex->reply.owned_body = true;
}

void
respond_json(struct exchange *ex, int status, const char *format, ...)
{
	char *body = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&body, format, args);
	va_end(args);
	if (len < 0) {
		set_no_memory(ex);
		return;
	}
	body[len] = '\n'; /* in the place of the terminating zero, which nobody needs */
	respond_text(ex, status, TYPE_JSON, body, (size_t)len + 1);
}

void
respond_plain(struct exchange *ex, int status, const char *format, ...)
{
	char *body = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&body, format, args);
	va_end(args);
	if (len < 0)
		set_no_memory(ex);
	else
		respond_text(ex, status, "text/plain; charset=utf-8", body, (size_t)len);
}

void
respond_written(struct exchange *ex, const char *type, int (*write)(FILE *to, const void *arg), const void *arg)
{
	char *body = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&body, &len);
	int rc = to ? write(to, arg) : -ENOMEM;

	if (to && (fclose(to) != 0 || !body) && rc == WSD_OK)
		rc = -ENOMEM;
	if (rc == WSD_OK) {
		respond_text(ex, 200, type, body, len);
	} else {
		free(body);
		respond_failure(ex, rc);
	}
}

void
respond_error(struct exchange *ex, int status, const char *code, const char *format, ...)
{
	char message[ERROR_MAX], text[JSON_TEXT_ROOM(ERROR_MAX)];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	respond_json(ex, status, "{\"error\":{\"code\":\"%s\",\"message\":%s}}", code, json_text(text, message));
}

void
respond_header(struct exchange *ex, const char *name, const char *format, ...)
{
	struct reply *reply = &ex->reply;
	va_list args;
	int len;

	CHECK(reply->n_headers < ADMIN_HEADERS_MAX);
	va_start(args, format);
	len = vsnprintf(reply->headers[reply->n_headers].value, sizeof(reply->headers[0].value), format, args);
	va_end(args);
	CHECK(len >= 0 && (size_t)len < sizeof(reply->headers[0].value));
	reply->headers[reply->n_headers++].name = name;
}

struct wanted_tag {
	const char *etag;
	bool found;
};

/* If-None-Match is a list, in any number of lines, or "*" (RFC 9110, 13.1.2); our tags have no comma, and a weak match
 * will do. */
static enum MHD_Result
look_for_tag(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct wanted_tag *wanted = cls;
	const char *at;

	if (!value || strcasecmp(name, "If-None-Match") != 0)
		return MHD_YES;
	at = strstr(value, wanted->etag);
	wanted->found |= strcmp(value, "*") == 0 || (at && strchr(" \t,", at[strlen(wanted->etag)]));
	return MHD_YES;
}

void
respond_tag(struct exchange *ex, const char *etag)
{
	struct wanted_tag wanted = { .etag = etag };

	ex->reply.cache = "no-cache";
	respond_header(ex, "ETag", "%s", etag);
	MHD_get_connection_values(ex->conn, MHD_HEADER_KIND, look_for_tag, &wanted);
	if (!wanted.found)
		return;
	ex->reply.status = 304; /* MHD leaves out the body, and Content-Length is what 200 would say: RFC 9110, 8.6 */
}

void
respond_failure(struct exchange *ex, int code)
{
	switch (code) {
	case WSD_E_UNKNOWN:
		respond_error(ex, 404, "not_found", "there is no such connection");
		break;
	case WSD_E_BUSY:
		respond_error(ex, 409, "busy", "that is already under way");
		break;
	case WSD_E_TIMEOUT:
		respond_error(ex, 503, "timeout", "the server did not answer in time");
		break;
	case -ENOMEM:
		set_no_memory(ex);
		break;
	default:
		respond_error(ex, 500, "internal", "%s", wsd_strerror(code));
	}
}

static bool
add_header(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool
add_headers(struct MHD_Response *response, struct exchange *ex)
{
	const struct reply *reply = &ex->reply;
	unsigned max_age = ex->side->admin->conf->hsts_max_age_s;
	char security[32];
	bool added = add_header(response, "Content-Type", reply->type) &&
		     add_header(response, "Content-Security-Policy", reply->policy) &&
		     add_header(response, "Cache-Control", reply->cache ? reply->cache : "no-store") &&
		     add_header(response, "X-Request-Id", ex->request_id);

	for (size_t i = 0; i < sizeof(fixed_headers) / sizeof(fixed_headers[0]) && added; i++)
		added = add_header(response, fixed_headers[i][0], fixed_headers[i][1]);
	if (added && !ex->stays)
		added = add_header(response, "Connection", "close");
	if (added && ex->tls && max_age > 0) {
		snprintf(security, sizeof(security), HTTP_HSTS_FORMAT, max_age);
		added = add_header(response, "Strict-Transport-Security", security);
	}
	for (unsigned i = 0; i < reply->n_headers && added; i++)
		added = add_header(response, reply->headers[i].name, reply->headers[i].value);
	return added;
}

enum MHD_Result
respond_send(struct exchange *ex)
{
	struct reply *reply = &ex->reply;
	struct MHD_Response *response;
	enum MHD_ResponseMemoryMode kind = MHD_RESPMEM_PERSISTENT;
	enum MHD_Result queued = MHD_NO;

	if (reply->owned_body)
		kind = MHD_RESPMEM_MUST_FREE;
	response = MHD_create_response_from_buffer(reply->len, reply->body, kind);
	if (!response)
		return MHD_NO; /* out of memory: costs this connection */
	reply->owned_body = false;
	if (add_headers(response, ex))
		queued = MHD_queue_response(ex->conn, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	if (ex->route &&
	    ((ex->route->changes & ex->method) || (ex->route->readers == READERS_BACKENDS && reply->status == 401)))
		audit_change(ex);
	if (queued == MHD_YES)
		metrics_http(ex->side->shard, ex->route ? ex->route->metric : ROUTE_OTHER, reply->status);
	return queued;
}
