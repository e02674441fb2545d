/* SPDX-License-Identifier: MIT */
/* What is made of whoever answers at an address: one client at a time, and an answer that is written beforehand. */
#include "ctl/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/err.h"
#include "ctl/why.h"
#include "wsclient/ws_codec.h"

#define PATIENCE_MS 60000

static struct {
	int listener;
	char url[64];
	const char *answer; /* ACCEPT in it stands for the right answer to the key */
	size_t len;
	char asked[4096];
	uint8_t left[64]; /* what came after the head */
	ssize_t n_left;
} server;

static struct why why;
static char instance[INSTANCE_NAME_MAX + 1];

static void
read_request(int fd)
{
	size_t len = 0;

	while (!strstr(server.asked, "\r\n\r\n")) {
		ssize_t n = recv(fd, server.asked + len, sizeof(server.asked) - 1 - len, 0);

		CHECK(n > 0);
		len += (size_t)n;
		server.asked[len] = '\0';
	}
}

static void
write_answer(int fd)
{
	const char *mark = memmem(server.answer, server.len, "ACCEPT", 6);
	const char *key = strstr(server.asked, "Sec-WebSocket-Key: ");
	char own[HANDSHAKE_KEY_LEN + 1], accept[WS_ACCEPT_LEN + 1];
	size_t head = mark ? (size_t)(mark - server.answer) : 0;

	if (mark) {
		CHECK(key);
		snprintf(own, sizeof(own), "%s", key + 19);
		ws_accept(accept, own);
		CHECK(send(fd, server.answer, head, MSG_NOSIGNAL) == (ssize_t)head);
		CHECK(send(fd, accept, WS_ACCEPT_LEN, MSG_NOSIGNAL) == WS_ACCEPT_LEN);
		head += 6;
	}
	CHECK(send(fd, server.answer + head, server.len - head, MSG_NOSIGNAL) == (ssize_t)(server.len - head));
}

static void *
serve(void *arg)
{
	int fd = accept(server.listener, NULL, NULL);

	CHECK(fd != -1);
	server.asked[0] = '\0';
	read_request(fd);
	write_answer(fd);
	shutdown(fd, SHUT_WR);
	server.n_left = recv(fd, server.left, sizeof(server.left), MSG_WAITALL);
	close(fd);
	return NULL;
}

static int
probe(int (*how)(const char *, uint32_t, char *, struct why *), const char *answer, size_t len)
{
	pthread_t thread;
	int rc;

	server.answer = answer;
	server.len = len;
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	rc = how(server.url, PATIENCE_MS, instance, &why);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return rc;
}

/* Of the addresses that localhost has, IPv6's come first as a rule; here the other one is listened on. */
static int
enter(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.listener, (struct sockaddr *)&at, len) != 0 || listen(server.listener, 1) != 0 ||
	    getsockname(server.listener, (struct sockaddr *)&at, &len) != 0)
		return -1;
	snprintf(server.url, sizeof(server.url), "http://localhost:%u/", ntohs(at.sin_port));
	return 0;
}

static int
leave(void **state)
{
	return close(server.listener);
}

#define UPGRADE(accept) \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Accept: " accept "\r\n\r\n"
#define GREETING "\x81\x13{\"instance\":\"blue\"} "

static void
test_a_greeting(void **state)
{
	static const char answer[] = UPGRADE("ACCEPT") GREETING;
	uint8_t payload[2];

	assert_int_equal(probe(probe_websocket, answer, sizeof(answer) - 1), WSD_OK);
	assert_string_equal(instance, "blue");
	assert_non_null(strstr(server.asked, "GET /ws/chat/wsctl-probe-"));
	/* a close with 1000, masked */
	assert_int_equal(server.n_left, 8);
	assert_int_equal(server.left[0], 0x88);
	assert_int_equal(server.left[1], 0x82);
	memcpy(payload, server.left + 6, 2);
	ws_mask(payload, 2, 0, server.left + 2);
	assert_int_equal(payload[0] << 8 | payload[1], 1000);
}

static void
test_what_is_no_websocket(void **state)
{
	static const char wrong[] = UPGRADE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") GREETING;
	static const char away[] = "HTTP/1.0 502 Bad Gateway\r\n\r\n";
	static const char masked[] = UPGRADE("ACCEPT") "\x81\x80"
						       "abcd";
	static const char other[] = UPGRADE("ACCEPT") "\x81\x02{}";
	char expected[200];

	assert_int_equal(probe(probe_websocket, wrong, sizeof(wrong) - 1), WSD_E_UNSUPPORTED);
	snprintf(expected, sizeof(expected), "%sws/chat/: no WebSocket, but HTTP status 101 without what belongs to it",
		 server.url);
	assert_string_equal(why.text, expected);
	assert_int_equal(probe(probe_websocket, away, sizeof(away) - 1), WSD_E_UNSUPPORTED);
	snprintf(expected, sizeof(expected), "%sws/chat/: no WebSocket, but HTTP status 502", server.url);
	assert_string_equal(why.text, expected);
	assert_int_equal(probe(probe_websocket, masked, sizeof(masked) - 1), WSD_E_MALFORMED);
	assert_int_equal(probe(probe_websocket, other, sizeof(other) - 1), WSD_E_UNSUPPORTED);
	assert_int_equal(probe(probe_websocket, UPGRADE("ACCEPT"), sizeof(UPGRADE("ACCEPT")) - 1), WSD_E_CLOSED);
}

static void
test_an_instance_that_wants_a_token(void **state)
{
	static const char answer[] = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"wsd\"\r\n\r\n";

	assert_int_equal(probe(probe_websocket, answer, sizeof(answer) - 1), WSD_OK);
	assert_string_equal(instance, "");
}

static void
test_health(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"instance\":\"green\"}";

	assert_int_equal(probe(probe_health, answer, sizeof(answer) - 1), WSD_OK);
	assert_string_equal(instance, "green");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_greeting),
		cmocka_unit_test(test_what_is_no_websocket),
		cmocka_unit_test(test_an_instance_that_wants_a_token),
		cmocka_unit_test(test_health),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
