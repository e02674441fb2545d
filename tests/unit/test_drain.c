/* SPDX-License-Identifier: MIT */
/* Goodbyes to all: how many by when, each once, and no more when it is called off. */
#include "support/worker_rig.h"

#define CLIENTS 10
#define LONG    1000000

static struct client *clients[CLIENTS];

static void
come(void)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = rig_client();
}

static bool
is_draining(void)
{
	return uv_is_active((uv_handle_t *)&rig.w.drain.timer);
}

static void
wait_for_step(void)
{
	rig_wait_for(&rig.w.drain.timer);
}

/* As if it had begun so much earlier. */
static void
pass(uint32_t ms)
{
	rig.w.drain.from_ms -= ms;
	rig.w.drain.until_ms -= ms;
}

static unsigned
told(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		n += rig_wire(clients[i])->close_code != 0;
	return n;
}

static void
test_all_at_once(void **state)
{
	come();
	drain_start(&rig.w, CLIENT_BYE_SHUTDOWN, 0, 0);
	wait_for_step();
	assert_int_equal(told(), CLIENTS);
	assert_false(is_draining());
	assert_said(clients[0], "\"reason\":\"shutdown\"");
	assert_int_equal(rig_wire(clients[0])->close_code, 1001);
}

static void
test_nobody_is_there(void **state)
{
	drain_start(&rig.w, CLIENT_BYE_SHUTDOWN, LONG, 0);
	wait_for_step();
	assert_false(is_draining());
}

static void
test_spread_evenly(void **state)
{
	come();
	drain_start(&rig.w, CLIENT_BYE_SHUTDOWN, LONG, 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		wait_for_step();
		assert_int_equal(told(), i + 1);
		wait_for_step();
		assert_int_equal(told(), i + 1); /* none of them before its time */
		pass(LONG / CLIENTS);
	}
	wait_for_step();
	assert_false(is_draining());
}

static void
test_advice_to_come_back(void **state)
{
	unsigned later = 0;

	come();
	drain_start(&rig.w, CLIENT_BYE_RESTART, 0, 5000);
	wait_for_step();
	for (unsigned i = 0; i < CLIENTS; i++) {
		const char *after = strstr(rig_wire(clients[i])->last, "\"retryAfter\":");
		unsigned long ms;

		assert_non_null(after);
		ms = strtoul(strchr(after, ':') + 1, NULL, 10);
		assert_in_range(ms, 0, 5000);
		later += ms > 0;
	}
	assert_true(later > 0); /* each has a moment of its own */
}

static void
test_hastened(void **state)
{
	come();
	drain_start(&rig.w, CLIENT_BYE_RESTART, LONG, 0);
	wait_for_step();
	assert_int_equal(told(), 1);
	drain_start(&rig.w, CLIENT_BYE_SHUTDOWN, 0, 0);
	wait_for_step();
	assert_int_equal(told(), CLIENTS);
	assert_said(clients[0], "\"reason\":\"restart\""); /* and nothing more */
	assert_int_equal(rig_wire(clients[0])->texts, 2);
	assert_said(clients[1], "\"reason\":\"shutdown\"");
}

static void
test_called_off(void **state)
{
	come();
	drain_start(&rig.w, CLIENT_BYE_SHUTDOWN, LONG, 0);
	wait_for_step();
	drain_stop(&rig.w);
	assert_false(is_draining());
	assert_int_equal(told(), 1);
	fake_text(&clients[1]->wire, "{\"type\":\"message\",\"data\":1}");
	assert_said(clients[1], "\"count\":1");
}

/* Whoever comes meanwhile sits in a free slot, and is told at its turn, too. */
static void
test_newcomer(void **state)
{
	struct client *c;

	come();
	drain_start(&rig.w, CLIENT_BYE_SHUTDOWN, LONG, 0);
	wait_for_step();
	c = rig_client();
	pass(LONG);
	wait_for_step();
	assert_int_equal(told(), CLIENTS);
	assert_int_equal(rig_wire(c)->close_code, 1001);
}

/* By main's orders, which lie in the worker: as many as there are places, until it reads them. */
static void
test_ordered(void **state)
{
	come();
	assert_int_equal(worker_drain(&rig.w, CLIENT_BYE_RESTART, LONG, 0), WSD_OK);
	for (unsigned i = 1; i < WORKER_ORDERS; i++)
		assert_int_equal(worker_drain_stop(&rig.w), WSD_OK);
	assert_int_equal(worker_drain_stop(&rig.w), WSD_E_FULL);
	rig_deliver();
	assert_false(is_draining());
	assert_int_equal(worker_drain(&rig.w, CLIENT_BYE_RESTART, 0, 0), WSD_OK);
	rig_deliver();
	while (is_draining())
		wait_for_step();
	assert_int_equal(told(), CLIENTS);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_all_at_once),
		RIG_TEST(test_nobody_is_there),
		RIG_TEST(test_spread_evenly),
		RIG_TEST(test_hastened),
		RIG_TEST(test_advice_to_come_back),
		RIG_TEST(test_called_off),
		RIG_TEST(test_newcomer),
		RIG_TEST(test_ordered),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
