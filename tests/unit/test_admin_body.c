/* SPDX-License-Identifier: MIT */
/* Bodies, good and bad, slow and endless; limits; many requests at once; real sockets. */
#include "support/admin_rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/err.h"

#define ACCEPT "POST /api/v1/accept HTTP/1.1"

static struct admin_rig rig;

static int
set_up(void **state)
{
	admin_rig_start(&rig, NULL, NULL);
	return 0;
}

/* Few connections, and short patience. */
static int
set_up_tight(void **state)
{
	static const struct admin_limits tight = {
		.connections = { 4, 2 }, .of_one_client = { 2, 2 }, .idle_s = 1, .request_ms = 50
	};

	admin_rig_start(&rig, NULL, &tight);
	return 0;
}

/* Room for all that are let go without being waited for. */
static int
set_up_wide(void **state)
{
	static const struct admin_limits wide = {
		.connections = { 4, 1000 }, .of_one_client = { 4, 1000 }, .idle_s = 10, .request_ms = 10000
	};

	admin_rig_start(&rig, NULL, &wide);
	return 0;
}

static int
set_up_rated(void **state)
{
	admin_rig_start_rated(&rig, (struct conf_rate){ 1, 3 });
	return 0;
}

static int
tear_down(void **state)
{
	admin_rig_stop(&rig);
	return 0;
}

static void
expect(int fd, int status, const char *part)
{
	struct http_answer answer;

	admin_rig_read(&answer, fd);
	if (answer.status != status || !strstr(answer.body, part))
		fail_msg("expected %d with %s, got\n%s", status, part, answer.text);
	if (status != 0)
		admin_rig_check_headers(&answer);
	admin_rig_free(&answer);
}

static void
accept_answers(const char *body, int status, const char *part)
{
	struct http_answer answer;

	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "unix", ACCEPT, "", body);
	if (answer.status != status || !strstr(answer.body, part))
		fail_msg("%s: expected %d with %s, got\n%s", body, status, part, answer.text);
	admin_rig_check_headers(&answer);
	admin_rig_free(&answer);
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
	struct http_answer answer;

	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "unix", "POST /api/v1/drain HTTP/1.1", "", "{}");
	assert_int_equal(answer.status, 202);
	admin_rig_free(&answer);
	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "unix", "POST /api/v1/drain HTTP/1.1", "",
		      "{\"now\":true}");
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.body, "now: unknown member"));
	admin_rig_free(&answer);
	assert_int_equal(rig.script.drains, 1);
}

/* A body with a zero in it is not cut there. */
static void
test_embedded_zero(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nContent-Length: 17\r\n\r\n{\"accept\":true}\0x";
	int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");

	admin_rig_write(fd, request, sizeof(request) - 1);
	expect(fd, 400, "invalid_json");
}

static void
test_chunked(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
					     "3\r\n{\"a\r\n5\r\nccept\r\n7\r\n\":true}\r\n0\r\n\r\n";

	/* in pieces of every size: the parser meets each boundary */
	for (size_t size = 1; size < 20; size++) {
		int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");

		for (size_t at = 0; at < sizeof(request) - 1; at += size)
			admin_rig_write(fd, request + at,
					at + size < sizeof(request) - 1 ? size : sizeof(request) - 1 - at);
		expect(fd, 200, "{\"accept\":true}");
	}
}

/* libmicrohttpd 1.0 takes chunk extensions for a malformed body, 0.9.75 skips them; neither may hang or act
 * on half of it. */
static void
test_chunk_extension(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
					     "f;x=y\r\n{\"accept\":true}\r\n0\r\n\r\n";
	int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
	struct http_answer answer;

	admin_rig_write(fd, request, sizeof(request) - 1);
	admin_rig_read(&answer, fd);
	assert_true(answer.status == 200 || answer.status == 400);
	assert_int_equal(rig.script.accepts, answer.status == 200);
	admin_rig_free(&answer);
}

/* Sends a body of that many bytes in 8 KiB pieces, chunked or with its length told. */
static int
send_body(const char *request_line, size_t bytes, bool chunked, const char *headers)
{
	static char piece[8192];
	char head[512];
	int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix"), len;

	memset(piece, ' ', sizeof(piece));
	if (chunked)
		len = snprintf(head, sizeof(head), "%s\r\nHost: a\r\n%sTransfer-Encoding: chunked\r\n\r\n",
			       request_line, headers);
	else
		len = snprintf(head, sizeof(head), "%s\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n",
			       request_line, headers, bytes);
	admin_rig_write(fd, head, (size_t)len);
	while (bytes > 0) {
		size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);

		if (chunked) {
			len = snprintf(head, sizeof(head), "%zx\r\n", n);
			admin_rig_write(fd, head, (size_t)len);
		}
		admin_rig_write(fd, piece, n);
		if (chunked)
			admin_rig_write(fd, "\r\n", 2);
		bytes -= n;
	}
	if (chunked)
		admin_rig_write(fd, "0\r\n\r\n", 5);
	return fd;
}

