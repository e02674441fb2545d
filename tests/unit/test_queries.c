/* SPDX-License-Identifier: MIT */
/* Questions of the HTTP threads at the wrong moment: while the server is not whole yet, or not any more. */
#include "server/queries.h"

#include <pthread.h>

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
		RIG_TEST(test_when_closed),
	};

	return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
