/* SPDX-License-Identifier: MIT */
/* Clients that are slow, silent, many, too many or gone, over socket pairs and TCP. */
#include "support/admin_rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/err.h"

#define ACCEPT "POST /api/v1/accept HTTP/1.1"

/* Few connections, and short patience. */
static int
set_up_tight(void **state)
{
	static const struct admin_limits tight = {
		.connections = { 4, 2 }, .of_one_client = { 2, 2 }, .idle_s = 1, .request_ms = 50
	};

	admin_rig_start(NULL, &tight);
	return 0;
}

/* Room for all that are let go without being waited for. */
static int
set_up_wide(void **state)
{
	static const struct admin_limits wide = {
		.connections = { 4, 1000 }, .of_one_client = { 4, 1000 }, .idle_s = 10, .request_ms = 10000
	};

	admin_rig_start(NULL, &wide);
	return 0;
}

static int
set_up_rated(void **state)
{
	admin_rig_start_rated((struct conf_rate){ 1, 3 });
	return 0;
}

/* A body that does not come costs the connection after idle_s, one that dribbles after request_ms. */
static void
test_slow(void **state)
{
	static const char head[] = ACCEPT "\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{";
	int idle = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");
	int dribble = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");

	http_write(idle, head, sizeof(head) - 1);
	http_write(dribble, head, sizeof(head) - 1);
	while (send(dribble, " ", 1, MSG_NOSIGNAL) == 1)
		; /* ends when the server hangs up, long before the last byte */
	close(dribble);
	http_expect(idle, 0, "");
	assert_int_equal(rig.script.accepts, 0);
}

/* Whoever never says a word is let go; and with all places taken there is none for one more, until there is
 * room. */
static void
test_silent_and_full(void **state)
{
	struct sockaddr none = { .sa_family = AF_UNIX };
	int silent[2];
	char byte;

	for (unsigned i = 0; i < 2; i++)
		silent[i] = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");
	assert_int_equal(admin_reserve(rig.admin, ADMIN_SIDE_ADMIN, &none, sizeof(sa_family_t)), WSD_E_FULL);
	/* the public side is another daemon */
	http_is(http_ask(ADMIN_SIDE_PUBLIC, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "");
	for (unsigned i = 0; i < 2; i++) {
		struct pollfd closed = { .fd = silent[i] }; /* both directions: POLLHUP */

		assert_int_equal(poll(&closed, 1, -1), 1);
		assert_int_equal(recv(silent[i], &byte, 1, 0), 0);
		close(silent[i]);
	}
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /healthz HTTP/1.1"), 200, "");
}

#define CLIENTS  8
#define REQUESTS 100

static void *
client(void *arg)
{
	static const char *const lines[] = { "GET /health HTTP/1.1", "GET / HTTP/1.1", "HEAD /readyz HTTP/1.1",
					     "GET /metrics HTTP/1.1" };
	uintptr_t n = (uintptr_t)arg;

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct http_answer answer =
			http_ask(n % 2 ? ADMIN_SIDE_ADMIN : ADMIN_SIDE_PUBLIC, "127.0.0.1", lines[i % (n % 2 ? 4 : 3)]);

		CHECK(answer.status == 200);
		http_free(&answer);
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
		fds[i] = admin_rig_connect(ADMIN_SIDE_PUBLIC, "127.0.0.1");
	for (size_t at = 0; at < sizeof(request) - 1; at++)
		for (unsigned i = 0; i < 32; i++)
			http_write(fds[i], request + at, 1);
	for (unsigned i = 0; i < 32; i++)
		http_expect(fds[i], 200, "ok");
	half = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");
	http_write(half, half_request, sizeof(half_request) - 1);
	for (unsigned i = 0; i < 32; i++)
		fds[i] = admin_rig_connect(ADMIN_SIDE_PUBLIC, "127.0.0.1");
	/* Connections that the library's threads have not taken up yet are closed at a stop without the
	 * queue's lock, which ThreadSanitizer tells of. They are taken up in order. */
	for (unsigned side = 0; side < ADMIN_SIDES; side++)
		http_is(http_ask(side, "127.0.0.1", "GET /healthz HTTP/1.1"), 200, "");
	admin_destroy(&rig.admin);
	for (unsigned i = 0; i < 32; i++)
		http_expect(fds[i], 0, "");
	http_expect(half, 0, "");
}

/* Clients that go away at every moment. */
static void
test_gone(void **state)
{
	static const char request[] = ACCEPT "\r\nHost: a\r\nContent-Length: 15\r\n\r\n{\"accept\":true}";

	for (size_t len = 0; len < sizeof(request); len++) {
		int fd = admin_rig_connect(ADMIN_SIDE_ADMIN, "unix");

		http_write(fd, request, len);
		close(fd);
	}
	http_is(http_ask(ADMIN_SIDE_ADMIN, "unix", "GET /healthz HTTP/1.1"), 200, "");
}

static void
test_tcp(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, peer;
	socklen_t len = sizeof(address), peer_len = sizeof(peer);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, accepted;
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	struct http_answer answer;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	http_write(fd, request, sizeof(request) - 1);
	accepted = accept4(listener, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_int_equal(admin_reserve(rig.admin, ADMIN_SIDE_ADMIN, (struct sockaddr *)&peer, peer_len), WSD_OK);
	assert_int_equal(admin_add(rig.admin, ADMIN_SIDE_ADMIN, accepted, (struct sockaddr *)&peer, peer_len), WSD_OK);
	answer = http_read(fd);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "process_cpu_seconds_total"));
	http_free(&answer);
	close(listener);
}

/* The fourth in a second is one too many, by address; the unix socket and the public side have no limit. */
static void
test_rate(void **state)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < 10; i++) {
		struct http_answer answer = http_ask(ADMIN_SIDE_ADMIN, "192.0.2.1", "GET /healthz HTTP/1.1");

		http_check_headers(&answer);
		if (answer.status == 429) {
			assert_string_equal(http_header(&answer, "Retry-After"), "1");
			assert_non_null(strstr(answer.body, "rate_limited"));
			refused++;
		} else {
			assert_int_equal(answer.status, 200);
		}
		http_free(&answer);
	}
	assert_true(refused >= 5); /* the test itself takes time */
	for (unsigned i = 0; i < 10; i++) {
		static const char *const peers[] = { "unix", "unix", "127.0.0.1" };

		http_is(http_ask(i % 3 == 2 ? ADMIN_SIDE_PUBLIC : ADMIN_SIDE_ADMIN, peers[i % 3],
				 "GET /healthz HTTP/1.1"),
			200, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slow, set_up_tight, admin_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_silent_and_full, set_up_tight, admin_rig_tear_down),
		ADMIN_TEST(test_concurrent),
		ADMIN_TEST(test_interleaved_and_stopped),
		cmocka_unit_test_setup_teardown(test_gone, set_up_wide, admin_rig_tear_down),
		ADMIN_TEST(test_tcp),
		cmocka_unit_test_setup_teardown(test_rate, set_up_rated, admin_rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
