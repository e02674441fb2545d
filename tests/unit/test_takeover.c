/* SPDX-License-Identifier: MIT */
/* What becomes of what a process that was killed has left: each record and each descriptor is taken up or closed. */
#include "server/takeover.h"

#include <fcntl.h>
#include <signal.h>

#include "base/clock.h"
#include "base/tcp.h"
#include "kept/notes.h"
#include "kept/table.h"
#include "support/server_rig.h"

#define N 2256 /* as takeover_start() makes them for the rig's MAX_CONNECTIONS */

static const uint8_t token[NOTES_TOKEN_BYTES] = "0123456789abcde";
static struct notes *left; /* what the dead process sees */

struct one {
	int fd, peer;
	struct note *note;
};

static int
start(void **state)
{
	static const struct conf conf = { .max_connections = 1000, .workers = 2 };

	assert_int_equal(takeover_start(&left, &conf), WSD_OK);
	assert_int_equal(notes_count(left), N);
	return 0;
}

/* The next process; what it opens is its own. */
static int
take(void)
{
	notes_close(&left);
	assert_int_equal(notes_open(&rig_notes, N), WSD_OK);
	rig_start(NULL);
	return takeover_take(rig_notes, NULL, &rig.importer, &rig.conf);
}

static void
end(void)
{
	int fd = kept_find(KEPT_NOTES, 0), table = kept_find(KEPT_METRICS, 0);

	rig.lowest_fd = lowest_free_fd(); /* there is one descriptor less for each that was closed */
	rig_stop(NULL);
	notes_close(&rig_notes);
	kept_remove(fd);
	close(fd);
	kept_remove(table);
	close(table);
}

static struct one
connection(const char *id)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct one c;

	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	c.peer = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(c.peer, (struct sockaddr *)&at, len), 0);
	c.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	close(listener);
	c.note = notes_at(left, notes_take(left, id, token));
	note_set_count(c.note, 3);
	note_set_fd(c.note, c.fd);
	return c;
}

