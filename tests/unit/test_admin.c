/* SPDX-License-Identifier: MIT */
/* Routes, methods, sides, rights and headers of the HTTP interface. */
#include "support/admin_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/err.h"
#include "log/log.h"
#include "metrics/metrics_priv.h"

#define TOKEN "correct-horse"

static struct admin_rig rig;

static int
set_up(void **state)
{
	admin_rig_start(&rig, NULL, NULL);
	return 0;
}

static int
set_up_token(void **state)
{
	admin_rig_start(&rig, TOKEN, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	admin_rig_stop(&rig);
	return 0;
}

/* Asks without headers or body, as a local TCP client unless said otherwise. */
static struct http_answer
ask(enum admin_side side, const char *peer, const char *request_line)
{
	struct http_answer answer;

	admin_rig_ask(&rig, &answer, side, peer, request_line, "", "");
	return answer;
}

/* True if the answer has the status, all security headers, and a JSON body that holds this text. */
static void
answers(struct http_answer answer, int status, const char *part)
{
	struct json_object *json;

	if (answer.status != status || !strstr(answer.body, part))
		fail_msg("expected %d with %s, got\n%s", status, part, answer.text);
	admin_rig_check_headers(&answer);
	assert_string_equal(admin_rig_header(&answer, "Content-Type"), "application/json");
	assert_string_equal(admin_rig_header(&answer, "Content-Security-Policy"),
			    "default-src 'none'; frame-ancestors 'none'");
	json = json_tokener_parse(answer.body);
	assert_non_null(json);
	json_object_put(json);
	admin_rig_free(&answer);
}

static void
test_health(void **state)
{
	struct http_answer answer;
	struct json_object *json, *value;

	answer = ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /health HTTP/1.1");
	assert_int_equal(answer.status, 200);
	json = json_tokener_parse(answer.body);
	assert_true(json_object_object_get_ex(json, "uptime", &value));
	assert_float_equal(json_object_get_double(value), 61.007, 1e-9);
	assert_true(json_object_object_get_ex(json, "connections", &value));
	assert_int_equal(json_object_get_int(value), 42);
	assert_true(json_object_object_get_ex(json, "timestamp", &value));
	assert_int_equal(json_object_get_string_len(value), 24);
	assert_true(json_object_object_get_ex(json, "messagesPerSecond", &value));
	assert_int_equal(json_object_get_int(value), 17);
	assert_int_equal(json_object_object_length(json), 7); /* without the version */
	json_object_put(json);
	answers(answer, 200, "\"status\":\"ok\",\"instance\":\"blue\",\"state\":\"running\"");
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /health HTTP/1.1"), 200, "\"version\":\"");
	answers(ask(ADMIN_SIDE_ADMIN, "unix", "GET /health HTTP/1.1"), 200, "\"state\":\"running\"");
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "{\"status\":\"ok\"}");
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /readyz?x=1 HTTP/1.1"), 200,
		"{\"status\":\"ready\"}");

	rig.script.health.not_ready = "draining";
	rig.script.health.state = "draining";
	answer = ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /readyz HTTP/1.0");
	assert_string_equal(admin_rig_header(&answer, "Retry-After"), "1");
	answers(answer, 503, "{\"status\":\"not_ready\",\"reason\":\"draining\"}");
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /health HTTP/1.1"), 200, "\"status\":\"draining\"");
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "{\"status\":\"ok\"}");
}

#define POLICY(ws)                                                                                  \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'" ws "; " \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* The web client's files come whole, as the right types, and nothing in the page is inline. */
static void
test_page(void **state)
{
	static const char *const files[][3] = {
		{ "/", "text/html; charset=utf-8", "</html>\n" },
		{ "/client/client.css", "text/css; charset=utf-8", "}\n" },
		{ "/client/app.js", "text/javascript; charset=utf-8", "start();\n" },
		{ "/client/icon.svg", "image/svg+xml", "</svg>\n" },
	};

	for (unsigned side = 0; side < ADMIN_SIDES; side++) {
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			char line[64];
			struct http_answer answer;

			snprintf(line, sizeof(line), "GET %s HTTP/1.1", files[i][0]);
			answer = ask((enum admin_side)side, "203.0.113.1", line);
			assert_int_equal(answer.status, 200);
			admin_rig_check_headers(&answer);
			assert_string_equal(admin_rig_header(&answer, "Content-Type"), files[i][1]);
			assert_string_equal(answer.body + answer.body_len - strlen(files[i][2]), files[i][2]);
			if (i == 0) {
				assert_string_equal(admin_rig_header(&answer, "Content-Security-Policy"),
						    side == ADMIN_SIDE_ADMIN ? POLICY(" ws://*:3001 wss://*:3001")
									     : POLICY(""));
				assert_null(strstr(answer.body, "style="));
				assert_null(strstr(answer.body, "onclick"));
				assert_null(strstr(answer.body, "<script>"));
			}
			admin_rig_free(&answer);
		}
	}
}