static void
test_large(void **state)
{
	expect(send_body(ACCEPT, ADMIN_BODY_MAX, false, ""), 400, "invalid_json");
	expect(send_body(ACCEPT, ADMIN_BODY_MAX, true, ""), 400, "invalid_json");
	expect(send_body(ACCEPT, ADMIN_BODY_MAX + 1, false, ""), 413, "too_large");
	expect(send_body(ACCEPT, ADMIN_BODY_MAX + 1, true, ""), 413, "too_large");
	expect(send_body(ACCEPT, ADMIN_SWALLOW_MAX, false, ""), 413, "too_large");
	/* refusals of other kinds survive their body, too */
	expect(send_body("POST /nothing HTTP/1.1", 300000, false, ""), 404, "not_found");
	expect(send_body("POST /health HTTP/1.1", 300000, true, ""), 405, "method_not_allowed");
	expect(send_body("GET /healthz HTTP/1.1", 1000, false, ""), 200, "ok");
	assert_int_equal(rig.script.accepts, 0);
}

/* What is announced to be far too long is refused unread; what is endless and did not say so is cut off. */
static void
test_endless(void **state)
{
	static const char announced[] = ACCEPT "\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n";
	int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
	struct http_answer answer;

	admin_rig_write(fd, announced, sizeof(announced) - 1);
	expect(fd, 413, "too_large");
	admin_rig_read(&answer, send_body(ACCEPT, 3 * ADMIN_SWALLOW_MAX, true, ""));
	assert_int_equal(answer.status, 0);
	admin_rig_free(&answer);
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
		int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
		struct http_answer answer;

		admin_rig_write(fd, requests[i], strlen(requests[i]));
		admin_rig_read(&answer, fd);
		if (answer.status == 501)
			admin_rig_check_headers(&answer);
		else
			assert_int_equal(answer.status, 400);
		admin_rig_free(&answer);
	}
	assert_int_equal(rig.script.accepts, 0);
}

static void
test_expect_continue(void **state)
{
	static const char refused[] =
		"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n";
	static const char accepted[] =
		ACCEPT "\r\nHost: a\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n";
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	char got[sizeof(go_on)] = "";
	int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");

	admin_rig_write(fd, refused, sizeof(refused) - 1);
	expect(fd, 404, "not_found");
	fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
	admin_rig_write(fd, accepted, sizeof(accepted) - 1);
	assert_int_equal(recv(fd, got, sizeof(go_on) - 1, MSG_WAITALL), sizeof(go_on) - 1);
	assert_string_equal(got, go_on);
	admin_rig_write(fd, "{\"accept\":true}", 15);
	expect(fd, 200, "{\"accept\":true}");
}

/* A body that does not come costs the connection after idle_s, one that dribbles after request_ms. */
static void
test_slow(void **state)
{
	static const char head[] = ACCEPT "\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{";
	int idle = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
	int dribble = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
	struct http_answer answer;

	admin_rig_write(idle, head, sizeof(head) - 1);
	admin_rig_write(dribble, head, sizeof(head) - 1);
	while (send(dribble, " ", 1, MSG_NOSIGNAL) == 1)
		; /* ends when the server hangs up, long before the last byte */
	close(dribble);
	admin_rig_read(&answer, idle);
	assert_int_equal(answer.status, 0);
	admin_rig_free(&answer);
	assert_int_equal(rig.script.accepts, 0);
}

/* Whoever never says a word is let go; and with all places taken there is none for one more, until there is room. */
static void
test_silent_and_full(void **state)
{
	struct sockaddr none = { .sa_family = AF_UNIX };
	struct http_answer answer;
	int silent[2];
	char byte;

	for (unsigned i = 0; i < 2; i++)
		silent[i] = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
	assert_int_equal(admin_reserve(rig.admin, ADMIN_SIDE_ADMIN, &none, sizeof(sa_family_t)), WSD_E_FULL);
	/* the public side is another daemon */
	admin_rig_ask(&rig, &answer, ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1", "", "");
	assert_int_equal(answer.status, 200);
	admin_rig_free(&answer);
	for (unsigned i = 0; i < 2; i++) {
		struct pollfd closed = { .fd = silent[i] }; /* both directions: POLLHUP */

		assert_int_equal(poll(&closed, 1, -1), 1);
		assert_int_equal(recv(silent[i], &byte, 1, 0), 0);
		close(silent[i]);
	}
	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "unix", "GET /healthz HTTP/1.1", "", "");
	assert_int_equal(answer.status, 200);
	admin_rig_free(&answer);
}

#define CLIENTS  8
#define REQUESTS 100

static void *
client(void *arg)
{
	static const char *const lines[] = { "GET /health HTTP/1.1", "GET / HTTP/1.1",
					     "HEAD /readyz HTTP/1.1", "GET /metrics HTTP/1.1" };
	uintptr_t n = (uintptr_t)arg;

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct http_answer answer;

		admin_rig_ask(&rig, &answer, n % 2 ? ADMIN_SIDE_ADMIN : ADMIN_SIDE_PUBLIC, "127.0.0.1",
			      lines[i % (n % 2 ? 4 : 3)], "", "");
		CHECK(answer.status == 200);
		admin_rig_free(&answer);
	}
	return NULL;
}

