/* SPDX-License-Identifier: MIT */
/* The parking lot: what is put in is found by the next process, as often as it looks, until it is cleared. */
#include "move/lot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#define MANY 600 /* more than two messages */

struct seen {
	unsigned n, wrong;
	ino_t inode;
	size_t longer; /* added to each state */
};

static size_t
state_for(char *out, unsigned i, size_t longer)
{
	size_t len = (size_t)sprintf(out, "state %u", i);

	memset(out + len, 'a' + (char)(i % 26), longer);
	return len + longer;
}

static void
on_parked(void *arg, int fd, const char *state, size_t len)
{
	struct seen *seen = arg;
	struct stat st;
	char expected[8192];

	if (fstat(fd, &st) != 0 || st.st_ino != seen->inode || state_for(expected, seen->n, seen->longer) != len ||
	    memcmp(expected, state, len) != 0)
		seen->wrong++;
	seen->n++;
	close(fd);
}

static struct lot *
reopen(struct lot **lot)
{
	int in = dup(lot_in_fd(*lot)), out = dup(lot_out_fd(*lot)), table = dup(lot_table_fd(*lot));
	struct lot *next;

	lot_destroy(lot);
	assert_int_equal(lot_open(&next, in, out, table), WSD_OK);
	return next;
}

static void
fill(struct lot *lot, int fd, unsigned n, size_t longer)
{
	char state[8192];

	for (unsigned i = 0; i < n; i++) {
		size_t len = state_for(state, i, longer);
		int rc = lot_put(lot, fd, state, len);

		if (rc == WSD_E_FULL) {
			assert_int_equal(lot_flush(lot), WSD_OK);
			rc = lot_put(lot, fd, state, len);
		}
		assert_int_equal(rc, WSD_OK);
	}
	assert_int_equal(lot_flush(lot), WSD_OK);
}

static void
look(struct lot *lot, ino_t inode, unsigned n, size_t longer)
{
	struct seen seen = { .inode = inode, .longer = longer };

	assert_int_equal(lot_count(lot), n);
	assert_int_equal(lot_look(lot, on_parked, &seen), n);
	assert_int_equal(seen.n, n);
	assert_int_equal(seen.wrong, 0);
}

static void
park_and_look(unsigned n, size_t longer)
{
	struct stat st;
	struct lot *lot;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[0], &st), 0);
	assert_int_equal(lot_create(&lot), WSD_OK);
	for (int round = 0; round < 2; round++) {
		fill(lot, ends[0], n, longer);
		lot = reopen(&lot);
		look(lot, st.st_ino, n, longer);
		look(lot, st.st_ino, n, longer); /* as it was */
		lot = reopen(&lot);
		look(lot, st.st_ino, n, longer);
		lot_clear(lot);
		look(lot, st.st_ino, 0, longer);
		lot = reopen(&lot);
		look(lot, st.st_ino, 0, longer);
	}
	lot_destroy(&lot);
	close(ends[0]);
	close(ends[1]);
}

static void
test_many(void **state)
{
	park_and_look(MANY, 0);
	park_and_look(1, 0);
}

static void
test_long_states(void **state)
{
	park_and_look(260, 5000);
	park_and_look(3, 990);
	park_and_look(3, 1000);
}

static void
test_unflushed_is_not_parked(void **state)
{
	struct lot *lot;

	assert_int_equal(lot_create(&lot), WSD_OK);
	assert_int_equal(lot_put(lot, 0, "state", 5), WSD_OK);
	lot = reopen(&lot);
	look(lot, 0, 0, 0);
	lot_destroy(&lot);
	lot_destroy(&lot);
}