static struct http_answer
ask_again(const char *path, const char *etags)
{
	struct http_answer answer;
	char line[64], header[128];

	snprintf(line, sizeof(line), "GET %s HTTP/1.1", path);
	snprintf(header, sizeof(header), "If-None-Match: %s\r\n", etags);
	admin_rig_ask(&rig, &answer, ADMIN_SIDE_PUBLIC, "127.0.0.1", line, header, "");
	return answer;
}

/* A browser asks each time, and is told that it has the file already; a new program's file is another one. */
static void
test_page_is_kept(void **state)
{
	/* what stands before and behind the tag */
	static const struct {
		const char *before, *behind;
		int status;
	} lists[] = { { "", "", 304 },      { "W/", "", 304 }, { "\"x\", ", "", 304 }, { "", " , \"y\"", 304 },
		      { "\"x\",", ",", 304 }, { "", "x", 200 },  { "", "\"", 200 } };
	char etag[64], sent[128];
	struct http_answer answer = ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client/app.js HTTP/1.1");

	snprintf(etag, sizeof(etag), "%s", admin_rig_header(&answer, "ETag"));
	assert_int_equal(strlen(etag), 18);
	assert_string_equal(admin_rig_header(&answer, "Cache-Control"), "no-cache");
	admin_rig_free(&answer);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		snprintf(sent, sizeof(sent), "%s%s%s", lists[i].before, etag, lists[i].behind);
		answer = ask_again("/client/app.js", sent);
		assert_int_equal(answer.status, lists[i].status);
		assert_string_equal(admin_rig_header(&answer, "ETag"), etag);
		assert_non_null(admin_rig_header(&answer, "Content-Security-Policy"));
		assert_true((answer.body_len == 0) == (lists[i].status == 304));
		admin_rig_free(&answer);
	}
	answer = ask_again("/client/app.js", "*");
	assert_int_equal(answer.status, 304);
	admin_rig_free(&answer);
	answer = ask_again("/client/client.css", etag);
	assert_int_equal(answer.status, 200);
	admin_rig_free(&answer);
	answers(ask_again("/client.json", "*"), 200, "\"side\"");
}

/* What the client has to be told: never more than whoever asks may know. */
static void
test_page_facts(void **state)
{
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client.json HTTP/1.1"), 200,
		"{\"side\":\"public\",\"instance\":\"blue\",\"metrics\"");
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client.json HTTP/1.1"), 200, "\"metrics\":false");
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client.json HTTP/1.1"), 200, "\"links\":{}");
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /client.json HTTP/1.1"), 200,
		"\"publicPort\":3001,\"metrics\":true");
	answers(ask(ADMIN_SIDE_ADMIN, "203.0.113.9", "GET /client.json HTTP/1.1"), 200, "\"metrics\":false");
	rig.conf.grafana_url = (char *)"https://grafana.example/d/wsd?a=1&b=2";
	answers(ask(ADMIN_SIDE_PUBLIC, "203.0.113.9", "GET /client.json HTTP/1.1"), 200,
		"\"links\":{\"grafana\":\"https://grafana.example/d/wsd?a=1&b=2\"}");
	rig.conf.prometheus_url = (char *)"http://prometheus.example:9090";
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /client.json HTTP/1.1"), 200,
		"\"prometheus\":\"http://prometheus.example:9090\"}");
}

