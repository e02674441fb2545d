/* SPDX-License-Identifier: MIT */
/*
 * What leaves a wire, and in which order, when the socket takes as much as a test says: a hub with real sockets, whose
 * send(2), libwebsockets' too, is this program's own.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "metrics/metrics.h"
#include "support/alloc.h"
#include "wire/frames.h"
#include "wire/wire_priv.h"

#define PAGE       4096
#define QUEUE_MOST 65536
#define FDS        256
#define GOT_MOST   (1 << 20)

/* What each socket takes: so many bytes more, and with one call no more than step. */
static struct {
	size_t bytes, step;
	bool shut; /* nothing until the loop has turned */
} takes[FDS];

struct peer {
	struct wire wire;
	int fd;
	char *got, *want;
	size_t n_got, n_want;
	unsigned stalled, took, overrun, gone;
	enum wire_place place;
};

static struct {
	uv_loop_t loop;
	struct wire_hub *hub;
} rig;

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	ssize_t n;

	if (fd >= FDS)
		return sendto(fd, data, len, flags, NULL, 0);
	if (takes[fd].shut || takes[fd].bytes == 0) {
		errno = EAGAIN;
		return -1;
	}
	len = len < takes[fd].bytes ? len : takes[fd].bytes;
	len = len < takes[fd].step ? len : takes[fd].step;
	n = sendto(fd, data, len, flags, NULL, 0);
	assert_int_equal(n, len);
	if (takes[fd].bytes != SIZE_MAX)
		takes[fd].bytes -= len;
	takes[fd].shut = takes[fd].step != SIZE_MAX;
	return n;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void
on_opened(void *owner, struct wire *wire, const void *arg)
{
}

static void
on_stalled(void *owner, struct wire *wire)
{
	((struct peer *)wire)->stalled++;
}

static void
on_took(void *owner, struct wire *wire)
{
	((struct peer *)wire)->took++;
}

static void
on_overrun(void *owner, struct wire *wire)
{
	((struct peer *)wire)->overrun++;
}

static void
on_boundary(void *owner, struct wire *wire)
{
	((struct peer *)wire)->place = wire_place(rig.hub, wire);
}

static void
on_closing(void *owner, struct wire *wire, uint32_t within_ms)
{
}

static void
on_gone(void *owner, struct wire *wire, const struct wire_end *end)
{
	((struct peer *)wire)->gone++;
}

static const struct wire_events events = {
	.opened = on_opened,
	.stalled = on_stalled,
	.took = on_took,
	.overrun = on_overrun,
	.boundary = on_boundary,
	.closing = on_closing,
	.gone = on_gone,
};

/* ---- the rig --------------------------------------------------------------------------------- */

static void
turn(void)
{
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	wire_hub_end_turn(rig.hub);
	for (int fd = 0; fd < FDS; fd++)
		takes[fd].shut = false;
}

static int
start(void **state)
{
	struct wire_hub_setup setup = { .loop = &rig.loop, .events = &events, .queue_most = QUEUE_MOST };

	for (int fd = 0; fd < FDS; fd++)
		takes[fd].bytes = takes[fd].step = SIZE_MAX;
	wire_library_init();
	metrics_init("send", "0");
	setup.shard = metrics_shard_create();
	assert_non_null(setup.shard);
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	assert_int_equal(wire_hub_create(&rig.hub, &setup), WSD_OK);
	assert_int_equal(wire_hub_start(rig.hub), WSD_OK);
	return 0;
}

static int
stop(void **state)
{
	wire_hub_stop(rig.hub);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	wire_hub_stop(rig.hub);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	assert_int_equal(metrics_sum(METRIC_QUEUED_BYTES), 0);
	assert_int_equal(metrics_sum(METRIC_PAUSED), 0);
	wire_hub_destroy(&rig.hub);
	metrics_deinit();
	return 0;
}

static void
tcp_pair(int fds[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), most = GOT_MOST;

	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&addr, len), 0);
	fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_in_range(fds[0], 0, FDS - 1);
	close(listener);
}

