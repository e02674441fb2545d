/* SPDX-License-Identifier: MIT */
/* Accounting of answers. */
#include "loadtest/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct track t;

static int
set_up(void **state)
{
	track_init(&t);
	return 0;
}

static int
tear_down(void **state)
{
	track_deinit(&t);
	return 0;
}

static void
answer(uint64_t id, enum track_answer kind, uint64_t due)
{
	uint64_t due_ns = 0;

	assert_int_equal(track_answer(&t, id, &due_ns), kind);
	if (due)
		assert_int_equal(due_ns, due);
}

static void
send_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_true(track_send(&t, 1000 + t.next));
}

static void
test_one_at_a_time_needs_no_memory(void **state)
{
	for (uint64_t id = 1; id < 1000; id++) {
		send_many(1);
		assert_int_equal(track_in_flight(&t), 1);
		answer(id, TRACK_IN_ORDER, 1000 + id);
		assert_int_equal(track_in_flight(&t), 0);
	}
	assert_null(t.ring);
}

static void
test_repeated_and_unknown(void **state)
{
	send_many(3);
	answer(1, TRACK_IN_ORDER, 1001);
	answer(1, TRACK_REPEATED, 0);
	answer(0, TRACK_UNKNOWN, 0);
	answer(4, TRACK_UNKNOWN, 0);
	answer(UINT64_MAX, TRACK_UNKNOWN, 0);
	answer(2, TRACK_IN_ORDER, 1002);
	answer(3, TRACK_IN_ORDER, 1003);
	answer(2, TRACK_REPEATED, 0);
	assert_int_equal(t.open, 0);
}

static void
test_order(void **state)
{
	send_many(5);
	answer(3, TRACK_IN_ORDER, 1003);
	assert_int_equal(track_in_flight(&t), 2);
	assert_int_equal(track_oldest(&t), 1);
	answer(1, TRACK_OUT_OF_ORDER, 1001);
	answer(5, TRACK_IN_ORDER, 1005);
	answer(4, TRACK_OUT_OF_ORDER, 1004);
	answer(3, TRACK_REPEATED, 0);
	answer(2, TRACK_OUT_OF_ORDER, 1002);
	assert_int_equal(t.open, 0);
	assert_int_equal(t.base, 6);
	assert_int_equal(track_oldest(&t), 0);
}

static void
test_giving_up(void **state)
{
	send_many(6);
	answer(2, TRACK_IN_ORDER, 0);
	assert_int_equal(track_expire(&t, 1004, 1004), 2); /* 1, which was overtaken, and 3 */
	assert_int_equal(track_expire(&t, 1004, 1004), 0);
	answer(1, TRACK_LATE, 1001);
	answer(1, TRACK_REPEATED, 0);
	answer(4, TRACK_IN_ORDER, 1004);
	answer(3, TRACK_LATE, 1003);
	assert_int_equal(track_abandon(&t), 2);
	assert_int_equal(t.open, 0);
	send_many(1);
	answer(7, TRACK_IN_ORDER, 1007);
	answer(6, TRACK_REPEATED, 0);
}

static void
test_overtaken_ones_have_their_own_time(void **state)
{
	send_many(4);
	answer(3, TRACK_IN_ORDER, 0);
	assert_int_equal(track_expire(&t, 0, 2000), 2);
	assert_int_equal(t.open, 1);
}

/* Every hundredth is never answered, for long: the count stays right and memory bounded. */
static void
test_a_long_run_with_losses(void **state)
{
	unsigned lost = 0;

	for (uint64_t id = 1; id <= 200000; id++) {
		send_many(1);
		if (id % 100)
			answer(id, TRACK_IN_ORDER, 1000 + id);
		lost += track_expire(&t, 1000 + id - 150, 1000 + id - 150);
	}
	lost += track_abandon(&t);
	assert_int_equal(lost, 2000);
	send_many(1);
	assert_true(t.mask < 1024);
}

static void
test_many_unanswered(void **state)
{
	send_many(TRACK_MOST);
	assert_false(track_send(&t, 1));
	for (uint64_t id = 1; id <= TRACK_MOST; id++)
		answer(id, TRACK_IN_ORDER, 1000 + id);
	assert_int_equal(t.open, 0);
	send_many(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_at_a_time_needs_no_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_repeated_and_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_giving_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_overtaken_ones_have_their_own_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_run_with_losses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_unanswered, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
