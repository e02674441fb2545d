/* SPDX-License-Identifier: MIT */
/* What arrives from another process: it is taken up whole, or nothing has happened, and no descriptor stays. */
#include "server/import.h"

#include <stdlib.h>

#include "server/export.h"
#include "support/server_rig.h"

static unsigned claims;

static bool
claim(void *arg)
{
	claims++;
	return *(bool *)arg;
}

static int
import(const char *id, int fd, bool ours)
{
	struct conn_state state = rig_state(id);

	claims = 0;
	return import_connection(&rig.importer, fd, &state, &(struct import_claim){ .take = claim, .arg = &ours });
}

static void
test_taken_up(void **state)
{
	struct front_seat seat;
	struct fake_worker *fake;

	assert_int_equal(import("ann", rig_socket(), true), WSD_OK);
	assert_int_equal(claims, 1);
	assert_int_equal(front_connections(rig.front), 1);
	assert_true(front_find(rig.front, "ann", &seat));
	fake = &fake_workers[seat.worker];
	assert_int_equal(fake->imports, 1);
	assert_int_equal(fake->arrival.serial, seat.serial);
	assert_int_equal(fake->arrival.slot, seat.slot);
	rig_leave("ann");
}

/* The seat is free again, and the id. */
static void
test_undone(void **state)
{
	assert_int_equal(import("ann", rig_socket(), false), WSD_E_CLOSED);
	assert_int_equal(claims, 1);
	for (uint32_t i = 0; i < rig.conf.workers; i++)
		fake_workers[i].import_rc = -ENOMEM;
	assert_int_equal(import("ann", rig_socket(), true), -ENOMEM);
	assert_int_equal(claims, 0);
	assert_int_equal(front_connections(rig.front), 0);
	for (uint32_t i = 0; i < rig.conf.workers; i++)
		fake_workers[i].import_rc = WSD_OK;
	assert_int_equal(import("ann", rig_socket(), true), WSD_OK);
	rig_leave("ann");
}

static void
test_not_wanted(void **state)
{
	int ends[2];

	rig_connect("ann");
	assert_int_equal(import("ann", rig_socket(), true), WSD_E_BUSY);
	assert_int_equal(pipe(ends), 0);
	fd_close(&ends[1]);
	assert_int_equal(import("eve", ends[0], true), -ENOTCONN);
	assert_int_equal(import("eve", socket(AF_INET, SOCK_STREAM, 0), true), -ENOTCONN);
	assert_int_equal(import("eve", -1, true), -ENOTCONN);
	atomic_store(&rig.lifecycle.state, LIFE_STOPPING);
	assert_int_equal(import("eve", rig_socket(), true), WSD_E_BUSY);
	assert_int_equal(claims, 0);
	assert_int_equal(front_connections(rig.front), 1);
	rig_leave("ann");
}

static int
import_one(const char *id, bool ours)
{
	struct session_state session = { .count = 5, .expires_in_ms = 1000, .token = "0123456789abcde" };

	strcpy(session.id, id);
	claims = 0;
	return import_session(&rig.importer, &session, &(struct import_claim){ .take = claim, .arg = &ours });
}

static void
test_sessions(void **state)
{
	char *list;
	size_t len;

	rig_connect("ann");
	assert_int_equal(import_one("bob", true), WSD_OK);
	assert_int_equal(import_one("eve", false), WSD_E_CLOSED);
	assert_int_equal(import_one("ann", true), WSD_E_BUSY);
	assert_int_equal(claims, 0);
	atomic_store(&rig.lifecycle.state, LIFE_STOPPING);
	assert_int_equal(import_one("eve", true), WSD_E_BUSY);
	assert_int_equal(claims, 0);
	assert_int_equal(metrics_sum(METRIC_SESSIONS_IN), 1);
	/* there and back as a list */
	list = export_sessions(rig.front, &len);
	assert_non_null(list);
	front_forget_sessions(rig.front);
	assert_null(export_sessions(rig.front, &(size_t){ 0 }));
	import_sessions(&rig.importer, list, len);
	free(list);
	list = export_sessions(rig.front, &len);
	assert_non_null(list);
	assert_memory_equal(list + 4 + 5, "bob", 3); /* the list's length, tag and length of the first field */
	free(list);
	assert_int_equal(metrics_sum(METRIC_SESSIONS_IN), 1);
	rig_leave("ann");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_taken_up),
		RIG_TEST(test_undone),
		RIG_TEST(test_not_wanted),
		RIG_TEST(test_sessions),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