static void
test_unknown_paths(void **state)
{
	static const char *const everywhere[] = { "/nothing",
						  "/health/",
						  "//",
						  "/HEALTH",
						  "/api/v1/",
						  "/api/v1/connections/",
						  "/api/v1/connections/a/b",
						  "/ws/chat/x",
						  "/%68ealth",
						  "/health%00",
						  "*",
						  "/client/app.js/..",
						  "/client",
						  "/client/",
						  "/client/..",
						  "/client/embed.sed",
						  "/client/app.js%2e",
						  "/client.js",
						  "/metrics/" };
	static const char *const admin_only[] = {
		"/metrics",      "/api/v1/connections", "/api/v1/connections/c1",
		"/api/v1/drain", "/api/v1/accept",      "/api/v1/log-level"
	};
	char line[128];

	for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++) {
		snprintf(line, sizeof(line), "GET %s HTTP/1.1", everywhere[i]);
		answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", line), 404,
			"{\"error\":{\"code\":\"not_found\",\"message\":");
		answers(ask(ADMIN_SIDE_ADMIN, "unix", line), 404,
			"{\"error\":{\"code\":\"not_found\",\"message\":");
	}
	for (size_t i = 0; i < sizeof(admin_only) / sizeof(admin_only[0]); i++) {
		snprintf(line, sizeof(line), "%s %s HTTP/1.1", i % 2 ? "GET" : "POST", admin_only[i]);
		answers(ask(ADMIN_SIDE_PUBLIC, "unix", line), 404, "\"not_found\"");
	}
	assert_int_equal(rig.script.drains, 0);
}

static void
method_is_refused(const char *request, const char *allow)
{
	struct http_answer answer = ask(ADMIN_SIDE_ADMIN, "unix", request);

	assert_int_equal(answer.status, 405);
	assert_string_equal(admin_rig_header(&answer, "Allow"), allow);
	answers(answer, 405, "\"method_not_allowed\"");
}

static void
test_methods(void **state)
{
	method_is_refused("POST / HTTP/1.1", "GET, HEAD");
	method_is_refused("OPTIONS /health HTTP/1.1", "GET, HEAD");
	method_is_refused("get /health HTTP/1.1", "GET, HEAD");
	method_is_refused("TRACE /readyz HTTP/1.1", "GET, HEAD");
	method_is_refused("CONNECT /readyz HTTP/1.1", "GET, HEAD");
	method_is_refused("PUT /metrics HTTP/1.1", "GET, HEAD");
	method_is_refused("PUT /api/v1/connections/c1 HTTP/1.1", "GET, HEAD, DELETE");
	method_is_refused("GET /api/v1/drain HTTP/1.1", "POST");
	method_is_refused("PATCH /api/v1/accept HTTP/1.1", "POST");
	method_is_refused("POST /api/v1/log-level HTTP/1.1", "GET, HEAD, PUT");
}

static void
test_head(void **state)
{
	static const char *const paths[] = { "/",
					     "/client/app.js",
					     "/health",
					     "/healthz",
					     "/readyz",
					     "/metrics",
					     "/api/v1/connections",
					     "/api/v1/connections/c1",
					     "/nothing" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char line[64], length[32];
		struct http_answer answer;
		size_t len;

		snprintf(line, sizeof(line), "GET %s HTTP/1.1", paths[i]);
		answer = ask(ADMIN_SIDE_ADMIN, "unix", line);
		assert_int_equal(answer.status, i == 8 ? 404 : 200);
		len = answer.body_len;
		admin_rig_free(&answer);
		snprintf(line, sizeof(line), "HEAD %s HTTP/1.1", paths[i]);
		answer = ask(ADMIN_SIDE_ADMIN, "unix", line);
		assert_int_equal(answer.status, i == 8 ? 404 : 200);
		admin_rig_check_headers(&answer);
		assert_int_equal(answer.body_len, 0);
		snprintf(length, sizeof(length), "%zu", len);
		if (i != 5) /* figures of the process may differ in length from one scrape to the next */
			assert_string_equal(admin_rig_header(&answer, "Content-Length"), length);
		admin_rig_free(&answer);
	}
}