static void
read_some(struct peer *p)
{
	ssize_t n;

	while ((n = recv(p->fd, p->got + p->n_got, GOT_MOST - p->n_got, MSG_DONTWAIT)) > 0)
		p->n_got += (size_t)n;
}

static struct peer *
peer_open(void)
{
	struct peer *p = calloc(1, sizeof(*p));
	int fds[2];

	tcp_pair(fds);
	p->fd = fds[1];
	p->got = malloc(GOT_MOST);
	p->want = malloc(GOT_MOST);
	wire_init(&p->wire);
	assert_true(wire_adopt(rig.hub, &p->wire, fds[0], "dGhlIHNhbXBsZSBub25jZQ==", "", NULL));
	while (p->n_got < 4 || memcmp(p->got + p->n_got - 4, "\r\n\r\n", 4) != 0)
		read_some(p); /* the answer to the handshake */
	p->n_got = 0;
	return p;
}

static size_t *
room_of(struct peer *p)
{
	return &takes[wire_fd(&p->wire)].bytes;
}

static void
peer_close(struct peer *p)
{
	int fd = p->wire.lws ? wire_fd(&p->wire) : -1;

	wire_kill(rig.hub, &p->wire);
	while (!p->gone)
		turn();
	if (fd >= 0)
		takes[fd].bytes = takes[fd].step = SIZE_MAX;
	wire_deinit(&p->wire);
	close(p->fd);
	free(p->got);
	free(p->want);
	free(p);
}

static void
want(struct peer *p, const char *frames, size_t len)
{
	assert_true(p->n_want + len <= GOT_MOST);
	memcpy(p->want + p->n_want, frames, len);
	p->n_want += len;
}

/* All that it was sent comes, whole and in order, and nothing waits any more. */
static void
gets_all(struct peer *p)
{
	while (p->n_got < p->n_want) {
		turn();
		read_some(p);
	}
	turn();
	read_some(p);
	assert_int_equal(p->n_got, p->n_want);
	assert_memory_equal(p->got, p->want, p->n_want);
	assert_null(p->wire.queue);
	assert_false(lws_partial_buffered(p->wire.lws));
	p->n_got = p->n_want = 0;
}

static void
say(struct peer *p, const char *text)
{
	size_t len = strlen(text);
	char *out = wire_text_begin(rig.hub, &p->wire, len), frame[128] = { '\x81', (char)len };

	assert_in_range(len, 0, 125);
	assert_non_null(out);
	memcpy(out, text, len);
	wire_text_end(rig.hub, len);
	memcpy(frame + 2, text, len);
	want(p, frame, len + 2);
}

static void
send_run(struct peer *p, struct wire_frames *run)
{
	assert_true(wire_send_frames(rig.hub, &p->wire, run));
	want(p, run->data, run->len);
}

static struct wire_frames *
run_of(unsigned frames, size_t payload)
{
	struct wire_frames *run = NULL;
	char *text = malloc(payload);

	for (unsigned i = 0; i < frames; i++) {
		memset(text, 'a' + (int)(i % 26), payload);
		assert_int_equal(wire_frames_add(&run, i % 2 ? WIRE_BINARY : WIRE_TEXT, text, payload), WSD_OK);
	}
	free(text);
	return run;
}

/* Nobody refers to it any more but the test. */
static void
is_free(struct wire_frames **run)
{
	assert_int_equal((*run)->refs, 1);
	wire_frames_put(run);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* What wire.h promises of a run, that nobody writes to it, rests on this: libwebsockets only reads raw bytes, and
 * nothing in front of them. */
static void
test_library_only_reads(void **state)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct peer *p = peer_open();

	memset(pages + PAGE, 'x', PAGE);
	assert_int_equal(mprotect(pages, PAGE, PROT_NONE), 0);
	assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_READ), 0);
	for (size_t room = 0; room <= PAGE; room += PAGE / 4) {
		*room_of(p) = room;
		assert_int_equal(lws_write(p->wire.lws, (unsigned char *)pages + PAGE, PAGE, LWS_WRITE_RAW), PAGE);
		want(p, pages + PAGE, PAGE);
		*room_of(p) = SIZE_MAX;
		gets_all(p);
	}
	peer_close(p);
	munmap(pages, 2 * PAGE);
}

