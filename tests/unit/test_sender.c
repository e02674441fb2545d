/* SPDX-License-Identifier: MIT */
/*
 * Both sides of a handoff in one loop, with a scripted server behind each: what becomes of each session that is
 * offered alone, whatever the receiver says, and whenever the link breaks. And the sender before a receiver of
 * the version before, which is us by hand.
 */
#include "move/sender.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "move/link.h"
#include "move/receiver.h"

#define OFFERS 8

static struct rig {
	uv_loop_t loop;
	char dir[64], path[128];
	int listen_fd;
	struct sender *sender;
	struct receiver *receiver;

	bool opened, sessions, over;
	int over_rc;
	char why[200];
	int settled;
	enum sender_fate fates[OFFERS];
	int offers[OFFERS]; /* their addresses are what is offered */

	int say;          /* what the receiver answers to each */
	int stop_after;   /* the receiver stops in this one, having claimed it; 0: never */
	bool abort_first; /* the sender gives up before the claim */
	int asked, listed, lost;
	char ids[200];
	uint32_t taken, came, refused;
	bool complete, ended;
} rig;

/* ---- the giving side ------------------------------------------------------------------------- */

static void
opened(void *arg, uint32_t version)
{
	rig.opened = true;
	rig.sessions = version >= LINK_WITH_SESSIONS;
}

static void
settled(void *arg, void *offer, enum sender_fate fate)
{
	int i = (int)((int *)offer - rig.offers);

	assert_in_range(i, 0, OFFERS - 1);
	assert_int_equal(rig.offers[i]++, 0); /* once */
	rig.fates[i] = fate;
	rig.settled++;
}

static void
over(void *arg, int rc, const char *why)
{
	rig.over = true;
	rig.over_rc = rc;
	rig.sender = NULL;
	snprintf(rig.why, sizeof(rig.why), "%s", why);
}

/* ---- the taking side ------------------------------------------------------------------------- */

static int
arrived(void *arg, int fd, const struct conn_state *state, uint32_t word, receiver_claim_cb claim, void *claim_arg)
{
	fd_close(&fd);
	return WSD_E_BUSY;
}

static int
session(void *arg, const struct session_state *session, uint32_t word, receiver_claim_cb claim, void *claim_arg)
{
	strcat(rig.ids, session->id);
	if (!claim) {
		rig.listed++;
		return WSD_OK;
	}
	rig.asked++;
	if (rig.say != WSD_OK)
		return rig.say;
	if (rig.abort_first)
		sender_abort(rig.sender, "enough");
	if (!claim(claim_arg)) {
		rig.lost++;
		return WSD_E_CLOSED;
	}
	if (rig.asked == rig.stop_after)
		receiver_stop(&rig.receiver);
	return WSD_OK;
}

static void
ended(void *arg, const char *from, uint32_t taken, uint32_t sessions, uint32_t refused, bool complete)
{
	assert_string_equal(from, "blue");
	rig.taken = taken;
	rig.came = sessions;
	rig.refused = refused;
	rig.complete = complete;
	rig.ended = true;
}

/* ---- the rig --------------------------------------------------------------------------------- */