static void
test_metrics(void **state)
{
	struct http_answer answer;

	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "");
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "");
	answers(ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /x HTTP/1.1"), 404, "");
	answer = ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /metrics HTTP/1.1");
	assert_int_equal(answer.status, 200);
	admin_rig_check_headers(&answer);
	assert_string_equal(admin_rig_header(&answer, "Content-Type"),
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(strstr(answer.body, "\nhttp_requests_total{path=\"/healthz\",code=\"200\"} 2\n"));
	assert_non_null(strstr(answer.body, "\nhttp_requests_total{path=\"other\",code=\"404\"} 1\n"));
	assert_non_null(strstr(answer.body, "\nwsd_build_info{"));
	admin_rig_free(&answer);

	answers(ask(ADMIN_SIDE_ADMIN, "203.0.113.9", "GET /metrics HTTP/1.1"), 403, "METRICS_ALLOW");
	answer = ask(ADMIN_SIDE_ADMIN, "198.51.100.77", "GET /metrics HTTP/1.1");
	assert_int_equal(answer.status, 200);
	admin_rig_free(&answer);
}

/* A proxy on this machine does not open /metrics to the world; who is not a trusted proxy cannot claim to be
 * somebody else. */
static void
test_forwarded(void **state)
{
	static const struct {
		const char *peer, *headers;
		int status;
	} cases[] = {
		{ "127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n", 403 },
		{ "127.0.0.1", "x-forwarded-for: 127.0.0.1, 203.0.113.9\r\n", 403 },
		{ "127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 127.0.0.1\r\n", 403 },
		{ "127.0.0.1", "X-Forwarded-For: 203.0.113.9, 198.51.100.5\r\n", 200 },
		{ "127.0.0.1", "X-Forwarded-For: nonsense\r\n", 403 },
		{ "unix", "X-Forwarded-For: 203.0.113.9\r\n", 403 },
		{ "203.0.113.9", "X-Forwarded-For: 127.0.0.1\r\n", 403 },
		{ "203.0.113.9", "X-Forwarded-For: unix\r\n", 403 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer answer;

		admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, cases[i].peer, "GET /metrics HTTP/1.1",
			      cases[i].headers, "");
		if (answer.status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].peer, cases[i].headers, answer.status);
		admin_rig_free(&answer);
	}
	/* and with many lines nobody knows */
	char many[2048] = "";
	struct http_answer answer;

	for (unsigned i = 0; i < 20; i++)
		strcat(many, "X-Forwarded-For: 127.0.0.1\r\n");
	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /metrics HTTP/1.1", many, "");
	answers(answer, 403, "");
}

static void
test_list(void **state)
{
	struct http_answer answer;
	struct json_object *json, *list, *value;

	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /api/v1/connections HTTP/1.1"), 200,
		"{\"connections\":[],\"total\":0,\"next\":null}");
	assert_int_equal(rig.script.limit, 100);
	rig.script.have = 5;
	answer = ask(ADMIN_SIDE_ADMIN, "127.0.0.1",
		     "GET /api/v1/connections?limit=2&after=c01&prefix=c HTTP/1.1");
	json = json_tokener_parse(answer.body);
	assert_true(json_object_object_get_ex(json, "connections", &list));
	assert_int_equal(json_object_array_length(list), 2);
	assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 0), "connectionId", &value));
	assert_string_equal(json_object_get_string(value), "c02");
	json_object_put(json);
	answers(answer, 200, "\"total\":5,\"next\":\"c03\"}");
	assert_string_equal(rig.script.after, "c01");
	assert_string_equal(rig.script.prefix, "c");
	answers(ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections?after=%630%33&limit=1000 HTTP/1.1"),
		200, "\"next\":null}");
	assert_string_equal(rig.script.after, "c03");
	answers(ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections?after=&prefix= HTTP/1.1"), 200, "");
}

