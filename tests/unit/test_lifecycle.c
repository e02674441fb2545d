/* SPDX-License-Identifier: MIT */
/* The states of a server, what moves it from one to the next, and what the workers are told. */
#include "server/lifecycle.h"

#include <signal.h>
#include <stdlib.h>

#include "support/server_rig.h"

static struct fake_worker *const first = &fake_workers[0];

static void
assert_state(enum life_state state)
{
	static const enum metric metrics[] = { METRIC_STATE_STARTING, METRIC_STATE_RUNNING, METRIC_STATE_STANDBY,
					       METRIC_STATE_DRAINING, METRIC_STATE_STOPPING };

	assert_int_equal(lifecycle_state(&rig.lifecycle), state);
	for (unsigned i = LIFE_RUNNING; i <= LIFE_STOPPING; i++)
		assert_int_equal(metrics_sum(metrics[i]), i == state);
}

static void
send_signal(int signo)
{
	lifecycle_signal(&rig.lifecycle, signo);
}

static int
run(void **state)
{
	rig_start(state);
	return lifecycle_ready(&rig.lifecycle, false);
}

/* Parks what is left, if need be. */
static int
end(void **state)
{
	if (lifecycle_state(&rig.lifecycle) == LIFE_STOPPING)
		lot_fill_finish(&rig.fill, 0);
	lot_destroy(&rig.fill.lot);
	return rig_stop(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, run, end)

/* A start that failed half-way: there are no timers and no listeners to stop. */
static void
test_before_the_start(void **state)
{
	struct lifecycle none = { .state = LIFE_STARTING };

	for (int signo = 1; signo < 32; signo++)
		lifecycle_signal(&none, signo);
	assert_int_equal(lifecycle_state(&none), LIFE_STARTING);
	assert_int_equal(lifecycle_drain(&none), WSD_E_BUSY);
	assert_int_equal(lifecycle_accept(&none, true), WSD_E_BUSY);
}

static void
test_operators(void **state)
{
	assert_state(LIFE_RUNNING);
	assert_int_equal(lifecycle_accept(&rig.lifecycle, false), WSD_OK);
	assert_state(LIFE_STANDBY);
	assert_int_equal(lifecycle_accept(&rig.lifecycle, true), WSD_OK);
	assert_state(LIFE_RUNNING);
	assert_int_equal(lifecycle_drain(&rig.lifecycle), WSD_OK);
	assert_state(LIFE_DRAINING);
	assert_int_equal(first->drains, 1);
	assert_int_equal(first->bye, CLIENT_BYE_SHUTDOWN);
	assert_int_equal(lifecycle_drain(&rig.lifecycle), WSD_E_BUSY);
	assert_false(lifecycle_is_free(&rig.lifecycle));
	assert_int_equal(lifecycle_accept(&rig.lifecycle, true), WSD_OK);
	assert_state(LIFE_RUNNING);
	assert_int_equal(first->drain_stops, 2);
	send_signal(SIGHUP);
	send_signal(SIGUSR1);
	assert_state(LIFE_RUNNING);
}

/* The loop ends with the last connection. */
static void
test_stop(void **state)
{
	rig_connect("ann");
	send_signal(SIGTERM);
	assert_state(LIFE_STOPPING);
	assert_int_equal(first->drains, 1);
	assert_int_equal(first->bye, CLIENT_BYE_SHUTDOWN);
	assert_int_equal(lifecycle_accept(&rig.lifecycle, true), WSD_E_BUSY);
	assert_int_equal(lifecycle_drain(&rig.lifecycle), WSD_E_BUSY);
	send_signal(SIGTERM); /* hurry */
	assert_int_equal(first->drains, 2);
	assert_int_equal(first->spread_ms, 0);
	rig_leave("ann");
	uv_run(&rig.loop, UV_RUN_DEFAULT); /* it was stopped: the timers would keep it going */
}

/* Another signal while the last ones go, when the workers have been joined. */
static void
test_signals_after_the_workers(void **state)
{
	send_signal(SIGTERM);
	workers_stop(&rig.workers);
	send_signal(SIGTERM);
	send_signal(SIGUSR2);
	assert_state(LIFE_STOPPING);
}

static void
test_restart_without_a_lot(void **state)
{
	rig_connect("ann");
	send_signal(SIGUSR2);
	assert_state(LIFE_STOPPING);
	assert_int_equal(first->asks, 0);
	assert_int_equal(first->drains, 1);
	assert_int_equal(first->bye, CLIENT_BYE_RESTART);
	rig_leave("ann");
}

static void
all_answer(void)
{
	for (uint32_t i = 0; i < rig.conf.workers; i++)
		first->ops->asked(first->ops->arg);
	rig_turn();
}

static void
with_a_lot(void)
{
	assert_int_equal(lot_create(&rig.fill.lot), WSD_OK);
	rig.lowest_fd = lowest_free_fd();
}

static void
close_lot(void)
{
	lot_fill_finish(&rig.fill, 0);
	lot_destroy(&rig.fill.lot);
	rig.lowest_fd = lowest_free_fd();
}

static void
test_restart(void **state)
{
	with_a_lot();
	rig_connect("ann");
	send_signal(SIGUSR2);
	assert_state(LIFE_RUNNING); /* everybody is served */
	assert_int_equal(first->asks, 1);
	assert_false(lifecycle_is_free(&rig.lifecycle));
	assert_int_equal(lifecycle_drain(&rig.lifecycle), WSD_E_BUSY);
	assert_int_equal(lifecycle_accept(&rig.lifecycle, false), WSD_E_BUSY);
	assert_int_equal(handoff_give_begin(&rig.give, "green", false), WSD_E_BUSY);
	first->ops->asked(first->ops->arg);
	rig_turn();
	assert_state(LIFE_RUNNING); /* the other one has not answered */
	first->ops->asked(first->ops->arg);
	rig_turn();
	assert_state(LIFE_STOPPING);
	assert_int_equal(first->last_exports, 1);
	assert_int_equal(first->drains, 0);
	rig_leave("ann");
	close_lot();
}

static void
test_second_signal_of_a_restart(void **state)
{
	with_a_lot();
	send_signal(SIGUSR2);
	send_signal(SIGUSR2);
	assert_state(LIFE_STOPPING);
	assert_int_equal(first->last_exports, 1);
	all_answer(); /* too late to matter */
	assert_int_equal(first->last_exports, 1);
	close_lot();
}

static void
test_stop_while_a_restart_asks(void **state)
{
	with_a_lot();
	rig_connect("ann");
	send_signal(SIGUSR2);
	send_signal(SIGTERM);
	assert_state(LIFE_STOPPING);
	assert_int_equal(first->export_stops, 1);
	assert_int_equal(first->last_exports, 0);
	assert_int_equal(first->bye, CLIENT_BYE_SHUTDOWN);
	all_answer();
	assert_int_equal(first->last_exports, 0);
	rig_leave("ann");
	close_lot();
}

/* Workers that take no orders do not keep it from going on. */
static void
test_restart_of_deaf_workers(void **state)
{
	with_a_lot();
	for (uint32_t i = 0; i < rig.conf.workers; i++)
		fake_workers[i].order_rc = WSD_E_FULL;
	send_signal(SIGUSR2);
	rig_turn();
	assert_state(LIFE_STOPPING);
	close_lot();
}

static void
test_handoff(void **state)
{
	assert_true(lifecycle_is_free(&rig.lifecycle));
	lifecycle_handoff_begins(&rig.lifecycle);
	assert_state(LIFE_STANDBY);
	lifecycle_handoff_ends(&rig.lifecycle, false);
	assert_state(LIFE_RUNNING);
	lifecycle_handoff_begins(&rig.lifecycle);
	lifecycle_handoff_ends(&rig.lifecycle, true);
	assert_state(LIFE_STANDBY);
	lifecycle_handoff_begins(&rig.lifecycle);
	assert_int_equal(lifecycle_drain(&rig.lifecycle), WSD_OK);
	lifecycle_handoff_ends(&rig.lifecycle, false);
	assert_state(LIFE_DRAINING); /* as the operator wants it */
	assert_int_equal(handoff_give_begin(&rig.give, "green", false), WSD_E_BUSY);
	assert_int_equal(lifecycle_accept(&rig.lifecycle, true), WSD_OK);
	assert_int_equal(handoff_give_begin(&rig.give, "green", false), -ENOENT); /* there is none */
	assert_state(LIFE_RUNNING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_before_the_start),
		TEST(test_operators),
		TEST(test_stop),
		TEST(test_signals_after_the_workers),
		TEST(test_restart_without_a_lot),
		TEST(test_restart),
		TEST(test_second_signal_of_a_restart),
		TEST(test_stop_while_a_restart_asks),
		TEST(test_restart_of_deaf_workers),
		TEST(test_handoff),
	};

	return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
