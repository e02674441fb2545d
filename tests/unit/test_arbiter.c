/* SPDX-License-Identifier: MIT */
/* Each word has one winner, and memory that the other side could take away is not accepted. */
#include "move/arbiter.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#define WORDS 20000

static void
test_one_winner(void **state)
{
	struct arbiter ours, theirs;

	assert_int_equal(arbiter_create(&ours, 2), WSD_OK);
	assert_int_equal(arbiter_open(&theirs, dup(ours.fd)), WSD_OK);
	assert_int_equal(theirs.n, 2);
	assert_true(arbiter_take(&theirs, 0));
	assert_false(arbiter_take(&theirs, 0));
	assert_false(arbiter_keep(&ours, 0));
	assert_true(arbiter_keep(&ours, 1));
	assert_false(arbiter_take(&theirs, 1));
	assert_false(arbiter_take(&theirs, 2));
	assert_false(arbiter_keep(&ours, UINT32_MAX));
	assert_true(arbiter_is_taken(&ours, 0) && !arbiter_is_taken(&ours, 1) && !arbiter_is_taken(&ours, 2));
	arbiter_close(&ours);
	assert_false(arbiter_keep(&ours, 1));
	assert_false(arbiter_is_taken(&ours, 0));
	arbiter_close(&ours);
	arbiter_close(&theirs);
}

static void *
take_all(void *arg)
{
	uintptr_t won = 0;

	for (uint32_t i = 0; i < WORDS; i++)
		won += arbiter_take(arg, i);
	return (void *)won;
}

static void
test_race(void **state)
{
	struct arbiter ours, theirs;
	uintptr_t kept = 0;
	pthread_t thread;
	void *taken;

	assert_int_equal(arbiter_create(&ours, WORDS), WSD_OK);
	assert_int_equal(arbiter_open(&theirs, dup(ours.fd)), WSD_OK);
	assert_int_equal(pthread_create(&thread, NULL, take_all, &theirs), 0);
	for (uint32_t i = WORDS; i-- > 0;)
		kept += arbiter_keep(&ours, i);
	assert_int_equal(pthread_join(thread, &taken), 0);
	assert_int_equal(kept + (uintptr_t)taken, WORDS);
	arbiter_close(&ours);
	arbiter_close(&theirs);
}

static void
test_what_is_none(void **state)
{
	static const struct {
		off_t size;
		int seals;
	} bad[] = { { 64, 0 }, { 64, F_SEAL_GROW }, { 0, F_SEAL_SHRINK }, { 4000004, F_SEAL_SHRINK } };
	struct arbiter a;
	int ends[2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		assert_int_equal(ftruncate(fd, bad[i].size), 0);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, bad[i].seals), 0);
		assert_int_equal(arbiter_open(&a, fd), WSD_E_MALFORMED);
		assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
	}
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(arbiter_open(&a, ends[0]), WSD_E_MALFORMED);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_winner),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
