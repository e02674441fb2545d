/* SPDX-License-Identifier: MIT */
/*
 * The front desk with real sockets and a made-up server behind it: how connections replace each other, what
 * happens when the workers refuse or the server drains meanwhile, and how it closes in the middle of
 * everything.
 */
#include "front/front.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "metrics/metrics.h"

#define GUESTS 16

static struct rig {
	struct conf conf;
	struct front_ops ops;
	uv_loop_t loop;
	struct metrics_shard *shard;
	struct front *front;
	struct sockaddr_in addr;

	struct front_guest guests[GUESTS]; /* as seated; their fds are ours */
	int seated, plain, dismissed, dismiss_rc, closed;
	int seat_rc;
	int close_at_plain; /* calls front_close() in this one; 0: never */
	struct front_seat dismissed_seat;
	int64_t pending_when_closed;
} rig;

static void
on_closed(void *arg)
{
	rig.closed++;
	rig.pending_when_closed = metrics_sum(METRIC_PENDING);
}

static int
seat(void *arg, const struct front_guest *guest)
{
	if (rig.seat_rc != WSD_OK)
		return rig.seat_rc;
	assert_true(rig.seated < GUESTS);
	rig.guests[rig.seated] = *guest;
	rig.guests[rig.seated++].id = NULL;
	return WSD_OK;
}

static int
dismiss(void *arg, const struct front_seat *at, const char *id)
{
	if (rig.dismiss_rc != WSD_OK)
		return rig.dismiss_rc;
	rig.dismissed++;
	rig.dismissed_seat = *at;
	return WSD_OK;
}

static int
reserve(void *arg, bool admin, const struct sockaddr *peer, socklen_t peer_len)
{
	return WSD_OK;
}

static void
plain(void *arg, bool admin, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
	fd_close(&fd);
	if (++rig.plain == rig.close_at_plain)
		front_close(rig.front, on_closed, NULL);
}

static int
listener(void)
{
	socklen_t len = sizeof(rig.addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	rig.addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)&rig.addr, sizeof(rig.addr)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&rig.addr, &len), 0);
	return fd;
}

static void
start(uint32_t most_pending)
{
	rig = (struct rig){
		.conf = { .max_connections = 10, .session_ttl_ms = 60000, .allowed_origins = "*" },
		.ops = { .seat = seat, .dismiss = dismiss, .reserve = reserve, .plain = plain },
	};
	metrics_init("test", "0");
	rig.shard = metrics_shard_create();
	assert_non_null(rig.shard);
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	assert_int_equal(front_create(&rig.front,
				      &(struct front_setup){
					      .conf = &rig.conf,
					      .ops = &rig.ops,
					      .loop = &rig.loop,
					      .shard = rig.shard,
					      .workers = 2,
					      .most_pending = most_pending,
				      }),
			 WSD_OK);
	assert_int_equal(front_listen(rig.front, true, listener()), WSD_OK);
	assert_int_equal(front_listen(rig.front, false, listener()), WSD_OK); /* the clients' */
	front_set_mode(rig.front, FRONT_OPEN);
}

/* The loop ends by itself once nothing is left in it; then the front desk says that it has closed, once and
 * last. */
static void
finish(void)
{
	if (!rig.close_at_plain)
		front_close(rig.front, on_closed, NULL);
	assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(rig.closed, 1);
	assert_int_equal(rig.pending_when_closed, 0);
	front_destroy(&rig.front);
	assert_null(rig.front);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	for (int i = 0; i < rig.seated; i++)
		fd_close(&rig.guests[i].fd);
	metrics_deinit();
}

#define RUN_UNTIL(condition) \
	do { \
		while (!(condition)) \
			assert_int_not_equal(uv_run(&rig.loop, UV_RUN_ONCE), 0); \
	} while (0)

static int
client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&rig.addr, sizeof(rig.addr)), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(fd_write_all(fd, text, strlen(text)), WSD_OK);
}

