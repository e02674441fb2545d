/* SPDX-License-Identifier: MIT */
/* Where a record says that a stream stands, and where the kernel does: a hub with a real socket, whose peer and whose
 * send(2) are this program's own. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/tcp.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "metrics/metrics.h"
#include "wire/wire_priv.h"

#define HEADER     6 /* of a masked frame with little in it */
#define PING_FRAME "\x89\x82\0\0\0\0hi"
#define TEXT_FRAME "\x81\x83\0\0\0\0abc"
#define PONG_LEN   4 /* hi */
#define QUEUE_MOST 65536

static const uint8_t token[NOTES_TOKEN_BYTES] = "0123456789abcde";

static struct {
	uv_loop_t loop;
	struct wire_hub *hub;
	struct notes *notes;
	struct note *note;
	struct wire wire;
	int peer;
	uint64_t count; /* messages that were answered */
	size_t room;    /* what the socket takes */
	bool gone;
} rig;

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	if (rig.room == 0) {
		errno = EAGAIN;
		return -1;
	}
	len = len < rig.room ? len : rig.room;
	if (rig.room != SIZE_MAX)
		rig.room -= len;
	return sendto(fd, data, len, flags, NULL, 0);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void
say(const char *text)
{
	char *out = wire_text_begin(rig.hub, &rig.wire, strlen(text));

	assert_non_null(out);
	memcpy(out, text, strlen(text));
	wire_text_end(rig.hub, strlen(text));
}

static void
on_opened(void *owner, struct wire *wire, const void *arg)
{
	say("hello");
}

static void
on_piece(void *owner, struct wire *wire, const struct wire_piece *piece)
{
	if (!piece->last || piece->rest > 0)
		return;
	rig.count++;
	say("answer");
}

static void
on_rows(void *owner, struct wire *wire, uint64_t *rows)
{
	rows[NOTES_COUNT] = rig.count;
}

static void
on_any(void *owner, struct wire *wire)
{
}

static void
on_closing(void *owner, struct wire *wire, uint32_t within_ms)
{
}

static void
on_gone(void *owner, struct wire *wire, const struct wire_end *end)
{
	rig.gone = true;
}

static const struct wire_events events = {
	.opened = on_opened,
	.piece = on_piece,
	.rows = on_rows,
	.pong = on_any,
	.stalled = on_any,
	.took = on_any,
	.overrun = on_any,
	.boundary = on_any,
	.closing = on_closing,
	.gone = on_gone,
};

/* ---- the rig --------------------------------------------------------------------------------- */

static void
turn(void)
{
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	wire_hub_end_turn(rig.hub);
}

static void
tcp_pair(int fds[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&addr, len), 0);
	fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	close(listener);
}

static void
adopt_one(void)
{
	int fds[2];

	tcp_pair(fds);
	rig.peer = fds[1];
	rig.note = notes_at(rig.notes, notes_take(rig.notes, "alice", token));
	note_set_count(rig.note, 0);
	note_set_fd(rig.note, fds[0]);
	wire_init(&rig.wire);
	wire_set_note(&rig.wire, rig.note);
	assert_true(wire_adopt(rig.hub, &rig.wire, fds[0], "dGhlIHNhbXBsZSBub25jZQ==", "", NULL));
}

static int
start(void **state)
{
	struct wire_hub_setup setup = { .loop = &rig.loop, .events = &events, .queue_most = QUEUE_MOST };

	memset(&rig, 0, sizeof(rig));
	rig.room = SIZE_MAX;
	wire_library_init();
	metrics_init("note", "0");
	setup.shard = metrics_shard_create();
	assert_int_equal(notes_open(&rig.notes, 4), WSD_OK);
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	assert_int_equal(wire_hub_create(&rig.hub, &setup), WSD_OK);
	assert_int_equal(wire_hub_start(rig.hub), WSD_OK);
	adopt_one();
	return 0;
}

static int
stop(void **state)
{
	int fd = kept_find(KEPT_NOTES, 0);

	rig.room = SIZE_MAX;
	wire_kill(rig.hub, &rig.wire);
	while (!rig.gone)
		turn();
	wire_deinit(&rig.wire);
	close(rig.peer);
	wire_hub_stop(rig.hub);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	wire_hub_stop(rig.hub);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	wire_hub_destroy(&rig.hub);
	metrics_deinit();
	notes_close(&rig.notes);
	kept_remove(fd);
	close(fd);
	return 0;
}

static void
peer_says(const char *data, size_t len)
{
	assert_int_equal(sendto(rig.peer, data, len, 0, NULL, 0), len);
}

/* Until the peer has got so many bytes more. */
static void
peer_gets(size_t len)
{
	char got[4096];
	ssize_t n;

	while (len > 0) {
		turn();
		n = recv(rig.peer, got, len < sizeof(got) ? len : sizeof(got), MSG_DONTWAIT);
		if (n > 0)
			len -= (size_t)n;
	}
}

static void
is_greeted(void)
{
	struct tcp_state tcp;

	turn();
	assert_true(tcp_state_of(wire_fd(&rig.wire), &tcp));
	peer_gets(tcp.sent);
}

