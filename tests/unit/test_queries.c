/* SPDX-License-Identifier: MIT */
/* Questions of the HTTP threads at the wrong moment: while the server is not whole yet, or not any more. */
#include "server/queries.h"

#include <pthread.h>

#include "channel/command.h"

#include "support/server_rig.h"

static struct queries queries;

struct asker {
	int find_rc, disconnect_rc, page_rc;
	uint32_t n;
	uint64_t total;
	_Atomic bool done;
};

static void *
ask_all(void *arg)
{
	struct asker *asker = arg;
	struct admin_connection connection, items[10];
	struct admin_page page = { .after = "", .prefix = "", .limit = 10, .items = items };

	asker->find_rc = query_find(&queries, "a", &connection);
	asker->disconnect_rc = query_disconnect(&queries, "a");
	asker->page_rc = query_page(&queries, &page);
	asker->n = page.n;
	asker->total = page.total;
	atomic_store(&asker->done, true);
	return NULL;
}

/* The workers have been joined, but main has not heard yet that their connections have gone. */
static void
test_after_the_workers(void **state)
{
	struct asker asker = { .find_rc = 1 };
	pthread_t thread;

	rig_connect("a");
	workers_stop(&rig.workers);
	queries = (struct queries){ .front = rig.front, .workers = &rig.workers, .lifecycle = &rig.lifecycle };
	assert_int_equal(queries_start(&queries, &rig.loop), WSD_OK);
	assert_int_equal(pthread_create(&thread, NULL, ask_all, &asker), 0);
	while (!atomic_load(&asker.done)) /* the front desk's clock ends each turn */
		uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(asker.find_rc, WSD_E_UNKNOWN);
	assert_int_equal(asker.disconnect_rc, WSD_E_UNKNOWN);
	assert_int_equal(asker.page_rc, WSD_OK);
	assert_int_equal(asker.n, 0);
	assert_int_equal(asker.total, 1);
	queries_close(&queries);
	queries_stop(&queries);
	rig_leave("a");
}

/* ---- commands ---------------------------------------------------------------------------------- */

struct commander {
	struct channel_command command;
	struct channel_command_result result;
	int rc;
	_Atomic bool done;
};

static void *
give_command(void *arg)
{
	struct commander *c = arg;

	c->rc = query_command(&queries, &c->command, &c->result);
	atomic_store(&c->done, true);
	return NULL;
}

static void
command(struct commander *c)
{
	pthread_t thread;

	atomic_store(&c->done, false);
	assert_int_equal(pthread_create(&thread, NULL, give_command, c), 0);
	while (!atomic_load(&c->done))
		uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* One client is asked in its seat; all of a user's, wherever they may be. */
static void
test_commands(void **state)
{
	struct commander c = { .command = { .client = SLICE("a"), .data = SLICE("x") } };
	struct fake_worker *has_it = rig_connect("a");
	struct fake_worker *other = &fake_workers[has_it == &fake_workers[0] ? 1 : 0];
	struct front_seat seat;

	queries = (struct queries){ .front = rig.front, .workers = &rig.workers, .lifecycle = &rig.lifecycle };
	assert_int_equal(queries_start(&queries, &rig.loop), WSD_OK);
	assert_true(front_find(rig.front, "a", &seat));
	has_it->result = (struct channel_command_result){ .done = 1 };
	command(&c);
	assert_int_equal(c.rc, WSD_OK);
	assert_int_equal(c.result.done, 1);
	assert_int_equal(has_it->commands, 1);
	assert_true(has_it->seat.serial == seat.serial && has_it->seat.slot == seat.slot);
	assert_int_equal(other->commands, 0);
	c.command.client = SLICE("b");
	command(&c); /* nobody */
	assert_int_equal(c.result.done, 0);
	assert_int_equal(has_it->commands + other->commands, 1);
	c.command = (struct channel_command){ .user = SLICE("al") };
	other->result = (struct channel_command_result){ .done = 2, .moving = 1, .rc = WSD_E_FULL };
	command(&c);
	assert_true(c.result.done == 3 && c.result.moving == 1 && c.result.rc == WSD_E_FULL);
	assert_true(has_it->seat.serial == 0 && other->seat.serial == 0);
	has_it->order_rc = WSD_E_CLOSED; /* its clients are on their way out */
	command(&c);
	assert_true(c.rc == WSD_OK && c.result.done == 2);
	workers_stop(&rig.workers);
	command(&c);
	assert_true(c.rc == WSD_OK && c.result.done == 0);
	queries_close(&queries);
	command(&c);
	assert_int_equal(c.rc, WSD_E_BUSY);
	queries_stop(&queries);
	rig_leave("a");
}

/* While HTTP is being stopped nobody waits for main. */
static void
test_when_closed(void **state)
{
	struct admin_connection connection;
	struct admin_ops ops;

	queries = (struct queries){ .front = rig.front, .workers = &rig.workers, .lifecycle = &rig.lifecycle };
	assert_int_equal(queries_start(&queries, &rig.loop), WSD_OK);
	ops = queries_ops(&queries, 3001);
	queries_close(&queries);
	assert_int_equal(ops.find(ops.arg, "a", &connection), WSD_E_BUSY);
	assert_int_equal(ops.drain(ops.arg), WSD_E_BUSY);
	queries_stop(&queries);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_after_the_workers),
		RIG_TEST(test_commands),
		RIG_TEST(test_when_closed),
	};

	return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