static void
test_sessions(void **state)
{
	struct lot *lot;
	char *data;
	size_t len;

	assert_int_equal(lot_create(&lot), WSD_OK);
	assert_int_equal(lot_sessions(lot, &data, &len), WSD_OK);
	assert_null(data);
	assert_int_equal(lot_set_sessions(lot, "before", 6), WSD_OK);
	assert_int_equal(lot_set_sessions(lot, "sessions", 8), WSD_OK);
	lot = reopen(&lot);
	assert_int_equal(lot_sessions(lot, &data, &len), WSD_OK);
	assert_int_equal(len, 8);
	assert_memory_equal(data, "sessions", 8);
	free(data);
	lot_clear(lot);
	lot = reopen(&lot);
	assert_int_equal(lot_sessions(lot, &data, &len), WSD_OK);
	assert_int_equal(len, 0);
	lot_destroy(&lot);
}

/* Bytes of the head without which nothing can be made of the lot: what it is, and where states would be written. */
static bool
is_vital(unsigned at)
{
	return at < 16 || (at >= 24 && at < 32) || (at >= 35 && at < 40);
}

/* Whatever is in the table, nothing worse than a loss comes of it. */
static void
test_corrupted_table(void **state)
{
	for (unsigned at = 0; at < 4096 + 32; at = at == 79 ? 4096 : at + 1) {
		struct seen seen = { .n = 0 };
		int in, out, table, rc;
		struct lot *lot;
		char *data;
		size_t len;

		assert_int_equal(lot_create(&lot), WSD_OK);
		fill(lot, 0, 2, 0);
		assert_int_equal(lot_set_sessions(lot, "sessions", 8), WSD_OK);
		assert_int_equal(pwrite(lot_table_fd(lot), "\xff", 1, at), 1);
		in = dup(lot_in_fd(lot));
		out = dup(lot_out_fd(lot));
		table = dup(lot_table_fd(lot));
		lot_destroy(&lot);
		rc = lot_open(&lot, in, out, table);
		assert_int_equal(rc, is_vital(at) ? WSD_E_MALFORMED : rc);
		if (rc != WSD_OK)
			continue;
		assert_true(lot_look(lot, on_parked, &seen) <= 2);
		if (lot_sessions(lot, &data, &len) == WSD_OK)
			free(data);
		lot_clear(lot);
		assert_int_equal(lot_look(lot, on_parked, &seen), 0);
		lot_destroy(&lot);
	}
}

static void
test_what_is_none(void **state)
{
	struct lot *lot;
	int pipes[2][2];

	assert_int_equal(pipe(pipes[0]), 0);
	assert_int_equal(pipe(pipes[1]), 0);
	assert_int_equal(lot_open(&lot, pipes[0][0], pipes[0][1], pipes[1][0]), WSD_E_MALFORMED);
	assert_null(lot);
	assert_int_equal(close(pipes[0][0]), -1); /* closed already */
	close(pipes[1][1]);
}

/* The pair is full after some 278 messages: then they must be packed. Without that a crowd that came to rest a few at a
 * time could not be parked. */
static void
test_small_batches(void **state)
{
	struct seen seen = { .n = 0 };
	char text[64];
	struct stat st;
	struct lot *lot;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fstat(fds[0], &st), 0);
	seen.inode = st.st_ino;
	assert_int_equal(lot_create(&lot), WSD_OK);
	for (unsigned i = 0; i < MANY; i++) {
		size_t len = state_for(text, i, 0);

		assert_int_equal(lot_put(lot, fds[0], text, len), WSD_OK);
		assert_int_equal(lot_flush(lot), WSD_OK);
	}
	assert_int_equal(lot_count(lot), MANY);
	lot = reopen(&lot);
	assert_int_equal(lot_look(lot, on_parked, &seen), MANY);
	assert_int_equal(seen.n, MANY);
	assert_int_equal(seen.wrong, 0);
	lot_destroy(&lot);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),         cmocka_unit_test(test_small_batches),
		cmocka_unit_test(test_long_states),  cmocka_unit_test(test_unflushed_is_not_parked),
		cmocka_unit_test(test_sessions),     cmocka_unit_test(test_corrupted_table),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