static void
test_bad_parameters(void **state)
{
	static const char *const cases[][2] = {
		{ "limit=0", "limit: expected a number" },
		{ "limit=1001", "limit: expected" },
		{ "limit=", "limit: expected" },
		{ "limit", "limit: expected" },
		{ "limit=%31", "limit: expected" },
		{ "limit=-1", "limit: expected" },
		{ "limit=99999999999999999999", "limit: expected" },
		{ "limit=1&limit=2", "limit: given twice" },
		{ "after=a%00b", "after: expected" },
		{ "after=a/b", "after: expected" },
		{ "after=%zz", "after: expected" },
		{ "after=%4", "after: expected" },
		{ "prefix=%C3%A4", "prefix: expected" },
		{ "prefix=a+b", "prefix: expected" },
		{ "offset=3", "offset: unknown parameter" },
		{ "%22=3", "%22: unknown parameter" },
	};
	char line[512], longest[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "GET /api/v1/connections?%s HTTP/1.1", cases[i][0]);
		answers(ask(ADMIN_SIDE_ADMIN, "unix", line), 400, cases[i][1]);
	}
	assert_int_equal(rig.script.pages, 0);
	memset(longest, 'a', sizeof(longest));
	snprintf(line, sizeof(line), "GET /api/v1/connections?after=%.128s HTTP/1.1", longest);
	answers(ask(ADMIN_SIDE_ADMIN, "unix", line), 200, "");
	snprintf(line, sizeof(line), "GET /api/v1/connections?after=%.129s HTTP/1.1", longest);
	answers(ask(ADMIN_SIDE_ADMIN, "unix", line), 400, "after: expected");
	snprintf(line, sizeof(line), "GET /api/v1/connections/%.129s HTTP/1.1", longest);
	answers(ask(ADMIN_SIDE_ADMIN, "unix", line), 400, "id: expected 1 to 128");
	answers(ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections/a%2fb HTTP/1.1"), 400, "id: expected");
	answers(ask(ADMIN_SIDE_ADMIN, "unix", "GET /api/v1/connections/a%00 HTTP/1.1"), 400, "id: expected");
	assert_int_equal(rig.script.finds, 0);
}

static void
test_one(void **state)
{
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /api/v1/connections/c%303 HTTP/1.1"), 200,
		"{\"connectionId\":\"c03\",\"client\":\"[2001:db8::1]:4242\",\"connectedAt\":\"2023-11-14T22:"
		"13:20.123Z\","
		"\"idleMs\":5,\"messages\":7,\"queuedBytes\":9,\"worker\":1,\"resumed\":true}");
	assert_string_equal(rig.script.id, "c03");
	answers(ask(ADMIN_SIDE_ADMIN, "unix", "DELETE /api/v1/connections/A.b_c~d-e HTTP/1.1"), 200,
		"{\"connectionId\":\"A.b_c~d-e\",\"disconnected\":true}");
	assert_string_equal(rig.script.id, "A.b_c~d-e");
	assert_int_equal(rig.script.disconnects, 1);
}

static void
test_failures_of_the_server(void **state)
{
	static const struct {
		int rc, status;
		const char *code;
	} cases[] = {
		{ WSD_E_UNKNOWN, 404, "not_found" }, { WSD_E_BUSY, 409, "busy" },
		{ WSD_E_TIMEOUT, 503, "timeout" },   { -ENOMEM, 503, "out_of_memory" },
		{ WSD_E_CLOSED, 500, "internal" },
	};
	static const char *const requests[] = { "GET /api/v1/connections HTTP/1.1",
						"GET /api/v1/connections/x HTTP/1.1",
						"DELETE /api/v1/connections/x HTTP/1.1",
						"POST /api/v1/drain HTTP/1.1" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer answer;

		rig.script.rc = cases[i].rc;
		for (size_t j = 0; j < sizeof(requests) / sizeof(requests[0]); j++)
			answers(ask(ADMIN_SIDE_ADMIN, "unix", requests[j]), cases[i].status, cases[i].code);
		admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "unix", "POST /api/v1/accept HTTP/1.1", "",
			      "{\"accept\":true}");
		answers(answer, cases[i].status, cases[i].code);
	}
}

static struct http_answer
drain_with(const char *peer, const char *headers)
{
	struct http_answer answer;

	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, peer, "POST /api/v1/drain HTTP/1.1", headers, "");
	return answer;
}

static void
test_rights_without_token(void **state)
{
	answers(drain_with("127.0.0.1", ""), 403, "unix socket only");
	answers(drain_with("::1", "Authorization: Bearer \r\n"), 403, "unix socket only");
	answers(drain_with("unix", "X-Forwarded-For: 127.0.0.1\r\n"), 403, "unix socket only");
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "DELETE /api/v1/connections/x HTTP/1.1"), 403,
		"unix socket only");
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "POST /api/v1/accept HTTP/1.1"), 403, "unix socket only");
	assert_int_equal(rig.script.drains + rig.script.disconnects + rig.script.accepts, 0);
	answers(drain_with("unix", ""), 202, "{\"state\":\"draining\"}");
	assert_int_equal(rig.script.drains, 1);
}