/* Between texts of its own: what is gathered leaves before, or with it; and what comes later behind it. The socket
 * takes the first bytes only, as many as there are places to stop at. */
static void
test_order(void **state)
{
	struct wire_frames *run = run_of(3, 150);
	struct peer *p = peer_open();
	size_t total = 2 * 8 + run->len;

	for (unsigned turns = 0; turns < 4; turns++)
		for (size_t room = 0; room <= total; room++) {
			*room_of(p) = room;
			say(p, "before");
			if (turns & 1)
				turn();
			send_run(p, run);
			if (turns & 2)
				turn();
			say(p, "after.");
			turn();
			*room_of(p) = SIZE_MAX;
			gets_all(p);
		}
	is_free(&run);
	peer_close(p);
}

static void
test_few_bytes_at_a_time(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 100 };
	struct wire_frames *run = run_of(3, 200);
	struct peer *p = peer_open();

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		takes[wire_fd(&p->wire)].step = steps[i];
		send_run(p, run);
		say(p, "between");
		send_run(p, run);
		say(p, "behind");
		gets_all(p);
	}
	is_free(&run);
	peer_close(p);
}

/* One that takes it gets it out of the run itself; of one that does not libwebsockets holds a piece, and the queue
 * refers to the rest. */
static void
test_many_peers(void **state)
{
	enum { N = 5 };
	struct wire_frames *run = run_of(60, 1000), *kept;
	const size_t rest = run->len - OUTQ_GATHER / 1004 * 1004;
	struct peer *peers[N];

	for (unsigned i = 0; i < N; i++) {
		peers[i] = peer_open();
		*room_of(peers[i]) = i == 0 ? SIZE_MAX : i * 1000;
		send_run(peers[i], run);
		assert_int_equal(wire_queued(&peers[i]->wire), i == 0 ? 0 : rest);
		assert_int_equal(peers[i]->stalled, i == 0 ? 0 : 1);
	}
	assert_int_equal(run->refs, N);
	assert_int_equal(metrics_sum(METRIC_QUEUED_BYTES), (N - 1) * rest);
	kept = wire_frames_get(run);
	wire_frames_put(&run); /* the sender's */
	for (unsigned i = 0; i < N; i++) {
		*room_of(peers[i]) = SIZE_MAX;
		gets_all(peers[i]);
		assert_int_equal(peers[i]->took > 0, i > 0);
		peer_close(peers[i]);
	}
	assert_int_equal(metrics_sum(METRIC_QUEUED_BYTES), 0);
	is_free(&kept);
}

/* A frame that is longer than what is written at a time, and a run that does not fit into what is gathered. */
static void
test_large(void **state)
{
	struct wire_frames *frame = run_of(1, 100000), *run = run_of(40, 1000);
	struct peer *p = peer_open();

	for (size_t room = 0; room < 150000; room += 10007) {
		*room_of(p) = room;
		say(p, "before");
		send_run(p, run);
		*room_of(p) = SIZE_MAX;
		gets_all(p);
		*room_of(p) = room;
		send_run(p, frame);
		say(p, "behind");
		*room_of(p) = SIZE_MAX;
		gets_all(p);
	}
	is_free(&frame);
	is_free(&run);
	peer_close(p);
}

static void
test_copied_out(void **state)
{
	struct wire_frames *run = run_of(3, 200);
	struct peer *p = peer_open();
	size_t written;
	char out[4096];

	*room_of(p) = 1;
	say(p, "half of it");
	turn();
	written = p->n_want;
	send_run(p, run);
	say(p, "between");
	turn();
	send_run(p, run);
	assert_int_equal(wire_queued(&p->wire), p->n_want - written);
	wire_copy_queue(&p->wire, out);
	assert_memory_equal(out, p->want + written, p->n_want - written);
	assert_int_equal(run->refs, 3);
	wire_drop_queue(rig.hub, &p->wire);
	assert_int_equal(run->refs, 1);
	p->n_want = written; /* what the socket has begun to take comes to its end */
	*room_of(p) = SIZE_MAX;
	gets_all(p);
	is_free(&run);
	peer_close(p);
}