static void
handshake(int fd, const char *id, const uint8_t *token)
{
	char text[512], session[80] = "";
	size_t len = 0;

	if (token) {
		len = (size_t)sprintf(session, "?session=");
		for (int i = 0; i < SESSION_TOKEN_BYTES; i++)
			len += (size_t)sprintf(session + len, "%02x", token[i]);
	}
	snprintf(text, sizeof(text),
		 "GET /ws/chat/%s%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		 id, session);
	say(fd, text);
}

static int
visit(const char *id, const uint8_t *token)
{
	int fd = client();

	handshake(fd, id, token);
	return fd;
}

/* What the client was answered must start so. */
static void
expect_answer(int fd, const char *start_line)
{
	char text[2048];
	size_t len = 0;

	while (len < strlen(start_line)) {
		ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, MSG_DONTWAIT);

		if (n > 0)
			len += (size_t)n;
		else
			assert_int_not_equal(uv_run(&rig.loop, UV_RUN_ONCE), 0);
	}
	text[strlen(start_line)] = '\0';
	assert_string_equal(text, start_line);
}

/* A live connection with this id. */
static const struct front_guest *
seat_one(const char *id)
{
	int before = rig.seated, fd = visit(id, NULL);

	RUN_UNTIL(rig.seated == before + 1);
	fd_close(&fd);
	return &rig.guests[before];
}