/* The process dies now: how many messages the record says there were; -1: where the stream stands is not known. */
static int
found(void)
{
	const struct note_position *p;
	struct tcp_state tcp;

	assert_true(tcp_state_of(wire_fd(&rig.wire), &tcp));
	p = rig.note->state == NOTE_OPEN && !rig.note->held ? note_find(rig.note, tcp.consumed, tcp.sent) : NULL;
	return p ? (int)p->rows[NOTES_COUNT] : -1;
}

/* Until the kernel has given out so many bytes more. */
static void
is_read(size_t len)
{
	struct tcp_state tcp;
	uint64_t until;

	assert_true(tcp_state_of(wire_fd(&rig.wire), &tcp));
	until = tcp.consumed + len;
	while (tcp.consumed < until) {
		turn();
		assert_true(tcp_state_of(wire_fd(&rig.wire), &tcp));
	}
	turn();
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Who was not greeted yet would never be. */
static void
test_greeting(void **state)
{
	assert_int_equal(found(), -1);
	assert_int_equal(rig.note->state, NOTE_OPEN);
	wire_hub_end_turn(rig.hub);
	assert_int_equal(found(), 0);
	is_greeted();
	assert_int_equal(found(), 0);
}

static void
test_messages(void **state)
{
	is_greeted();
	for (int n = 1; n <= 5; n++) {
		peer_says(TEXT_FRAME, HEADER + 3);
		assert_int_equal(found(), n - 1); /* unread: the next one's to answer */
		peer_gets(2 + 6);
		assert_int_equal(found(), n);
	}
}

/* Answered, but the answer has not left. */
static void
test_under_way(void **state)
{
	is_greeted();
	peer_says(TEXT_FRAME, HEADER + 3);
	while (rig.count == 0)
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	wire_hub_end_turn(rig.hub);
	assert_int_equal(found(), 1);
	peer_says(TEXT_FRAME, 4);
	is_read(4);
	assert_int_equal(found(), -1);
	peer_says(TEXT_FRAME + 4, HEADER + 3 - 4);
	peer_gets(2 * (2 + 6));
	assert_int_equal(found(), 2);
}

/* Of which libwebsockets shows nothing; nor does it answer each. */
static void
test_pings(void **state)
{
	is_greeted();
	for (int n = 0; n < 3; n++) {
		peer_says(PING_FRAME, HEADER + 2);
		peer_gets(PONG_LEN);
		turn();
		assert_int_equal(found(), 0);
	}
	peer_says(PING_FRAME PING_FRAME PING_FRAME, 3 * (HEADER + 2));
	peer_gets(PONG_LEN);
	turn();
	assert_int_equal(found(), 0);
}

/* What was read behind a ping would be lost; and when all of it is there, the ping is counted, too. */
static void
test_ping_and_half_a_message(void **state)
{
	is_greeted();
	for (int n = 0, len = 2; len < HEADER + 3; n++, len++) {
		peer_says(PING_FRAME, HEADER + 2);
		peer_says(TEXT_FRAME, (size_t)len);
		peer_gets(PONG_LEN);
		turn();
		if (found() != -1)
			is_read((size_t)len); /* it came in two parts */
		assert_int_equal(found(), -1);
		peer_says(TEXT_FRAME + len, (size_t)(HEADER + 3 - len));
		peer_gets(2 + 6);
		turn();
		assert_int_equal(found(), n + 1);
	}
}

/* What the socket does not take is in this process's memory. */
static void
test_held(void **state)
{
	is_greeted();
	rig.room = 0;
	say("half-written");
	turn();
	assert_int_equal(found(), 0); /* as if it had not been said: nothing has left */
	rig.room = 3;
	while (rig.room > 0)
		turn();
	assert_int_equal(found(), -1);
	assert_false(rig.note->held);
	say("in the queue");
	turn();
	assert_true(rig.note->held);
	rig.room = SIZE_MAX;
	peer_gets(2 * (2 + 12));
	turn();
	assert_false(rig.note->held);
	assert_int_equal(found(), 0);
}

static void
test_leaving(void **state)
{
	is_greeted();
	wire_close(rig.hub, &rig.wire, 1000);
	assert_int_equal(rig.note->state, NOTE_LEAVING);
	assert_int_equal(found(), -1);
}

static void
test_without_a_record(void **state)
{
	wire_set_note(&rig.wire, NULL);
	is_greeted();
	peer_says(TEXT_FRAME, HEADER + 3);
	peer_says(PING_FRAME, HEADER + 2);
	peer_gets(2 + 6 + PONG_LEN);
	turn();
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

static int
make_table(void **state)
{
	return kept_create();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_greeting),
		TEST(test_messages),
		TEST(test_under_way),
		TEST(test_pings),
		TEST(test_ping_and_half_a_message),
		TEST(test_held),
		TEST(test_leaving),
		TEST(test_without_a_record),
	};

	return cmocka_run_group_tests(tests, make_table, NULL);
}