static void
test_overrun(void **state)
{
	struct wire_frames *run = run_of(10, 1000);
	struct peer *p = peer_open();
	size_t queued = 0;

	*room_of(p) = 0;
	send_run(p, run); /* libwebsockets holds it */
	while (p->overrun == 0) {
		assert_int_equal(wire_queued(&p->wire), queued);
		assert_true(wire_send_frames(rig.hub, &p->wire, run));
		queued += run->len;
	}
	queued -= run->len; /* the last is dropped, as it is */
	assert_int_equal(wire_queued(&p->wire), queued);
	assert_int_equal(queued, QUEUE_MOST / run->len * run->len);
	assert_int_equal(run->refs, 1 + queued / run->len);
	peer_close(p); /* and what waits with it */
	is_free(&run);
}

static void
test_behind_a_pong(void **state)
{
	struct wire_frames *run = run_of(2, 300);
	struct peer *p = peer_open();

	say(p, "before");
	wire_behind_pong(&p->wire);
	send_run(p, run);
	turn();
	wire_behind_pong(&p->wire);
	send_run(p, run);
	assert_true(wire_queued(&p->wire) >= run->len); /* though the socket would take it */
	gets_all(p);
	send_run(p, run);
	assert_int_equal(wire_queued(&p->wire), 0);
	gets_all(p);
	is_free(&run);
	peer_close(p);
}

static void
test_boundary(void **state)
{
	struct wire_frames *run = run_of(30, 1000);
	struct peer *p = peer_open();

	*room_of(p) = 5000;
	send_run(p, run);
	wire_seek_boundary(rig.hub, &p->wire);
	p->place = WIRE_NOWHERE;
	turn();
	assert_int_equal(p->place, WIRE_WITHIN); /* half of it has been written */
	*room_of(p) = SIZE_MAX;
	while (p->place == WIRE_WITHIN)
		turn();
	assert_int_equal(p->place, WIRE_ON_BOUNDARY);
	wire_hold(rig.hub, &p->wire);
	assert_false(wire_send_frames(rig.hub, &p->wire, run));
	wire_resume(rig.hub, &p->wire);
	gets_all(p);
	is_free(&run);
	peer_close(p);
}

/* What waits leaves before the Close frame. */
static void
test_close(void **state)
{
	struct wire_frames *run = run_of(30, 1000);
	struct peer *p = peer_open();

	*room_of(p) = 5000;
	send_run(p, run);
	wire_close(rig.hub, &p->wire, 1001);
	send_run(p, run);
	turn();
	*room_of(p) = SIZE_MAX;
	want(p, "\x88\x02\x03\xe9", 4);
	while (p->n_got < p->n_want) {
		turn();
		read_some(p);
	}
	assert_memory_equal(p->got, p->want, p->n_want);
	assert_false(wire_send_frames(rig.hub, &p->wire, run));
	is_free(&run);
	peer_close(p);
}

static void
test_out_of_memory(void **state)
{
	struct wire_frames *run = run_of(1, 1000);
	struct peer *p = peer_open();

	*room_of(p) = 0;
	send_run(p, run);
	alloc.until_failure = 0;
	wire_send_frames(rig.hub, &p->wire, run);
	alloc.until_failure = INT_MAX;
	assert_int_equal(wire_state(&p->wire), WIRE_GONE);
	assert_int_equal(metrics_sum(METRIC_ERROR_INTERNAL), 1);
	peer_close(p);
	is_free(&run);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_library_only_reads),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_few_bytes_at_a_time),
		cmocka_unit_test(test_many_peers),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_copied_out),
		cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_behind_a_pong),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_out_of_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
