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

#define CLIENTS 3000

static void
test_put_find_remove(void **state)
{
	struct slots slots = { NULL, 0, 0 };
	struct client *clients = calloc(CLIENTS, sizeof(*clients));

	assert_null(slots_find(&slots, 0, 1)); /* not even a table yet */
	for (uint32_t i = 0; i < CLIENTS; i++) {
		clients[i].slot = i * 7 % CLIENTS; /* each once, in no order */
		clients[i].serial = 1000 + i;
		assert_int_equal(slots_put(&slots, &clients[i]), WSD_OK);
	}
	assert_int_equal(slots.n_used, CLIENTS);
	assert_in_range(slots.n_room, CLIENTS, CLIENTS * 3 / 2 + 1); /* it counts in the memory of each connection */
	for (uint32_t i = 0; i < CLIENTS; i++) {
		assert_ptr_equal(slots_find(&slots, clients[i].slot, clients[i].serial), &clients[i]);
		assert_null(slots_find(&slots, clients[i].slot, clients[i].serial + 1)); /* who sat there before */
	}
	assert_null(slots_find(&slots, CLIENTS * 2, 1000));
	assert_null(slots_find(&slots, UINT32_MAX, 1000));
	for (uint32_t i = 0; i < CLIENTS; i++) {
		slots_remove(&slots, &clients[i]);
		assert_null(slots_find(&slots, clients[i].slot, clients[i].serial));
		clients[i].serial += CLIENTS;
		assert_int_equal(slots_put(&slots, &clients[i]), WSD_OK); /* taken by another one */
		assert_null(slots_find(&slots, clients[i].slot, clients[i].serial - CLIENTS));
		assert_ptr_equal(slots_find(&slots, clients[i].slot, clients[i].serial), &clients[i]);
	}
	for (uint32_t i = 0; i < CLIENTS; i++)
		slots_remove(&slots, &clients[i]);
	slots_deinit(&slots);
	free(clients);
	assert_int_equal(alloc.bytes, 0);
}

static void
test_out_of_memory(void **state)
{
	struct slots slots = { NULL, 0, 0 };
	struct client low = { .slot = 3, .serial = 1 }, high = { .slot = 64, .serial = 2 };

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