/* One that comes for the session of a live connection, which was then asked to leave. */
static int
successor(const struct front_guest *old)
{
	int fd = visit("a", old->token);

	RUN_UNTIL(rig.dismissed == 1);
	return fd;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void
test_seat_and_leave(void **state)
{
	const struct front_guest *first, *second;
	struct front_seat found;
	int fd;

	start(64);
	first = seat_one("a");
	second = seat_one("b");
	assert_false(first->resumed);
	assert_int_equal(first->count, 0);
	assert_memory_equal(first->key, "dGhlIHNhbXBsZSBub25jZQ==", HANDSHAKE_KEY_LEN);
	assert_int_not_equal(first->seat.worker, second->seat.worker);
	assert_int_equal(front_connections(rig.front), 2);
	assert_true(front_find(rig.front, "b", &found));
	assert_memory_equal(&found, &second->seat, sizeof(found));
	assert_false(front_find(rig.front, "c", &found));

	fd = visit("a", NULL);
	expect_answer(fd, "HTTP/1.1 409 Conflict\r\n");
	fd_close(&fd);

	/* gone and kept: it can be resumed with its token; without, the id starts anew */
	front_left(rig.front, &first->seat, 7, false);
	assert_int_equal(front_connections(rig.front), 1);
	assert_false(front_find(rig.front, "a", &found));
	fd = visit("a", first->token);
	RUN_UNTIL(rig.seated == 3);
	fd_close(&fd);
	assert_true(rig.guests[2].resumed);
	assert_int_equal(rig.guests[2].count, 7);
	assert_memory_equal(rig.guests[2].token, first->token, SESSION_TOKEN_BYTES);
	assert_true(rig.guests[2].seat.serial > second->seat.serial);

	front_left(rig.front, &rig.guests[2].seat, 9, false);
	assert_false(seat_one("a")->resumed);
	assert_memory_not_equal(rig.guests[3].token, first->token, SESSION_TOKEN_BYTES);

	/* the client said goodbye: nothing to resume */
	front_left(rig.front, &second->seat, 9, true);
	fd = visit("b", second->token);
	RUN_UNTIL(rig.seated == 5);
	assert_false(rig.guests[4].resumed);
	fd_close(&fd);
	finish();
}

static void
test_replace(void **state)
{
	const struct front_guest *old;
	struct front_seat found;
	int fd, other;

	start(64);
	old = seat_one("a");
	fd = successor(old);
	assert_memory_equal(&rig.dismissed_seat, &old->seat, sizeof(old->seat));
	assert_int_equal(rig.seated, 1);
	assert_false(front_find(rig.front, "a", &found));

	other = visit("a", NULL);
	expect_answer(other, "HTTP/1.1 409 Conflict\r\n");
	fd_close(&other);

	front_dismissed(rig.front, "a", old->seat.serial + 1, true, 1000); /* not the answer to this question */
	front_dismissed(rig.front, "b", old->seat.serial, true, 1000);
	assert_int_equal(rig.seated, 1);
	front_dismissed(rig.front, "a", old->seat.serial, true, 5);
	assert_int_equal(rig.seated, 2);
	assert_true(rig.guests[1].resumed);
	assert_int_equal(rig.guests[1].count, 5);
	assert_int_equal(front_connections(rig.front), 2); /* the old one is still closing */

	/* the old one's end is none of the session's business any more */
	front_left(rig.front, &old->seat, 6, true);
	assert_int_equal(front_connections(rig.front), 1);
	assert_true(front_find(rig.front, "a", &found));
	assert_int_equal(found.serial, rig.guests[1].seat.serial);
	fd_close(&fd);
	finish();
}

/* Until so many wait without an answer. */
static void
line_up(const struct front_guest *old, int *fds, int n)
{
	for (int i = 0; i < n; i++) {
		fds[i] = visit("a", old->token);
		RUN_UNTIL(metrics_sum(METRIC_PENDING) == i + 1);
		for (int j = 0; j < 3; j++)
			uv_run(&rig.loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(rig.dismissed, 1);
}

/* Several come at once: each gets the session in turn, and the count goes from one to the next. */
static void
test_successors_stand_in_line(void **state)
{
	const struct front_guest *holder;
	int fds[3];

	start(64);
	holder = seat_one("a");
	line_up(holder, fds, 3);
	for (int i = 0; i < 3; i++) {
		front_dismissed(rig.front, "a", holder->seat.serial, true, (uint64_t)i + 5);
		front_left(rig.front, &holder->seat, 1000, true);
		assert_int_equal(rig.seated, i + 2);
		holder = &rig.guests[i + 1];
		assert_int_equal(holder->count, i + 5);
		assert_int_equal(rig.dismissed, i < 2 ? i + 2 : 3);
		assert_int_equal(front_connections(rig.front), 1);
		if (i < 2)
			assert_memory_equal(&rig.dismissed_seat, &holder->seat, sizeof(holder->seat));
		fd_close(&fds[i]);
	}
	RUN_UNTIL(metrics_sum(METRIC_PENDING) == 0);
	finish();
}

/* Whoever leaves the line, at whichever place, leaves the others in it. */
static void
test_line_that_somebody_leaves(void **state)
{
	for (int gone = 0; gone < 3; gone++) {
		const struct front_guest *old;
		int fds[3];

		start(64);
		old = seat_one("a");
		line_up(old, fds, 3);
		fd_close(&fds[gone]);
		RUN_UNTIL(metrics_sum(METRIC_PENDING) == 2);
		front_dismissed(rig.front, "a", old->seat.serial, true, 5);
		front_dismissed(rig.front, "a", rig.guests[1].seat.serial, true, 6);
		assert_int_equal(rig.seated, 3);
		assert_int_equal(rig.dismissed, 2);
		for (int i = 0; i < 3; i++)
			fd_close(&fds[i]);
		finish();
	}
}

/* None in the line is left without an answer, and the session goes on or is kept. */
static void
test_line_that_cannot_be_served(void **state)
{
	for (int seats = 0; seats <= 1; seats++) {
		const struct front_guest *old;
		int fds[3];

		start(64);
		old = seat_one("a");
		line_up(old, fds, 3);
		rig.seat_rc = seats ? WSD_OK : WSD_E_FULL;
		rig.dismiss_rc = WSD_E_FULL;
		front_dismissed(rig.front, "a", old->seat.serial, true, 5);
		for (int i = seats; i < 3; i++)
			expect_answer(fds[i], "HTTP/1.1 503 Service Unavailable\r\n");
		front_left(rig.front, &old->seat, 1000, true);
		assert_int_equal(front_connections(rig.front), seats);
		assert_int_equal(metrics_sum(METRIC_SESSIONS), 1 - seats);
		for (int i = 0; i < 3; i++)
			fd_close(&fds[i]);
		finish();
	}
}

/* The old connection left by itself before it could be asked to. */
static void
test_replaced_one_had_left(void **state)
{
	const struct front_guest *old;
	int fd;

	start(64);
	old = seat_one("a");
	fd = successor(old);
	front_left(rig.front, &old->seat, 11, false);
	front_dismissed(rig.front, "a", old->seat.serial, false, 0);
	assert_int_equal(rig.seated, 2);
	assert_int_equal(rig.guests[1].count, 11);
	assert_int_equal(front_connections(rig.front), 1);
	fd_close(&fd);
	finish();
}

/* The successor hangs up while it waits: the session is kept for another try. */
static void
test_successor_gives_up(void **state)
{
	const struct front_guest *old;
	int fd;

	start(64);
	old = seat_one("a");
	fd = successor(old);
	fd_close(&fd);
	RUN_UNTIL(metrics_sum(METRIC_PENDING) == 0);
	front_dismissed(rig.front, "a", old->seat.serial, true, 3);
	assert_int_equal(rig.seated, 1);
	assert_int_equal(metrics_sum(METRIC_SESSIONS), 1);
	front_left(rig.front, &old->seat, 3, false);

	fd = visit("a", old->token);
	RUN_UNTIL(rig.seated == 2);
	assert_true(rig.guests[1].resumed);
	assert_int_equal(rig.guests[1].count, 3);
	fd_close(&fd);
	finish();
}

static void
test_worker_refuses(void **state)
{
	const struct front_guest *old;
	int fd;

	start(64);
	old = seat_one("a");
	rig.seat_rc = WSD_E_FULL;
	fd = visit("b", NULL);
	expect_answer(fd, "HTTP/1.1 503 Service Unavailable\r\n");
	fd_close(&fd);
	assert_int_equal(front_connections(rig.front), 1);

	fd = successor(old);
	front_dismissed(rig.front, "a", old->seat.serial, true, 3);
	expect_answer(fd, "HTTP/1.1 503 Service Unavailable\r\n");
	fd_close(&fd);
	front_left(rig.front, &old->seat, 3, false);
	assert_int_equal(front_connections(rig.front), 0);
	assert_int_equal(metrics_sum(METRIC_SESSIONS), 1);

	rig.seat_rc = WSD_OK;
	seat_one("b");
	finish();
}

/* A connection that was seated after the workers were told to say goodbye to all would have kept the server
 * from stopping; later there are no workers any more. */
static void
test_nobody_is_seated_while_draining(void **state)
{
	static const enum front_mode modes[] = { FRONT_DRAINING, FRONT_STANDBY, FRONT_CLOSED };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct front_guest *old;
		int fd;

		start(64);
		old = seat_one("a");
		fd = successor(old);
		front_set_mode(rig.front, modes[i]);
		front_dismissed(rig.front, "a", old->seat.serial, true, 3);
		assert_int_equal(rig.seated, 1);
		expect_answer(fd, "HTTP/1.1 503 Service Unavailable\r\n");
		fd_close(&fd);
		assert_int_equal(metrics_sum(METRIC_SESSIONS), 1); /* to be resumed later, or elsewhere */
		front_left(rig.front, &old->seat, 3, false);
		finish();
	}
}

/* ---- closing --------------------------------------------------------------------------------- */

/* Letting go of its visitors made room again, and so the front desk wanted to watch its closing listeners. */
static void
test_close_while_full(void **state)
{
	int fds[3];

	start(2);
	for (int i = 0; i < 3; i++) {
		fds[i] = client();
		say(fds[i], "GET / HT");
	}
	RUN_UNTIL(metrics_sum(METRIC_PENDING) == 2);
	finish();
	for (int i = 0; i < 3; i++)
		fd_close(&fds[i]);
}

/* Visitors that were on their way out already were not counted, and the end was announced before they had
 * gone. */
static void
test_close_while_visitors_go(void **state)
{
	int fds[4];

	start(64);
	for (int i = 0; i < 4; i++) {
		fds[i] = client();
		say(fds[i], "GET / HT");
	}
	RUN_UNTIL(metrics_sum(METRIC_PENDING) == 4);
	rig.close_at_plain = 3;
	for (int i = 0; i < 3; i++)
		say(fds[i], "TP/1.1\r\nHost: x\r\n\r\n");
	finish();
	for (int i = 0; i < 4; i++)
		fd_close(&fds[i]);
}

static void
test_close_while_one_waits(void **state)
{
	const struct front_guest *old;
	int fd;

	start(64);
	old = seat_one("a");
	fd = successor(old);
	finish();
	fd_close(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seat_and_leave),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_successors_stand_in_line),
		cmocka_unit_test(test_line_that_somebody_leaves),
		cmocka_unit_test(test_line_that_cannot_be_served),
		cmocka_unit_test(test_replaced_one_had_left),
		cmocka_unit_test(test_successor_gives_up),
		cmocka_unit_test(test_worker_refuses),
		cmocka_unit_test(test_nobody_is_seated_while_draining),
		cmocka_unit_test(test_close_while_full),
		cmocka_unit_test(test_close_while_visitors_go),
		cmocka_unit_test(test_close_while_one_waits),
	};

	return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
