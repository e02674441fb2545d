/* SPDX-License-Identifier: MIT */
/* The token bucket: bursts, exact refill, clocks that stand still or jump. */
#include "base/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static unsigned
take_all(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns)
{
	unsigned n = 0;

	while (n < 100000 && bucket_take(b, rate, burst, now_ns))
		n++;
	return n;
}

static void
test_burst_then_rate(void **state)
{
	struct bucket b = { 0 };

	assert_int_equal(take_all(&b, 10, 100, 5 * SECOND), 100);
	assert_int_equal(bucket_wait_ns(&b, 10, 100), SECOND / 10);
	assert_false(bucket_take(&b, 10, 100, 5 * SECOND + SECOND / 10 - 1));
	assert_true(bucket_take(&b, 10, 100, 5 * SECOND + SECOND / 10));
	assert_int_equal(take_all(&b, 10, 100, 6 * SECOND + SECOND / 10), 10);
	assert_int_equal(take_all(&b, 10, 100, 100 * SECOND), 100);
}

/* 3 a second is no whole number of ns apart; over an hour not one token is lost or won. */
static void
test_refill_is_exact(void **state)
{
	struct bucket b = { 0 };
	uint64_t now = 1, taken = 0;

	assert_int_equal(take_all(&b, 3, 1, now), 1);
	for (unsigned step = 0; step < 3600 * 8; step++) {
		now += SECOND / 8;
		taken += take_all(&b, 3, 1, now);
	}
	/* with a burst of 1 a token waits for the next step of 1/8 s: what counts is that the parts add up */
	assert_int_equal(taken, 3600 * 8 / 3);

	struct bucket wide = { 0 };
	now = 1, taken = 0;
	assert_int_equal(take_all(&wide, 3, 5, now), 5);
	for (unsigned step = 0; step < 3600 * 7; step++) {
		now += SECOND / 7; /* 142857142 ns: 7 of them are 6 ns short of a second */
		taken += take_all(&wide, 3, 5, now);
	}
	assert_int_equal(taken, (now - 1) * 3 / SECOND);
}

static void
test_wait_is_the_smallest_that_suffices(void **state)
{
	struct bucket b = { 0 };
	uint64_t now = 77, wait;

	assert_int_equal(bucket_wait_ns(&b, 3, 2), 0);
	assert_int_equal(take_all(&b, 3, 2, now), 2);
	wait = bucket_wait_ns(&b, 3, 2);
	assert_int_equal(wait, 333333334);
	assert_false(bucket_take(&b, 3, 2, now + wait - 1));
	assert_true(bucket_take(&b, 3, 2, now + wait));
}

static void
test_off_and_odd_arguments(void **state)
{
	struct bucket b = { 0 };

	assert_int_equal(take_all(&b, 0, 0, 1), 100000);
	assert_int_equal(bucket_wait_ns(&b, 0, 0), 0);
	assert_int_equal(take_all(&b, 1, 0, 1), 1);
}

static void
test_clock(void **state)
{
	struct bucket b = { 0 };

	assert_int_equal(take_all(&b, 1000, 2, 50 * SECOND), 2);
	assert_false(bucket_take(&b, 1000, 2, 49 * SECOND)); /* back */
	assert_false(bucket_take(&b, 1000, 2, 50 * SECOND)); /* still */
	assert_false(bucket_full(&b, 1000, 50 * SECOND));
	assert_true(bucket_full(&b, 1000, UINT64_MAX)); /* as far forward as can be */
	assert_int_equal(take_all(&b, 1000, 2, UINT64_MAX), 2);

	struct bucket most = { 0 };
	assert_int_equal(take_all(&most, UINT32_MAX, UINT32_MAX, 1), 100000);
	assert_int_equal(bucket_wait_ns(&most, UINT32_MAX, UINT32_MAX), 0);
	assert_true(bucket_full(&most, UINT32_MAX, SECOND));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_refill_is_exact),
		cmocka_unit_test(test_wait_is_the_smallest_that_suffices),
		cmocka_unit_test(test_off_and_odd_arguments),
		cmocka_unit_test(test_clock),
	};

	_Static_assert(sizeof(struct bucket) <= 16, "the state stays small: every connection has one");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
