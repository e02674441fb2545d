/* SPDX-License-Identifier: MIT */
/* Seats: the least occupied worker, slots last in first out, tables that grow and no more than that. */
#include "front/seats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/alloc.h"

struct place {
	uint64_t serial;
	uint32_t worker, slot;
};

static uint64_t serial;

static struct place
take(struct seats *seats)
{
	struct place p = { .serial = ++serial };

	assert_int_equal(seats_take(seats, p.serial, &p.worker, &p.slot), WSD_OK);
	assert_int_equal(seats_at(seats, p.worker, p.slot)->serial, p.serial);
	assert_null(seats_at(seats, p.worker, p.slot)->session);
	assert_null(seats_at(seats, p.worker, p.slot)->client);
	return p;
}

static void
test_least_occupied(void **state)
{
	struct seats seats;
	struct place p[9];

	assert_int_equal(seats_init(&seats, 3), WSD_OK);
	for (uint32_t i = 0; i < 9; i++) {
		p[i] = take(&seats);
		assert_int_equal(p[i].worker, i % 3);
		assert_int_equal(p[i].slot, i / 3); /* the lowest first */
	}
	assert_int_equal(seats.n_taken, 9);
	seats_free(&seats, 1, 0);
	seats_free(&seats, 1, 2);
	assert_int_equal(seats.n_taken, 7);
	for (uint32_t i = 0; i < 2; i++) { /* last in, first out */
		struct place again = take(&seats);

		assert_int_equal(again.worker, 1);
		assert_int_equal(again.slot, i ? 0 : 2);
	}
	assert_int_equal(take(&seats).worker, 0); /* all alike again */
	seats_deinit(&seats);
	assert_int_equal(alloc.bytes, 0);
}

#define MOST 2000

static void
test_random(void **state)
{
	struct place *taken = malloc(MOST * sizeof(*taken));
	uint32_t n = 0, seed = 1, most = 0;
	struct seats seats;

	assert_int_equal(seats_init(&seats, 4), WSD_OK);
	for (unsigned step = 0; step < 200000; step++) {
		seed = seed * 1664525 + 1013904223;
		if (n < MOST && (n == 0 || (seed >> 8) % 100 < 52)) {
			taken[n++] = take(&seats);
		} else {
			uint32_t i = (seed >> 8) % n;
			struct place p = taken[i];

			assert_int_equal(seats_at(&seats, p.worker, p.slot)->serial, p.serial); /* nobody else's */
			seats_free(&seats, p.worker, p.slot);
			assert_int_equal(seats_at(&seats, p.worker, p.slot)->serial, 0);
			taken[i] = taken[--n];
		}
		most = n > most ? n : most;
		assert_int_equal(seats.n_taken, n);
	}
	assert_int_equal(most, MOST);
	for (uint32_t w = 0; w < 4; w++) /* the tables are as large as they had to be: of a worker in a random walk */
		assert_true(seats.rows[w].n_room <= MOST);
	seats_deinit(&seats);
	free(taken);
	assert_int_equal(alloc.bytes, 0);
}

static void
test_out_of_memory(void **state)
{
	struct seats seats;
	struct place p;

	alloc.until_failure = 0;
	assert_int_equal(seats_init(&seats, 2), -ENOMEM);
	seats_deinit(&seats);
	alloc.until_failure = 1;
	assert_int_equal(seats_init(&seats, 1), WSD_OK);
	assert_int_equal(seats_take(&seats, 1, &p.worker, &p.slot), -ENOMEM);
	assert_int_equal(seats.n_taken, 0);
	alloc.until_failure = INT_MAX;
	while (seats.n_taken < 64)
		take(&seats);
	alloc.until_failure = 0;
	assert_int_equal(seats_take(&seats, 1, &p.worker, &p.slot), -ENOMEM); /* growing */
	alloc.until_failure = INT_MAX;
	assert_int_equal(seats.n_taken, 64);
	p = take(&seats);
	assert_int_equal(p.slot, 64);
	seats_deinit(&seats);
	assert_int_equal(alloc.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_occupied),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("seats", tests, NULL, NULL);
}
