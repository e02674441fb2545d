/* SPDX-License-Identifier: MIT */
/* Bodies of requests: good and bad, in pieces, too large and endless. */
#include "support/admin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define ACCEPT "POST /api/v1/accept HTTP/1.1"

static void
accept_answers(const char *body, int status, const char *part)
{
	struct http_answer answer = http_send(ADMIN_SIDE_ADMIN, "unix", ACCEPT, "", body);

	if (answer.status != status || !strstr(answer.body, part))
		fail_msg("%s: expected %d with %s, got\n%s", body, status, part, answer.text);
	http_check_headers(&answer);
	http_free(&answer);
}

static void
test_json(void **state)
{
	static const char *const bad[][2] = {
		{ "{", "invalid_json" },
		{ "{}", "accept: expected true or false" },
		{ "", "accept: expected true or false" },
		{ "[]", "expected an object" },
		{ "true", "invalid_json" },
		{ "17", "invalid_json" },
		{ "null", "expected an object" },
		{ "  ", "expected an object" },
		{ "\"x", "invalid_json" },
		{ "{\"accept\":1}", "accept: expected true or false" },
		{ "{\"accept\":\"true\"}", "accept: expected" },
		{ "{\"accept\":null}", "accept: expected" },
		{ "{\"accept\":true} x", "invalid_json" },
		{ "{\"accept\":true}{}", "invalid_json" },
		{ "{\"accept\":true,}", "invalid_json" },
		{ "{\"accept\":True}", "invalid_json" },
		{ "{'accept':true}", "invalid_json" },
		{ "{\"accept\":true,\"other\":1}", "other: unknown member" },
		{ "{\"\xff\":true}", "invalid_json" },
		{ "{\"a\":[[[[[[[[[[[[]]]]]]]]]]]]}", "invalid_json" },
		{ "accept=true", "invalid_json" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		accept_answers(bad[i][0], 400, bad[i][1]);
	assert_int_equal(rig.script.accepts, 0);
	accept_answers("{\"accept\":true}", 200, "{\"accept\":true}");
	assert_int_equal(rig.script.accept_on, 1);
	accept_answers(" { \"accept\" : false }\r\n", 200, "{\"accept\":false}");
	assert_int_equal(rig.script.accept_on, 0);
	assert_int_equal(rig.script.accepts, 2);
}

static void
test_drain_body(void **state)
{
	http_is(http_send(ADMIN_SIDE_ADMIN, "unix", "POST /api/v1/drain HTTP/1.1", "", "{}"), 202, "");
	http_is(http_send(ADMIN_SIDE_ADMIN, "unix", "POST /api/v1/drain HTTP/1.1", "", "{\"now\":true}"), 400,
		"now: unknown member");
	assert_int_equal(rig.script.drains, 1);
}

/* A body with a zero in it is not cut there. */
static void
test_embedded_zero(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nContent-Length: 17\r\n\r\n{\"accept\":true}\0x";
	int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");

	http_write(fd, request, sizeof(request) - 1);
	http_expect(fd, 400, "invalid_json");
}

static void
test_chunked(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
					     "3\r\n{\"a\r\n5\r\nccept\r\n7\r\n\":true}\r\n0\r\n\r\n";

	/* in pieces of every size: the parser meets each boundary */
	for (size_t size = 1; size < 20; size++) {
		int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");

		for (size_t at = 0; at < sizeof(request) - 1; at += size)
			http_write(fd, request + at, at + size < sizeof(request) - 1 ? size : sizeof(request) - 1 - at);
		http_expect(fd, 200, "{\"accept\":true}");
	}
}

/* libmicrohttpd 1.0 takes chunk extensions for a malformed body, 0.9.75 skips them; neither may hang or act
 * on half of it. */
static void
test_chunk_extension(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
					     "f;x=y\r\n{\"accept\":true}\r\n0\r\n\r\n";
	int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");
	struct http_answer answer;

	http_write(fd, request, sizeof(request) - 1);
	answer = http_read(fd);
	assert_true(answer.status == 200 || answer.status == 400);
	assert_int_equal(rig.script.accepts, answer.status == 200);
	http_free(&answer);
}

/* Sends a body of that many bytes in 8 KiB pieces, chunked or with its length told. */
static int
send_body(const char *request_line, size_t bytes, bool chunked, const char *headers)
{
	static char piece[8192];
	char head[512];
	int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix"), len;

	memset(piece, ' ', sizeof(piece));
	if (chunked)
		len = snprintf(head, sizeof(head), "%s\r\nHost: a\r\n%sTransfer-Encoding: chunked\r\n\r\n",
			       request_line, headers);
	else
		len = snprintf(head, sizeof(head), "%s\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n", request_line,
			       headers, bytes);
	http_write(fd, head, (size_t)len);
	while (bytes > 0) {
		size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);

		if (chunked) {
			len = snprintf(head, sizeof(head), "%zx\r\n", n);
			http_write(fd, head, (size_t)len);
		}
		http_write(fd, piece, n);
		if (chunked)
			http_write(fd, "\r\n", 2);
		bytes -= n;
	}
	if (chunked)
		http_write(fd, "0\r\n\r\n", 5);
	return fd;
}

static void
test_large(void **state)
{
	http_expect(send_body(ACCEPT, ADMIN_BODY_MAX, false, ""), 400, "invalid_json");
	http_expect(send_body(ACCEPT, ADMIN_BODY_MAX, true, ""), 400, "invalid_json");
	http_expect(send_body(ACCEPT, ADMIN_BODY_MAX + 1, false, ""), 413, "too_large");
	http_expect(send_body(ACCEPT, ADMIN_BODY_MAX + 1, true, ""), 413, "too_large");
	http_expect(send_body(ACCEPT, ADMIN_SWALLOW_MAX, false, ""), 413, "too_large");
	/* refusals of other kinds survive their body, too */
	http_expect(send_body("POST /nothing HTTP/1.1", 300000, false, ""), 404, "not_found");
	http_expect(send_body("POST /health HTTP/1.1", 300000, true, ""), 405, "method_not_allowed");
	http_expect(send_body("GET /healthz HTTP/1.1", 1000, false, ""), 200, "ok");
	assert_int_equal(rig.script.accepts, 0);
}

/* What is announced to be far too long is refused unread; what is endless and did not say so is cut off. */
static void
test_endless(void **state)
{
	static const char announced[] = ACCEPT "\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n";
	int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");

	http_write(fd, announced, sizeof(announced) - 1);
	http_expect(fd, 413, "too_large");
	http_expect(send_body(ACCEPT, 3 * ADMIN_SWALLOW_MAX, true, ""), 0, "");
	assert_int_equal(rig.script.accepts, 0);
}

/* The front desk refuses these; should one get here, libmicrohttpd 0.9.75 leaves it to us, and 1.0 answers
 * 400 itself. */
static void
test_unknown_coding(void **state)
{
	static const char *const requests[] = {
		ACCEPT "\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nxyz",
		"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");
		struct http_answer answer;

		http_write(fd, requests[i], strlen(requests[i]));
		answer = http_read(fd);
		if (answer.status == 501)
			http_check_headers(&answer);
		else
			assert_int_equal(answer.status, 400);
		http_free(&answer);
	}
	assert_int_equal(rig.script.accepts, 0);
}

static void
test_expect_continue(void **state)
{
	static const char refused[] =
		"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n";
	static const char accepted[] = ACCEPT "\r\nHost: a\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n";
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	char got[sizeof(go_on)] = "";
	int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");

	http_write(fd, refused, sizeof(refused) - 1);
	http_expect(fd, 404, "not_found");
	fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");
	http_write(fd, accepted, sizeof(accepted) - 1);
	assert_int_equal(recv(fd, got, sizeof(go_on) - 1, MSG_WAITALL), sizeof(go_on) - 1);
	assert_string_equal(got, go_on);
	http_write(fd, "{\"accept\":true}", 15);
	http_expect(fd, 200, "{\"accept\":true}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_json),    ADMIN_TEST(test_drain_body),      ADMIN_TEST(test_embedded_zero),
		ADMIN_TEST(test_chunked), ADMIN_TEST(test_chunk_extension), ADMIN_TEST(test_large),
		ADMIN_TEST(test_endless), ADMIN_TEST(test_unknown_coding),  ADMIN_TEST(test_expect_continue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
