/* SPDX-License-Identifier: MIT */
/* Routes, methods, sides and headers of the HTTP interface. */
#include "support/admin_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/err.h"

static void
test_health(void **state)
{
	struct http_answer answer;
	struct json_object *json, *value;

	answer = http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /health HTTP/1.1");
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
	http_is(answer, 200, "\"status\":\"ok\",\"instance\":\"blue\",\"state\":\"running\"");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /health HTTP/1.1"), 200, "\"version\":\"");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /health HTTP/1.1"), 200,
		"\"crashes\":{\"survived\":0,\"kept\":0,\"closed\":0},\"state\"");
	rig.script.health.crashes.n = 2;
	rig.script.health.crashes.kept = 19;
	rig.script.health.crashes.closed = 1;
	rig.script.health.crashes.last_signal = 11;
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /health HTTP/1.1"), 200,
		"\"crashes\":{\"survived\":2,\"kept\":19,\"closed\":1,\"lastSignal\":11,"
		"\"last\":\"1970-01-01T00:00:00.000Z\"},\"state\"");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /health HTTP/1.1"), 200, "\"state\":\"running\"");
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "{\"status\":\"ok\"}");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /readyz?x=1 HTTP/1.1"), 200, "{\"status\":\"ready\"}");

	rig.script.health.not_ready = "draining";
	rig.script.health.state = "draining";
	answer = http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /readyz HTTP/1.0");
	assert_string_equal(http_header(&answer, "Retry-After"), "1");
	http_is(answer, 503, "{\"status\":\"not_ready\",\"reason\":\"draining\"}");
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /health HTTP/1.1"), 200, "\"status\":\"draining\"");
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "{\"status\":\"ok\"}");
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
	static const char *const admin_only[] = { "/metrics",      "/api/v1/connections", "/api/v1/connections/c1",
						  "/api/v1/drain", "/api/v1/accept",      "/api/v1/log-level" };
	char line[128];

	for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++) {
		snprintf(line, sizeof(line), "GET %s HTTP/1.1", everywhere[i]);
		http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", line), 404,
			"{\"error\":{\"code\":\"not_found\",\"message\":");
		http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", line), 404,
			"{\"error\":{\"code\":\"not_found\",\"message\":");
	}
	for (size_t i = 0; i < sizeof(admin_only) / sizeof(admin_only[0]); i++) {
		snprintf(line, sizeof(line), "%s %s HTTP/1.1", i % 2 ? "GET" : "POST", admin_only[i]);
		http_is(http_ask(ADMIN_SIDE_PUBLIC, "unix", line), 404, "\"not_found\"");
	}
	assert_int_equal(rig.script.drains, 0);
}

static void
method_is_refused(const char *request, const char *allow)
{
	struct http_answer answer = http_ask(ADMIN_SIDE_ADMIN, "unix", request);

	assert_int_equal(answer.status, 405);
	assert_string_equal(http_header(&answer, "Allow"), allow);
	http_is(answer, 405, "\"method_not_allowed\"");
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
		answer = http_ask(ADMIN_SIDE_ADMIN, "unix", line);
		assert_int_equal(answer.status, i == 8 ? 404 : 200);
		len = answer.body_len;
		http_free(&answer);
		snprintf(line, sizeof(line), "HEAD %s HTTP/1.1", paths[i]);
		answer = http_ask(ADMIN_SIDE_ADMIN, "unix", line);
		assert_int_equal(answer.status, i == 8 ? 404 : 200);
		http_check_headers(&answer);
		assert_int_equal(answer.body_len, 0);
		snprintf(length, sizeof(length), "%zu", len);
		if (i != 5) /* figures of the process may differ in length from one scrape to the next */
			assert_string_equal(http_header(&answer, "Content-Length"), length);
		http_free(&answer);
	}
}

static void
test_metrics(void **state)
{
	struct http_answer answer;

	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "");
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "");
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /x HTTP/1.1"), 404, "");
	answer = http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /metrics HTTP/1.1");
	assert_int_equal(answer.status, 200);
	http_check_headers(&answer);
	assert_string_equal(http_header(&answer, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(strstr(answer.body, "\nhttp_requests_total{path=\"/healthz\",code=\"200\"} 2\n"));
	assert_non_null(strstr(answer.body, "\nhttp_requests_total{path=\"other\",code=\"404\"} 1\n"));
	assert_non_null(strstr(answer.body, "\nwsd_build_info{"));
	http_free(&answer);

	http_is(http_ask(ADMIN_SIDE_ADMIN, "203.0.113.9", "GET /metrics HTTP/1.1"), 403, "METRICS_ALLOW");
	answer = http_ask(ADMIN_SIDE_ADMIN, "198.51.100.77", "GET /metrics HTTP/1.1");
	assert_int_equal(answer.status, 200);
	http_free(&answer);
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
		rig.script.rc = cases[i].rc;
		for (size_t j = 0; j < sizeof(requests) / sizeof(requests[0]); j++)
			http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", requests[j]), cases[i].status, cases[i].code);
		http_is(http_send(ADMIN_SIDE_ADMIN, "unix", "POST /api/v1/accept HTTP/1.1", "", "{\"accept\":true}"),
			cases[i].status, cases[i].code);
	}
}

static void
request_id_is(const char *sent, bool kept)
{
	struct http_answer answer;
	char header[512];
	const char *id;

	snprintf(header, sizeof(header), "X-Request-Id: %s\r\n", sent);
	answer = http_send(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /nothing HTTP/1.1", *sent ? header : "", "");
	id = http_header(&answer, "X-Request-Id");
	assert_non_null(id);
	if (kept) {
		assert_string_equal(id, sent);
	} else {
		assert_int_equal(strlen(id), 32);
		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	}
	http_free(&answer);
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
	int fd = admin_rig_connect(ADMIN_SIDE_PUBLIC, "127.0.0.1");

	for (int i = 3; i < 64; i++) {
		int flags = fcntl(i, F_GETFD);

		if (flags != -1 && i != STDERR_FILENO && !(flags & FD_CLOEXEC)) {
			char path[64], target[256] = "";

			snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
			if (readlink(path, target, sizeof(target) - 1) > 0 &&
			    (strstr(target, "eventpoll") || strstr(target, "eventfd") || strstr(target, "socket")))
				fail_msg("%d (%s) is not CLOEXEC", i, target);
		}
	}
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_health),      ADMIN_TEST(test_unknown_paths), ADMIN_TEST(test_methods),
		ADMIN_TEST(test_head),        ADMIN_TEST(test_metrics),       ADMIN_TEST(test_failures_of_the_server),
		ADMIN_TEST(test_request_ids), ADMIN_TEST(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