static void
stands_at(struct one *c, uint64_t in, uint64_t out, uint64_t count)
{
	uint64_t *rows = note_begin(c->note);

	memset(rows, 0, NOTES_ROWS * sizeof(*rows));
	rows[NOTES_COUNT] = count;
	note_end(c->note, in, out);
	note_set_state(c->note, NOTE_OPEN);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* The code of the Close frame that has come, 0: there was none; and then the end. */
static int
goodbye(int peer)
{
	unsigned char got[16];
	ssize_t n = recv(peer, got, sizeof(got), MSG_WAITALL);

	assert_in_range(n, 0, 4);
	close(peer);
	return n == 4 && got[0] == 0x88 ? got[2] << 8 | got[3] : 0;
}

static void
on_session(void *arg, const char *id, const uint8_t its_token[SESSION_TOKEN_BYTES], uint64_t count, uint64_t left_ms)
{
	*(uint64_t *)arg = count;
}

/* What the only session that can be resumed has counted; -1: there is none. */
static int
resumable(void)
{
	uint64_t count = UINT64_MAX;

	front_each_session(rig.front, on_session, &count);
	return count == UINT64_MAX ? -1 : (int)count;
}

static void
test_goes_on(void **state)
{
	struct one c = connection("alice");
	struct front_seat seat;

	stands_at(&c, 0, 0, 4);
	assert_int_equal(take(), WSD_OK);
	assert_true(front_find(rig.front, "alice", &seat));
	assert_true(fake_workers[seat.worker].arrival.noted);
	assert_ptr_equal(fake_workers[seat.worker].arrival.note, front_note(rig.front, &seat));
	assert_int_equal(metrics_sum(METRIC_CRASH_KEPT), 1);
	assert_int_equal(metrics_sum(METRIC_CRASH_CLOSED), 0);
	rig_leave("alice");
	close(c.peer);
	end();
}

/* Its message was being worked on: the session knows of what was answered. */
static void
test_is_told(void **state)
{
	struct one c = connection("alice");

	stands_at(&c, 10, 0, 4);
	assert_int_equal(take(), WSD_OK);
	assert_int_equal(goodbye(c.peer), 1012);
	assert_false(is_open(c.fd));
	assert_int_equal(resumable(), 4);
	assert_int_equal(metrics_sum(METRIC_CRASH_CLOSED), 1);
	end();
}

/* Half of a frame would come before what it was told. */
static void
test_is_only_closed(void **state)
{
	struct one c = connection("alice");

	stands_at(&c, 0, 0, 4);
	stands_at(&c, 0, 10, 5);
	assert_int_equal(send(c.fd, "12345", 5, 0), 5);
	assert_int_equal(recv(c.peer, (char[5]){ 0 }, 5, MSG_WAITALL), 5);
	assert_int_equal(take(), WSD_OK);
	assert_int_equal(goodbye(c.peer), 0);
	assert_int_equal(resumable(), 5);
	end();
}

/* Its handshake is not answered yet: nothing but that can be said. */
static void
test_was_not_greeted(void **state)
{
	struct one c = connection("alice");

	assert_int_equal(take(), WSD_OK);
	assert_int_equal(goodbye(c.peer), 0);
	assert_int_equal(resumable(), 3);
	end();
}

/* It was closed, and the number is another's by now. */
static void
test_another_socket(void **state)
{
	struct one c = connection("alice");
	int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	stands_at(&c, 0, 0, 4);
	note_set_state(c.note, NOTE_LEAVING);
	assert_int_equal(dup2(other, c.fd), c.fd);
	kept_add(c.fd, KEPT_PUBLIC);
	assert_int_equal(take(), WSD_OK);
	assert_true(is_open(c.fd));
	assert_int_equal(resumable(), 4);
	assert_int_equal(metrics_sum(METRIC_CRASH_CLOSED), 0);
	kept_remove(c.fd);
	close(c.fd);
	close(other);
	close(c.peer);
	end();
}

static void
test_session(void **state)
{
	struct note *note = notes_at(left, notes_take(left, "alice", token));

	notes_keep_session(note, 9, clock_mono_ms() + 1000000);
	assert_int_equal(take(), WSD_OK);
	assert_int_equal(resumable(), 9);
	end();
}

/* Whatever a process that was going astray has written. */
static void
test_damaged(void **state)
{
	struct one a = connection("alice"), b = connection("bob"), c = connection("carol");

	stands_at(&a, 0, 0, 1);
	stands_at(&b, 0, 0, 1);
	stands_at(&c, 0, 0, 1);
	memset(a.note->id, 'x', sizeof(a.note->id));
	atomic_store(&b.note->state, 200);
	atomic_store(&c.note->fd, INT32_MAX);
	assert_int_equal(take(), WSD_OK);
	assert_int_equal(front_connections(rig.front), 0);
	assert_false(is_open(a.fd) || is_open(b.fd) || is_open(c.fd));
	assert_int_equal(goodbye(a.peer) + goodbye(b.peer) + goodbye(c.peer), 0);
	end();
}

/* The last, since it is never taken back. */
static void
test_farewell(void **state)
{
	struct one c = connection("alice");

	stands_at(&c, 0, 0, 4);
	kept_set_farewell();
	assert_int_equal(take(), WSD_E_BUSY);
	assert_int_equal(goodbye(c.peer), 1012);
	end();
}

static int
die(void **state)
{
	if (kept_create() != WSD_OK)
		return -1;
	kept_died(SIGSEGV, clock_mono_ms());
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_goes_on, start),        cmocka_unit_test_setup(test_is_told, start),
		cmocka_unit_test_setup(test_is_only_closed, start), cmocka_unit_test_setup(test_was_not_greeted, start),
		cmocka_unit_test_setup(test_another_socket, start), cmocka_unit_test_setup(test_session, start),
		cmocka_unit_test_setup(test_damaged, start),        cmocka_unit_test_setup(test_farewell, start),
	};

	return cmocka_run_group_tests(tests, die, NULL);
}