static void
test_concurrent(void **state)
{
	pthread_t threads[CLIENTS];

	for (uintptr_t i = 0; i < CLIENTS; i++)
		CHECK_ZERO(pthread_create(&threads[i], NULL, client, (void *)i));
	for (unsigned i = 0; i < CLIENTS; i++)
		CHECK_ZERO(pthread_join(threads[i], NULL));
}

/* Many connections open at once, one byte of each request at a time, then stopped in the middle of others. */
static void
test_interleaved_and_stopped(void **state)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char half_request[] = ACCEPT "\r\nHost: a\r\nContent-Length: 10\r\n\r\n{";
	int fds[32], half;

	for (unsigned i = 0; i < 32; i++)
		fds[i] = admin_rig_connect(&rig, ADMIN_SIDE_PUBLIC, "127.0.0.1");
	for (size_t at = 0; at < sizeof(request) - 1; at++)
		for (unsigned i = 0; i < 32; i++)
			admin_rig_write(fds[i], request + at, 1);
	for (unsigned i = 0; i < 32; i++)
		expect(fds[i], 200, "ok");
	half = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");
	admin_rig_write(half, half_request, sizeof(half_request) - 1);
	for (unsigned i = 0; i < 32; i++)
		fds[i] = admin_rig_connect(&rig, ADMIN_SIDE_PUBLIC, "127.0.0.1");
	/* Connections that the library's threads have not taken up yet are closed at a stop without the
	 * queue's lock, which ThreadSanitizer tells of. They are taken up in order. */
	for (unsigned side = 0; side < ADMIN_SIDES; side++) {
		struct http_answer answer;

		admin_rig_ask(&rig, &answer, side, "127.0.0.1", "GET /healthz HTTP/1.1", "", "");
		assert_int_equal(answer.status, 200);
		admin_rig_free(&answer);
	}
	admin_destroy(&rig.admin);
	for (unsigned i = 0; i < 32; i++)
		expect(fds[i], 0, "");
	expect(half, 0, "");
}

/* Clients that go away at every moment. */
static void
test_gone(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nContent-Length: 15\r\n\r\n{\"accept\":true}";
	struct http_answer answer;

	for (size_t len = 0; len < sizeof(request); len++) {
		int fd = admin_rig_connect(&rig, ADMIN_SIDE_ADMIN, "unix");

		admin_rig_write(fd, request, len);
		close(fd);
	}
	admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "unix", "GET /healthz HTTP/1.1", "", "");
	assert_int_equal(answer.status, 200);
	admin_rig_free(&answer);
}

static void
test_tcp(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
			   peer;
	socklen_t len = sizeof(address), peer_len = sizeof(peer);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, accepted;
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	struct http_answer answer;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	admin_rig_write(fd, request, sizeof(request) - 1);
	accepted = accept4(listener, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_int_equal(admin_reserve(rig.admin, ADMIN_SIDE_ADMIN, (struct sockaddr *)&peer, peer_len), WSD_OK);
	assert_int_equal(admin_add(rig.admin, ADMIN_SIDE_ADMIN, accepted, (struct sockaddr *)&peer, peer_len),
			 WSD_OK);
	admin_rig_read(&answer, fd);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "process_cpu_seconds_total"));
	admin_rig_free(&answer);
	close(listener);
}

/* The fourth in a second is one too many, by address; the unix socket and the public side have no limit. */
static void
test_rate(void **state)
{
	struct http_answer answer;
	unsigned refused = 0;

	for (unsigned i = 0; i < 10; i++) {
		admin_rig_ask(&rig, &answer, ADMIN_SIDE_ADMIN, "192.0.2.1", "GET /healthz HTTP/1.1", "", "");
		admin_rig_check_headers(&answer);
		if (answer.status == 429) {
			assert_string_equal(admin_rig_header(&answer, "Retry-After"), "1");
			assert_non_null(strstr(answer.body, "rate_limited"));
			refused++;
		} else {
			assert_int_equal(answer.status, 200);
		}
		admin_rig_free(&answer);
	}
	assert_true(refused >= 5); /* the test itself takes time */
	for (unsigned i = 0; i < 10; i++) {
		static const char *const peers[] = { "unix", "unix", "127.0.0.1" };

		admin_rig_ask(&rig, &answer, i % 3 == 2 ? ADMIN_SIDE_PUBLIC : ADMIN_SIDE_ADMIN, peers[i % 3],
			      "GET /healthz HTTP/1.1", "", "");
		assert_int_equal(answer.status, 200);
		admin_rig_free(&answer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_drain_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_embedded_zero, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_chunked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_chunk_extension, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_endless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_coding, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_expect_continue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slow, set_up_tight, tear_down),
		cmocka_unit_test_setup_teardown(test_silent_and_full, set_up_tight, tear_down),
		cmocka_unit_test_setup_teardown(test_concurrent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interleaved_and_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up_wide, tear_down),
		cmocka_unit_test_setup_teardown(test_tcp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rate, set_up_rated, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
