/* SPDX-License-Identifier: MIT */
/* Threads with names, and the gate that their starter waits at. */
#include "loop/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#define THREADS 16

struct reporter {
	struct gate *gate;
	_Atomic unsigned *here;
	int rc;
};

static void *
report(void *arg)
{
	struct reporter *r = arg;

	atomic_fetch_add(r->here, 1);
	gate_report(r->gate, r->rc);
	return NULL;
}

/* Runs all and returns what the gate said; every one has reported by then. */
static int
pass_gate(const int rcs[THREADS])
{
	struct reporter reporters[THREADS];
	pthread_t threads[THREADS];
	_Atomic unsigned here = 0;
	struct gate gate;
	int rc;

	gate_init(&gate, THREADS);
	for (int i = 0; i < THREADS; i++) {
		reporters[i] = (struct reporter){ &gate, &here, rcs[i] };
		assert_int_equal(thread_start(&threads[i], "reporter", report, &reporters[i]), WSD_OK);
	}
	rc = gate_wait(&gate);
	assert_int_equal(atomic_load(&here), THREADS);
	assert_int_equal(gate_wait(&gate), rc); /* an open gate stays open */
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	gate_deinit(&gate);
	return rc;
}

static void
test_gate(void **state)
{
	int rcs[THREADS] = { WSD_OK };

	for (int round = 0; round < 20; round++)
		assert_int_equal(pass_gate(rcs), WSD_OK);
	rcs[7] = WSD_E_LIBRARY;
	for (int round = 0; round < 20; round++)
		assert_int_equal(pass_gate(rcs), WSD_E_LIBRARY);
	for (int i = 0; i < THREADS; i++)
		rcs[i] = -1 - i;
	assert_in_range(-pass_gate(rcs), 1, THREADS);
}

/* The starter reports for a thread that it could not start. */
static void
test_first_failure_stays(void **state)
{
	struct gate gate;

	gate_init(&gate, 4);
	gate_report(&gate, WSD_OK);
	gate_report(&gate, -ENOMEM);
	gate_report(&gate, WSD_E_LIBRARY);
	gate_report(&gate, WSD_OK);
	assert_int_equal(gate_wait(&gate), -ENOMEM);
	gate_deinit(&gate);

	gate_init(&gate, 0); /* nobody to wait for */
	assert_int_equal(gate_wait(&gate), WSD_OK);
	gate_deinit(&gate);
}

/* ---- threads --------------------------------------------------------------------------------- */

struct seen {
	pthread_barrier_t named;
	char name[64];
	sigset_t mask;
};

static void *
look(void *arg)
{
	struct seen *seen = arg;

	pthread_barrier_wait(&seen->named);
	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	pthread_sigmask(SIG_BLOCK, NULL, &seen->mask);
	return NULL;
}

static void
check_name(const char *name, const char *expected)
{
	struct seen seen;
	pthread_t thread;

	pthread_barrier_init(&seen.named, NULL, 2);
	assert_int_equal(thread_start(&thread, name, look, &seen), WSD_OK);
	pthread_barrier_wait(&seen.named);
	thread_join(thread);
	pthread_barrier_destroy(&seen.named);
	assert_string_equal(seen.name, expected);
	assert_true(sigismember(&seen.mask, SIGTERM));
}

static void
test_names(void **state)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	check_name("worker-0", "worker-0");
	check_name("worker-10000000", "worker-10000000");
	check_name("worker-10000000000", "worker-10000000"); /* cut, not refused */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_first_failure_stays),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
