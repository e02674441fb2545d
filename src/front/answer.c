/* SPDX-License-Identifier: MIT */
/* The front desk's own answers: refusals, complete with everything that the HTTP side's answers have. Main thread. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/forwarded.h"
#include "base/http_headers.h"
#include "base/request_id.h"
#include "front/front_priv.h"

#define LINE(name, value) name ": " value "\r\n"

static const char *
status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Internal Server Error";
}

/* A client that showed no token is told no error: RFC 6750, 3.1. */
static const char *
extra_headers(int status, const char *code)
{
	switch (status) {
	case 401:
		return strcmp(code, "unauthorized") == 0
			       ? "WWW-Authenticate: Bearer realm=\"wsd\"\r\n"
			       : "WWW-Authenticate: Bearer realm=\"wsd\", error=\"invalid_token\"\r\n";
	case 405:
		return "Allow: GET\r\n";
	case 426:
		return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
	default:
		return "";
	}
}

/* Strict-Transport-Security, RFC 6797, 7.2: not over plain HTTP. */
static const char *
transport_security(char *out, size_t size, const struct visitor *v, const struct request *r)
{
	const struct conf *conf = v->front->conf;
	struct addr peer = addr_from_sockaddr(&v->peer.sa, v->peer_len);

	out[0] = '\0';
	if (conf->hsts_max_age_s > 0 && forwarded_tls(&peer, r->forwarded_proto, &conf->trusted_proxies))
		snprintf(out, size, "Strict-Transport-Security: " HTTP_HSTS_FORMAT "\r\n", conf->hsts_max_age_s);
	return out;
}

void
answer_refuse(struct visitor *v, const struct request *r, int status, const char *code, const char *why,
	      unsigned retry_after_s)
{
	char id[REQUEST_ID_MAX + 1], retry[40] = "", security[64], body[512], answer[1536];
	int body_len, len;

	metrics_http(v->front->shard, v->lobby->admin || r->kind == REQUEST_HTTP ? ROUTE_OTHER : ROUTE_WS, status);
	if (retry_after_s > 0)
		snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", retry_after_s);
	body_len = snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, why);
	CHECK(body_len > 0 && (size_t)body_len < sizeof(body));
	request_id_choose(id, r->request_id);
	len = snprintf(answer, sizeof(answer),
		       "HTTP/1.1 %d %s\r\n"
		       "Content-Type: application/json\r\n"
		       "Content-Length: %d\r\n"
		       "Connection: %s\r\n"
		       "%s%s%s"
		       "X-Request-Id: %s\r\n"
		       "Cache-Control: no-store\r\n"
		       "Content-Security-Policy: " HTTP_POLICY_NONE "\r\n" HTTP_SECURITY_HEADERS(LINE) "\r\n%s",
		       status, status_text(status), body_len, status == 426 ? "close, Upgrade" : "close",
		       extra_headers(status, code), retry, transport_security(security, sizeof(security), v, r), id,
		       slice_equal(r->method, "HEAD") ? "" : body);
	CHECK(len > 0 && (size_t)len < sizeof(answer));
	visitor_answer(v, answer, (size_t)len);
}
