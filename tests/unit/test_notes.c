/* SPDX-License-Identifier: MIT */
/* The records of connections and sessions. */
#include "kept/notes.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "kept/table.h"

#define N 8

static const uint8_t token[NOTES_TOKEN_BYTES] = "0123456789abcde";
static struct notes *notes;

static int
setup(void **state)
{
	return notes_open(&notes, N) == WSD_OK && notes ? 0 : -1;
}

static int
teardown(void **state)
{
	int fd = kept_find(KEPT_NOTES, 0);

	notes_close(&notes);
	kept_remove(fd);
	close(fd);
	return 0;
}

static void
put(struct note *note, uint64_t in, uint64_t out, uint64_t count)
{
	note_begin(note)[NOTES_COUNT] = count;
	note_end(note, in, out);
}

static uint64_t
count_at(const struct note *note, uint64_t in, uint64_t out)
{
	const struct note_position *p = note_find(note, in, out);

	return p ? p->rows[NOTES_COUNT] : UINT64_MAX;
}

static void
test_the_kernels_counts_choose(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));

	assert_int_equal(note->state, NOTE_SEATED);
	assert_null(note_find(note, 0, 0));
	assert_null(note_last(note, NOTE_NOWHERE));
	note_set_count(note, 7);
	assert_null(note_find(note, 0, 0));
	assert_int_equal(note_last(note, 0)->rows[NOTES_COUNT], 7);
	put(note, 100, 1000, 1);
	assert_int_equal(count_at(note, 100, 1000), 1);
	put(note, 150, 1100, 2); /* and then send() is called, or not */
	assert_int_equal(count_at(note, 100, 1000), 1);
	assert_int_equal(count_at(note, 150, 1100), 2);
	assert_int_equal(count_at(note, 150, 1000), UINT64_MAX); /* read, and not answered */
	assert_int_equal(count_at(note, 150, 1050), UINT64_MAX); /* half of it was taken */
	assert_int_equal(note_last(note, 1000)->rows[NOTES_COUNT], 1);
	assert_int_equal(note_last(note, 1050)->rows[NOTES_COUNT], 2); /* whose answer may be in that half */
	assert_int_equal(note_last(note, 1100)->rows[NOTES_COUNT], 2);
	put(note, 200, 1200, 3);
	assert_int_equal(count_at(note, 100, 1000), UINT64_MAX);
	assert_int_equal(count_at(note, 150, 1100), 2);
}

static void
test_a_pong_that_nobody_told_of(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));

	put(note, 100, 1000, 1);
	put(note, 150, 1100, 2);
	assert_int_equal(count_at(note, 150 + 6, 1100 + 2), 2); /* empty */
	assert_int_equal(count_at(note, 150 + 6 + 125, 1100 + 2 + 125), 2);
	assert_int_equal(count_at(note, 150 + 7 + 125, 1100 + 3 + 125), UINT64_MAX);
	assert_int_equal(count_at(note, 150 + 6 + 6, 1100 + 2), UINT64_MAX); /* and one that has no answer yet */
	assert_int_equal(count_at(note, 150 + 6, 1100), UINT64_MAX);
	assert_int_equal(count_at(note, 150 + 5, 1100 + 1), UINT64_MAX);
	assert_int_equal(count_at(note, 150 + 12, 1100 + 4), UINT64_MAX); /* two of them, or something else */
	assert_int_equal(count_at(note, 204, 1100),
			 UINT64_MAX); /* 104 read and 100 sent since the one before it: two messages */
}

static void
test_half_a_position_is_none(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));

	put(note, 100, 1000, 1);
	put(note, 150, 1100, 2);
	note_begin(note)[NOTES_COUNT] = 77; /* and the process dies here */
	assert_int_equal(count_at(note, 150, 1100), 2);
	assert_null(note_find(note, 100, 1000));
	assert_int_equal(note_last(note, 5000)->rows[NOTES_COUNT], 2);
}

static void
test_nowhere_is_never_found(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));

	put(note, NOTE_NOWHERE, 1000, 1);
	assert_null(note_find(note, NOTE_NOWHERE, 1000));
	put(note, 5, NOTE_NOWHERE, 1);
	assert_null(note_find(note, 5, NOTE_NOWHERE));
}

static void
test_records_are_reused(void **state)
{
	uint32_t taken[N];

	for (int i = 0; i < N; i++)
		taken[i] = notes_take(notes, "x", token);
	assert_int_equal(notes_take(notes, "x", token), NOTES_NONE);
	notes_free(notes, taken[3]);
	notes_free(notes, NOTES_NONE);
	assert_int_equal(notes_take(notes, "y", token), 3);
	assert_string_equal(notes_at(notes, 3)->id, "y");
	assert_null(notes_at(notes, NOTES_NONE));
}

static void
test_a_session(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));

	notes_keep_session(note, 42, 9999);
	assert_int_equal(note->state, NOTE_SESSION);
	assert_int_equal(note->positions[0].rows[NOTES_COUNT], 42);
	assert_int_equal(note->expires_ms, 9999);
	assert_memory_equal(note->token, token, sizeof(token));
	assert_true(note_is_sound(note));
	notes_keep_session(NULL, 1, 1);
}

static void
test_what_is_not_sound(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));

	assert_true(note_is_sound(note));
	memset(note->id, 'x', sizeof(note->id));
	assert_false(note_is_sound(note));
	note->id[0] = '\0';
	assert_false(note_is_sound(note));
	note->id[0] = 'x', note->id[1] = '\0';
	note->state = NOTE_STATES;
	assert_false(note_is_sound(note));
	note->state = NOTE_OPEN;
	note->peer_family = 200;
	assert_false(note_is_sound(note));
	note->peer_family = ADDR_NONE;
	note->newest = 2;
	assert_false(note_is_sound(note));
}

