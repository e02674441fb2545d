/* SPDX-License-Identifier: MIT */
/* The table of a worker's connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/alloc.h"
#include "worker/worker_priv.h"

#define CONNS 3000

static void
test_put_find_remove(void **state)
{
	struct slots slots = { NULL, 0, 0 };
	struct conn *conns = calloc(CONNS, sizeof(*conns));

	assert_null(slots_find(&slots, 0, 1)); /* not even a table yet */
	for (uint32_t i = 0; i < CONNS; i++) {
		conns[i].slot = i * 7 % CONNS; /* each once, in no order */
		conns[i].serial = 1000 + i;
		assert_int_equal(slots_put(&slots, &conns[i]), WSD_OK);
	}
	assert_int_equal(slots.n_used, CONNS);
	assert_in_range(slots.n_room, CONNS, CONNS * 3 / 2 + 1); /* it counts in the memory of each connection */
	for (uint32_t i = 0; i < CONNS; i++) {
		assert_ptr_equal(slots_find(&slots, conns[i].slot, conns[i].serial), &conns[i]);
		assert_null(slots_find(&slots, conns[i].slot, conns[i].serial + 1)); /* who sat there before */
	}
	assert_null(slots_find(&slots, CONNS * 2, 1000));
	assert_null(slots_find(&slots, UINT32_MAX, 1000));
	for (uint32_t i = 0; i < CONNS; i++) {
		slots_remove(&slots, &conns[i]);
		assert_null(slots_find(&slots, conns[i].slot, conns[i].serial));
		conns[i].serial += CONNS;
		assert_int_equal(slots_put(&slots, &conns[i]), WSD_OK); /* taken by another one */
		assert_null(slots_find(&slots, conns[i].slot, conns[i].serial - CONNS));
		assert_ptr_equal(slots_find(&slots, conns[i].slot, conns[i].serial), &conns[i]);
	}
	for (uint32_t i = 0; i < CONNS; i++)
		slots_remove(&slots, &conns[i]);
	slots_deinit(&slots);
	free(conns);
	assert_int_equal(alloc.bytes, 0);
}

static void
test_out_of_memory(void **state)
{
	struct slots slots = { NULL, 0, 0 };
	struct conn low = { .slot = 3, .serial = 1 }, high = { .slot = 64, .serial = 2 };

	alloc.until_failure = 0;
	assert_int_equal(slots_put(&slots, &low), -ENOMEM);
	alloc.until_failure = INT_MAX;
	assert_int_equal(slots_put(&slots, &low), WSD_OK);
	alloc.until_failure = 0;
	assert_int_equal(slots_put(&slots, &high), -ENOMEM);
	alloc.until_failure = INT_MAX;
	assert_int_equal(slots.n_used, 1);
	assert_null(slots_find(&slots, 64, 2));
	assert_ptr_equal(slots_find(&slots, 3, 1), &low);
	slots_remove(&slots, &low);
	slots_deinit(&slots);
	assert_int_equal(alloc.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_find_remove),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