static void
test_rights_with_token(void **state)
{
	static const char *const bad[] = { "",
					   "Authorization: Bearer\r\n",
					   "Authorization: Bearer \r\n",
					   "Authorization: Bearer correct-hors\r\n",
					   "Authorization: Bearer correct-horsecorrect-horse\r\n",
					   "Authorization: Bearer correct-horsf\r\n",
					   "Authorization: Basic " TOKEN "\r\n",
					   "Authorization: " TOKEN "\r\n",
					   "X-Authorization: Bearer " TOKEN "\r\n" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_answer answer = drain_with("203.0.113.1", bad[i]);

		assert_int_equal(answer.status, 401);
		assert_string_equal(admin_rig_header(&answer, "WWW-Authenticate"), "Bearer realm=\"wsd\"");
		answers(answer, 401, "ADMIN_TOKEN");
	}
	assert_int_equal(rig.script.drains, 0);
	answers(drain_with("203.0.113.1", "Authorization: Bearer " TOKEN "\r\n"), 202, "");
	answers(drain_with("127.0.0.1", "authorization: bearer " TOKEN "\r\n"), 202, "");
	answers(drain_with("unix", ""), 202, "");
	assert_int_equal(rig.script.drains, 3);
}

static struct http_answer
put_level(const char *peer, const char *body)
{
	struct http_answer answer;

	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, peer, "PUT /api/v1/log-level HTTP/1.1", "", body);
	return answer;
}

static void
test_log_level(void **state)
{
	static const char *const bad[] = { "",
					   "{}",
					   "{\"level\":\"loud\"}",
					   "{\"level\":7}",
					   "{\"level\":null}",
					   "{\"level\":\"\"}",
					   "{\"level\":\"info\\u0000\"}" };
	enum log_level before = log_get_level();

	answers(put_level("127.0.0.1", "{\"level\":\"debug\"}"), 403, "unix socket only");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		answers(put_level("unix", bad[i]), 400, "level: expected error, warn, notice, info or debug");
	assert_int_equal(log_get_level(), before);
	answers(put_level("unix", "{\"level\":\"error\"}"), 200, "{\"level\":\"error\"}");
	assert_int_equal(log_get_level(), LOG_LEVEL_ERROR);
	answers(ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /api/v1/log-level HTTP/1.1"), 200,
		"{\"level\":\"error\"}");
	log_set_level(before);
}

static void
request_id_is(const char *sent, bool kept)
{
	struct http_answer answer;
	char header[512];
	const char *id;

	snprintf(header, sizeof(header), "X-Request-Id: %s\r\n", sent);
	admin_rig_ask(&rig, &answer, ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /nothing HTTP/1.1",
		      *sent ? header : "", "");
	id = admin_rig_header(&answer, "X-Request-Id");
	assert_non_null(id);
	if (kept) {
		assert_string_equal(id, sent);
	} else {
		assert_int_equal(strlen(id), 32);
		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	}
	admin_rig_free(&answer);
}

static void
test_request_ids(void **state)
{
	char longest[130] = "";

	memset(longest, 'x', 129);
	request_id_is(longest, false);
	longest[128] = '\0';
	request_id_is(longest, true);
	request_id_is("a", true);
	request_id_is("Az09._-", true);
	request_id_is("", false);
	request_id_is("a b", false);
	request_id_is("a\"b", false);
	request_id_is("\xc3\xa4", false);
}

/* Nothing of ours is inherited by children, neither what the library made nor what was handed over. */
static void
test_descriptors(void **state)
{
	int fd = admin_rig_connect(&rig, ADMIN_SIDE_PUBLIC, "127.0.0.1");

	for (int i = 3; i < 64; i++) {
		int flags = fcntl(i, F_GETFD);

		if (flags != -1 && i != STDERR_FILENO && !(flags & FD_CLOEXEC)) {
			char path[64], target[256] = "";

			snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
			if (readlink(path, target, sizeof(target) - 1) > 0 &&
			    (strstr(target, "eventpoll") || strstr(target, "eventfd") ||
			     strstr(target, "socket")))
				fail_msg("%d (%s) is not CLOEXEC", i, target);
		}
	}
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_health, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_page_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_page_facts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_methods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_head, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_metrics, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forwarded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_parameters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures_of_the_server, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rights_without_token, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rights_with_token, set_up_token, tear_down),
		cmocka_unit_test_setup_teardown(test_log_level, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_request_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_descriptors, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
