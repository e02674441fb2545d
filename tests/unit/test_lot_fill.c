/* SPDX-License-Identifier: MIT */
/* Parking: each offer is settled once, whether the lot takes it or not, and what was parked is taken up again. */
#include "server/lot_fill.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/lot_take.h"
#include "support/server_rig.h"

#define MANY (LOT_BATCH + 20)

static int sockets[MANY];

static unsigned
sum(size_t counter)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < rig.conf.workers; i++)
		n += *(unsigned *)((char *)&fake_workers[i] + counter);
	return n;
}

#define SUM(counter) sum(offsetof(struct fake_worker, counter))

static int
start(void **state)
{
	rig_start(state);
	assert_int_equal(lot_create(&rig.fill.lot), WSD_OK);
	rig.lowest_fd = lowest_free_fd();
	return 0;
}

static int
stop(void **state)
{
	struct lot *lot = rig.fill.lot;
	int rc = rig_stop(state);

	lot_destroy(&lot);
	return rc;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

static void
offer_many(void)
{
	char id[16];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		rig_connect(id);
	}
	lot_fill_begin(&rig.fill);
	for (unsigned i = 0; i < MANY; i++) {
		struct front_seat seat;

		snprintf(id, sizeof(id), "c%u", i);
		assert_true(front_find(rig.front, id, &seat));
		fake_workers[seat.worker].arrival.serial = seat.serial;
		fake_workers[seat.worker].arrival.slot = seat.slot;
		sockets[i] = rig_socket();
		fake_worker_offers(&fake_workers[seat.worker], id, sockets[i]);
	}
	rig_turn();
}

static void
all_leave(void)
{
	char id[16];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		rig_leave(id);
		fd_close(&sockets[i]);
	}
}

static void
test_there_and_back(void **state)
{
	struct front_seat seat;

	offer_many();
	lot_fill_finish(&rig.fill, 0);
	assert_int_equal(SUM(released), MANY);
	assert_int_equal(SUM(kept), 0);
	assert_int_equal(lot_count(rig.fill.lot), MANY);
	all_leave();
	assert_int_equal(front_connections(rig.front), 0);
	lot_take_up(rig.fill.lot, &rig.importer); /* as the next process does */
	assert_int_equal(front_connections(rig.front), MANY);
	assert_int_equal(SUM(imports), 2 * MANY);
	assert_true(front_find(rig.front, "c0", &seat));
	all_leave();
}

static void
test_nothing_can_be_sent(void **state)
{
	shutdown(lot_in_fd(rig.fill.lot), SHUT_WR);
	offer_many();
	lot_fill_finish(&rig.fill, 0);
	assert_int_equal(SUM(released), 0);
	assert_int_equal(SUM(kept), MANY);
	assert_int_equal(fake_workers[0].bye, CLIENT_BYE_RESTART);
	assert_int_equal(lot_count(rig.fill.lot), 0);
	all_leave();
}

/* Before and after, offers go back to their worker; so does a session's. */
static void
test_not_for_the_lot(void **state)
{
	struct fake_worker *fake = rig_connect("ann");

	fake_worker_offers(fake, "ann", 0);
	rig_turn();
	assert_int_equal(fake->kept, 1);
	assert_int_equal(fake->bye, CLIENT_BYES);
	lot_fill_begin(&rig.fill);
	fake_worker_offers(fake, "ann", -1);
	rig_turn();
	assert_int_equal(fake->kept, 2);
	lot_fill_finish(&rig.fill, 0);
	atomic_store(&rig.lifecycle.state, LIFE_STOPPING);
	fake_worker_offers(fake, "ann", 0);
	rig_turn();
	assert_int_equal(fake->kept, 3);
	assert_int_equal(fake->bye, CLIENT_BYE_RESTART);
	fake_worker_offers(fake, "ann", 0);
	workers_stop(&rig.workers);
	rig_turn(); /* it has ended: the offer is freed */
	rig_leave("ann");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_there_and_back),
		TEST(test_nothing_can_be_sent),
		TEST(test_not_for_the_lot),
	};

	return cmocka_run_group_tests_name("lot_fill", tests, NULL, NULL);
}