static void
test_a_socket(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));
	int fd = socket(AF_INET, SOCK_STREAM, 0), copy = dup(fd);
	uint64_t cookie;

	note_set_fd(note, fd);
	assert_int_equal(note->fd, fd);
	assert_int_equal(kept_role_of(fd), KEPT_CONNECTION);
	cookie = note->cookie;
	assert_true(cookie != 0);
	note_set_fd(note, copy);
	assert_int_equal(note->fd, copy);
	assert_true(note->cookie == cookie);
	kept_remove(fd);
	kept_remove(copy);
	close(fd);
	close(copy);
}

static void
test_an_address(void **state)
{
	struct note *note = notes_at(notes, notes_take(notes, "alice", token));
	struct addr peer = { .bytes = { 192, 0, 2, 1 }, .port = 4711, .family = ADDR_V4 }, back;

	note_set_peer(note, &peer);
	back = note_peer(note);
	assert_memory_equal(back.bytes, peer.bytes, sizeof(peer.bytes));
	assert_int_equal(back.port, peer.port);
	assert_int_equal(back.family, peer.family);
}

/* Another process is killed while it writes; this one goes on with its records. */
static void
test_taken_up_by_the_next(void **state)
{
	int ready[2];
	pid_t pid;
	char byte;

	notes_take(notes, "free again", token);
	notes_take(notes, "bob", token);
	put(notes_at(notes, 1), 10, 20, 0);
	notes_free(notes, 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct note *note = notes_at(notes, 1);

		for (uint64_t i = 0;; i++) {
			if (i == 1000 && write(ready[1], "x", 1) != 1)
				_exit(1);
			put(note, 10 + i, 20 + i, i);
		}
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);

	notes_close(&notes);
	assert_int_equal(notes_open(&notes, N), WSD_OK);
	for (uint32_t i = 0; i < N; i++)
		if (notes_at(notes, i)->state != NOTE_FREE)
			notes_claim(notes, i);
	for (int i = 0; i < 2; i++) {
		const struct note_position *p = &notes_at(notes, 1)->positions[i];

		assert_true(p->out == NOTE_NOWHERE || (p->in + 10 == p->out && p->rows[NOTES_COUNT] + 20 == p->out));
	}
	assert_non_null(note_last(notes_at(notes, 1), UINT64_MAX - 1));
	assert_int_equal(notes_take(notes, "carol", token), 0);
	assert_int_equal(notes_take(notes, "dave", token), 2);
}

/* Behind the id, as far as there is room, and of this owner of the record alone. */
static void
test_a_user(void **state)
{
	char id[NOTES_ID_MAX + 1];
	struct note *note;

	notes_take(notes, "alice", token);
	note = notes_at(notes, 0);
	assert_string_equal(note_user(note), "");
	assert_true(note_set_user(note, "D\\al"));
	assert_string_equal(note_user(note), "D\\al");
	assert_string_equal(note->id, "alice");
	assert_true(note_is_sound(note));
	note_set_partial(note, true);
	notes_free(notes, 0);
	notes_take(notes, "bob", token);
	assert_string_equal(note_user(note), "");
	assert_false(note->partial);
	memset(id, 'x', sizeof(id));
	id[NOTES_ID_MAX - 3] = '\0';
	assert_false(note_set_user(note, id)); /* 3 and a zero, 125 and a zero: one too many */
}

static void
test_a_user_without_room(void **state)
{
	char id[NOTES_ID_MAX + 1];
	struct note *note;

	memset(id, 'x', sizeof(id));
	id[NOTES_ID_MAX] = '\0';
	notes_take(notes, id, token);
	note = notes_at(notes, 0);
	assert_false(note_set_user(note, "a"));
	assert_true(note_set_user(note, ""));
	assert_string_equal(note_user(note), "");
	assert_true(note_is_sound(note));
	notes_free(notes, 0);
	id[NOTES_ID_MAX - 2] = '\0';
	notes_take(notes, id, token);
	assert_true(note_set_user(note, "a"));
	assert_string_equal(note_user(note), "a");
	assert_false(note_set_user(note, "ab"));
	assert_string_equal(note_user(note), "");
	memset(note->id + NOTES_ID_MAX - 1, 'y', 2);
	assert_false(note_is_sound(note));
}

static void
test_what_is_not_ours(void **state)
{
	struct notes *other;
	int fd = kept_find(KEPT_NOTES, 0);

	notes_take(notes, "alice", token);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(notes_open(&other, N), WSD_E_MALFORMED);
	assert_null(other);
	assert_int_equal(notes_open(&other, N + 1), WSD_OK); /* of another size: begun anew */
	assert_int_equal(notes_at(other, 0)->state, NOTE_FREE);
	notes_close(&other);
}

int
main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_the_kernels_counts_choose),
		TEST(test_a_pong_that_nobody_told_of),
		TEST(test_half_a_position_is_none),
		TEST(test_nowhere_is_never_found),
		TEST(test_records_are_reused),
		TEST(test_a_session),
		TEST(test_what_is_not_sound),
		TEST(test_a_socket),
		TEST(test_an_address),
		TEST(test_taken_up_by_the_next),
		TEST(test_a_user),
		TEST(test_a_user_without_room),
		TEST(test_what_is_not_ours),
	};

	return kept_create() == WSD_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
