/* SPDX-License-Identifier: MIT */
/* Which copy of a signal counts. */
#include "keeper/keeper_priv.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/passed_on.h"

static bool
direct(int signo)
{
	return keeper_signal_of(signo, 0) == signo;
}

static bool
passed_on(int signo)
{
	return keeper_signal_of(KEEPER_PASSES_ON, signo) == signo;
}

static void
test_both_ways(void **state)
{
	assert_true(direct(SIGTERM));
	assert_false(passed_on(SIGTERM));
	assert_true(passed_on(SIGTERM)); /* the second, which comes in the other order */
	assert_false(direct(SIGTERM));
	assert_true(direct(SIGTERM));
	assert_true(direct(SIGTERM));
	assert_false(passed_on(SIGTERM));
	assert_false(passed_on(SIGTERM));
}

static void
test_one_way(void **state)
{
	for (int i = 0; i < 3; i++) {
		assert_true(direct(SIGUSR1));
		assert_true(passed_on(SIGUSR2));
	}
	assert_int_equal(keeper_signal_of(KEEPER_PASSES_ON, 0), 0);
	assert_int_equal(keeper_signal_of(KEEPER_PASSES_ON, -5), 0);
	assert_int_equal(keeper_signal_of(KEEPER_PASSES_ON, 10000), 0);
	assert_false(direct(-1));
	assert_false(direct(10000));
}

static void
test_the_keeper_has_died(void **state)
{
	keeper_know(getppid());
	assert_true(direct(SIGTERM));
	assert_false(passed_on(SIGTERM));
	keeper_know(getppid() + 1);
	assert_false(direct(SIGTERM));
	assert_false(direct(SIGTERM));
	assert_true(direct(SIGINT));
	keeper_know(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_ways), cmocka_unit_test(test_one_way),
					    cmocka_unit_test(test_the_keeper_has_died) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
