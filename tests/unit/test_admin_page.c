/* SPDX-License-Identifier: MIT */
/* The web client's page, its parts, and what it is told. */
#include "support/admin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define POLICY(ws) \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'" ws \
	"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

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
			answer = http_ask((enum admin_side)side, "203.0.113.1", line);
			assert_int_equal(answer.status, 200);
			http_check_headers(&answer);
			assert_string_equal(http_header(&answer, "Content-Type"), files[i][1]);
			assert_string_equal(answer.body + answer.body_len - strlen(files[i][2]), files[i][2]);
			if (i == 0) {
				assert_string_equal(http_header(&answer, "Content-Security-Policy"),
						    side == ADMIN_SIDE_ADMIN ? POLICY(" ws://*:3001 wss://*:3001")
									     : POLICY(""));
				assert_null(strstr(answer.body, "style="));
				assert_null(strstr(answer.body, "onclick"));
				assert_null(strstr(answer.body, "<script>"));
			}
			http_free(&answer);
		}
	}
}

static struct http_answer
ask_again(const char *path, const char *etags)
{
	char line[64], header[160];

	snprintf(line, sizeof(line), "GET %s HTTP/1.1", path);
	snprintf(header, sizeof(header), "If-None-Match: %s\r\n", etags);
	return http_send(ADMIN_SIDE_PUBLIC, "127.0.0.1", line, header, "");
}

/* A browser asks each time, and is told that it has the file already; a new program's file is another one. */
static void
test_page_is_kept(void **state)
{
	/* what stands before and behind the tag */
	static const struct {
		const char *before, *behind;
		int status;
	} lists[] = { { "", "", 304 },        { "W/", "", 304 }, { "\"x\", ", "", 304 }, { "", " , \"y\"", 304 },
		      { "\"x\",", ",", 304 }, { "", "x", 200 },  { "", "\"", 200 } };
	char etag[64], sent[128];
	struct http_answer answer = http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client/app.js HTTP/1.1");

	snprintf(etag, sizeof(etag), "%s", http_header(&answer, "ETag"));
	assert_int_equal(strlen(etag), 18);
	assert_string_equal(http_header(&answer, "Cache-Control"), "no-cache");
	http_free(&answer);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		snprintf(sent, sizeof(sent), "%s%s%s", lists[i].before, etag, lists[i].behind);
		answer = ask_again("/client/app.js", sent);
		assert_int_equal(answer.status, lists[i].status);
		assert_string_equal(http_header(&answer, "ETag"), etag);
		assert_non_null(http_header(&answer, "Content-Security-Policy"));
		assert_true((answer.body_len == 0) == (lists[i].status == 304));
		http_free(&answer);
	}
	answer = ask_again("/client/app.js", "*");
	assert_int_equal(answer.status, 304);
	http_free(&answer);
	answer = ask_again("/client/client.css", etag);
	assert_int_equal(answer.status, 200);
	http_free(&answer);
	http_is(ask_again("/client.json", "*"), 200, "\"side\"");
}

/* What the client has to be told: never more than whoever asks may know. */
static void
test_page_facts(void **state)
{
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client.json HTTP/1.1"), 200,
		"{\"side\":\"public\",\"instance\":\"blue\",\"metrics\"");
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client.json HTTP/1.1"), 200, "\"metrics\":false");
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /client.json HTTP/1.1"), 200, "\"links\":{}");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /client.json HTTP/1.1"), 200,
		"\"publicPort\":3001,\"metrics\":true");
	http_is(http_ask(ADMIN_SIDE_ADMIN, "203.0.113.9", "GET /client.json HTTP/1.1"), 200, "\"metrics\":false");
	rig.conf.grafana_url = (char *)"https://grafana.example/d/wsd?a=1&b=2";
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "203.0.113.9", "GET /client.json HTTP/1.1"), 200,
		"\"links\":{\"grafana\":\"https://grafana.example/d/wsd?a=1&b=2\"}");
	rig.conf.prometheus_url = (char *)"http://prometheus.example:9090";
	http_is(http_ask(ADMIN_SIDE_ADMIN, "127.0.0.1", "GET /client.json HTTP/1.1"), 200,
		"\"prometheus\":\"http://prometheus.example:9090\"}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_page),
		ADMIN_TEST(test_page_is_kept),
		ADMIN_TEST(test_page_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
