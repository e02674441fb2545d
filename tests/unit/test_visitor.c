/* SPDX-License-Identifier: MIT */
/* Visitors of the two sides: where their requests go, and that neither side's can keep the other's out. */
#include "front/front_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"

static struct {
	uv_loop_t loop;
	struct conf conf;
	struct front *front;
	struct front_ops ops;
	int places; /* what is said of them */
	unsigned plain;
	bool admin; /* where the last one went */
	bool closed;
} rig;

static int
reserve(void *arg, bool admin, const struct sockaddr *peer, socklen_t peer_len)
{
	return rig.places;
}

static void
plain(void *arg, bool admin, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
	rig.admin = admin;
	rig.plain++;
	assert_int_equal(peer->sa_family, AF_UNIX);
	fd_close(&fd);
}

static const char *
no_environment(const char *name)
{
	return NULL;
}

static int
set_up(void **state)
{
	char why[256];
	struct front_setup setup = {
		.conf = &rig.conf, .ops = &rig.ops, .loop = &rig.loop, .workers = 2, .most_pending = 8
	};

	memset(&rig, 0, sizeof(rig));
	assert_int_equal(conf_load(&rig.conf, no_environment, why, sizeof(why)), WSD_OK);
	rig.ops = (struct front_ops){ .reserve = reserve, .plain = plain };
	CHECK_ZERO(uv_loop_init(&rig.loop));
	metrics_init("test", "0");
	setup.shard = metrics_shard_create();
	assert_int_equal(front_create(&rig.front, &setup), WSD_OK);
	front_set_mode(rig.front, FRONT_OPEN);
	return 0;
}

static void
on_closed(void *arg)
{
	rig.closed = true;
}

static int
tear_down(void **state)
{
	front_close(rig.front, on_closed, NULL);
	while (!rig.closed)
		uv_run(&rig.loop, UV_RUN_ONCE);
	front_destroy(&rig.front);
	CHECK_ZERO(uv_loop_close(&rig.loop));
	metrics_deinit();
	conf_deinit(&rig.conf);
	return 0;
}

/* A client whose request lies in its socket already; the client's end. */
static int
come(struct lobby *lobby, const char *request)
{
	static const struct sockaddr_un nobody = { .sun_family = AF_UNIX };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[0], request, strlen(request)), (ssize_t)strlen(request));
	visitor_welcome(rig.front, lobby, pair[1], (const struct sockaddr *)&nobody, sizeof(sa_family_t));
	return pair[0];
}

/* The answer has been sent at once: it is there, or will never be. */
static void
expect(int fd, const char *beginning)
{
	char answer[2048];
	ssize_t n = read(fd, answer, sizeof(answer) - 1);

	assert_true(n > 0);
	answer[n] = '\0';
	if (strncmp(answer, beginning, strlen(beginning)) != 0)
		fail_msg("expected %s, got\n%s", beginning, answer);
	close(fd);
}

static void
test_sides(void **state)
{
	static const char health[] = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

	close(come(&rig.front->public, health));
	assert_int_equal(rig.plain, 1);
	assert_false(rig.admin);
	close(come(&rig.front->admin, health));
	assert_int_equal(rig.plain, 2);
	assert_true(rig.admin);
	expect(come(&rig.front->admin, "GET /ws/chat/a HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 404 ");
	expect(come(&rig.front->public, "GET /ws/chat/a HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 426 ");
	assert_int_equal(rig.plain, 2);
}

static void
test_full_lobby_does_not_close_the_other(void **state)
{
	int silent[8];

	for (unsigned i = 0; i < 8; i++)
		silent[i] = come(&rig.front->public, "GET");
	assert_true(rig.front->public.full);
	assert_false(rig.front->admin.full);
	close(come(&rig.front->admin, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_int_equal(rig.plain, 1);
	for (unsigned i = 0; i < 8; i++)
		close(silent[i]);
	while (rig.front->public.n_visitors > 0)
		uv_run(&rig.loop, UV_RUN_ONCE);
	assert_false(rig.front->public.full);
}

static void
test_no_place_for_plain_requests(void **state)
{
	static const char health[] = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

	rig.places = WSD_E_FULL;
	expect(come(&rig.front->public, health), "HTTP/1.1 503 ");
	expect(come(&rig.front->admin, health), "HTTP/1.1 503 ");
	rig.places = WSD_E_BUSY;
	expect(come(&rig.front->public, health), "HTTP/1.1 429 ");
	expect(come(&rig.front->admin, health), "HTTP/1.1 429 ");
	assert_int_equal(rig.plain, 0);
	assert_int_equal(metrics_sum(METRIC_HTTP_PUBLIC_FULL), 1);
	assert_int_equal(metrics_sum(METRIC_HTTP_ADMIN_FULL), 1);
	assert_int_equal(metrics_sum(METRIC_HTTP_PUBLIC_CLIENT), 1);
	assert_int_equal(metrics_sum(METRIC_HTTP_ADMIN_CLIENT), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sides, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_lobby_does_not_close_the_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_place_for_plain_requests, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