static int
set_up(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	rig = (struct rig){ .listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	strcpy(rig.dir, "/tmp/wsd-test-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
	snprintf(rig.path, sizeof(rig.path), "%s/handoff.sock", rig.dir);
	strcpy(at.sun_path, rig.path);
	assert_int_equal(bind(rig.listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(rig.listen_fd, 1), 0);
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	return 0;
}

static int
tear_down(void **state)
{
	if (rig.sender)
		sender_abort(rig.sender, "the end");
	receiver_stop(&rig.receiver);
	assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	fd_close(&rig.listen_fd);
	unlink(rig.path);
	rmdir(rig.dir);
	return 0;
}

/* The loop has nothing left to do when both sides are gone. */
#define RUN_UNTIL(condition) \
	do { \
		while (!(condition)) \
			if (!uv_run(&rig.loop, UV_RUN_ONCE)) \
				assert_true(condition); \
	} while (0)

static void
begin_sending(void)
{
	struct sender_ops ops = { .opened = opened, .settled = settled, .over = over };

	assert_int_equal(sender_start(&rig.sender, &rig.loop, rig.path, "blue", "1.0", OFFERS, &ops), WSD_OK);
}

static void
listen_now(void)
{
	struct receiver_ops ops = { .arrived = arrived, .session = session, .ended = ended };
	int fd = rig.listen_fd;

	rig.listen_fd = -1;
	assert_int_equal(receiver_start(&rig.receiver, &rig.loop, fd, "green", "1.0", &ops), WSD_OK);
}

static void
begin(void)
{
	listen_now();
	begin_sending();
	RUN_UNTIL(rig.opened);
	assert_true(rig.sessions);
}

static size_t
encode(char *out, int i)
{
	struct session_state session = { .count = 7, .expires_in_ms = 1000 };

	session.id[0] = (char)('a' + i);
	return state_encode_session(out, &session);
}

static void
offer(int i)
{
	char data[STATE_FIXED_MAX];

	sender_offer_session(rig.sender, &rig.offers[i], data, encode(data, i));
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void
test_taken(void **state)
{
	char data[STATE_FIXED_MAX];

	begin();
	sender_sessions(rig.sender, data, encode(data, 25));
	for (int i = 0; i < OFFERS; i++)
		offer(i);
	RUN_UNTIL(rig.settled == OFFERS);
	sender_sessions(rig.sender, data, encode(data, 24));
	sender_finish(rig.sender);
	RUN_UNTIL(rig.over && rig.ended);
	assert_int_equal(rig.over_rc, WSD_OK);
	assert_string_equal(rig.ids, "zabcdefghy");
	for (int i = 0; i < OFFERS; i++)
		assert_int_equal(rig.fates[i], SENDER_TAKEN);
	assert_int_equal(rig.came, OFFERS);
	assert_int_equal(rig.taken + rig.refused, 0);
	assert_int_equal(rig.listed, 2);
	assert_true(rig.complete);
}

static void
test_refused(void **state)
{
	begin();
	rig.say = WSD_E_UNSUPPORTED;
	offer(0);
	RUN_UNTIL(rig.settled == 1);
	rig.say = WSD_OK;
	offer(1);
	sender_offer_session(rig.sender, &rig.offers[2], "noise", 5);
	RUN_UNTIL(rig.settled == 3);
	assert_int_equal(rig.fates[0], SENDER_REFUSED);
	assert_int_equal(rig.fates[1], SENDER_TAKEN);
	assert_int_equal(rig.fates[2], SENDER_REFUSED);
	sender_finish(rig.sender);
	RUN_UNTIL(rig.ended);
	assert_int_equal(rig.came, 1);
	assert_int_equal(rig.refused, 2);
}

/* More than were announced: they stay. */
static void
test_too_many(void **state)
{
	int extra = rig.offers[0];

	begin();
	for (int i = 0; i < OFFERS; i++)
		offer(i);
	RUN_UNTIL(rig.settled == OFFERS);
	rig.offers[0] = extra;
	offer(0);
	assert_int_equal(rig.settled, OFFERS + 1);
	assert_int_equal(rig.fates[0], SENDER_KEPT);
}

/* The link breaks with the notice unsent: the word says who has it. */
static void
test_link_breaks_after_a_claim(void **state)
{
	begin();
	rig.stop_after = 2;
	for (int i = 0; i < 4; i++)
		offer(i);
	RUN_UNTIL(rig.over);
	assert_int_not_equal(rig.over_rc, WSD_OK);
	assert_int_equal(rig.settled, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rig.fates[i], i < 2 ? SENDER_TAKEN : SENDER_KEPT);
	assert_int_equal(rig.came, 1); /* the second was claimed as the link was let go */
}

/* The sender gives up while the receiver makes room: it is the sender's, and nobody has it twice. */
static void
test_claim_is_lost(void **state)
{
	begin();
	rig.abort_first = true;
	offer(0);
	RUN_UNTIL(rig.ended);
	assert_true(rig.over);
	assert_int_equal(rig.fates[0], SENDER_KEPT);
	assert_int_equal(rig.lost, 1);
	assert_int_equal(rig.came + rig.refused, 0);
}

static void
test_version_before(void **state)
{
	static struct link_message m;
	struct link_hello hello;
	int fd;

	begin_sending();
	fd = accept4(rig.listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(link_receive(fd, &m), WSD_OK);
	assert_int_equal(m.type, LINK_HELLO);
	fd_close(&m.fds[0]);
	memcpy(&hello, m.body, sizeof(hello));
	assert_true(hello.version_min <= 1 && hello.version_max >= 1); /* it would welcome us */
	hello.version_min = hello.version_max = 1;
	assert_int_equal(link_send(fd, LINK_WELCOME, 0, &hello, sizeof(hello), NULL, 0), WSD_OK);
	RUN_UNTIL(rig.opened);
	assert_false(rig.sessions);
	sender_finish(rig.sender);
	assert_int_equal(link_receive(fd, &m), WSD_OK);
	assert_int_equal(m.type, LINK_DONE);
	assert_int_equal(link_send(fd, LINK_BYE, 0, NULL, 0, NULL, 0), WSD_OK);
	RUN_UNTIL(rig.over);
	assert_int_equal(rig.over_rc, WSD_OK);
	fd_close(&fd);
}

static unsigned turns;

static void
on_turn(uv_prepare_t *prepare)
{
	turns++;
}

static void
on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

/* Without a descriptor for it, a sender waits in the queue, and the loop does not spin for it; later it comes in. */
static void
test_no_descriptor_left(void **state)
{
	struct rlimit before, none;
	uv_prepare_t prepare;
	uv_timer_t timer;
	unsigned spent;
	int lowest;

	begin_sending(); /* it is connected now, and not accepted */
	lowest = dup(0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max };
	assert_int_equal(uv_prepare_init(&rig.loop, &prepare), 0);
	assert_int_equal(uv_timer_init(&rig.loop, &timer), 0);
	listen_now();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turns = 0;
	uv_prepare_start(&prepare, on_turn);
	uv_timer_start(&timer, on_time, 250, 0);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_close((uv_handle_t *)&timer, NULL);
	spent = turns;
	RUN_UNTIL(rig.opened);
	assert_in_range(spent, 1, 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken),
		TEST(test_refused),
		TEST(test_too_many),
		TEST(test_link_breaks_after_a_claim),
		TEST(test_claim_is_lost),
		TEST(test_version_before),
		TEST(test_no_descriptor_left),
	};

	return cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
