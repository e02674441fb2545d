/* SPDX-License-Identifier: MIT */
/* Questions to the owner of a mailbox: answered at once, later, too late, never asked. */
#include "loop/ask.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "loop/mailbox.h"

#define LONG_MS 60000 /* is not waited for */

struct rig {
	uv_loop_t loop;
	struct mailbox box;
	struct ask *held;
	pthread_t answerer;
	unsigned dropped;
};

static struct rig rig;

struct payload {
	int in, out;
	char *owned;
};

static void
run_at_once(struct ask *ask, void *payload, void *owner)
{
	struct payload *p = payload;

	assert_ptr_equal(owner, &rig);
	p->out = p->in + 1;
	ask_answer(ask, WSD_E_UNKNOWN);
}

static void
run_hold(struct ask *ask, void *payload, void *owner)
{
	struct payload *p = payload;

	p->owned = malloc(10);
	rig.held = ask;
}

static void
drop(void *payload)
{
	struct payload *p = payload;

	free(p->owned);
	rig.dropped++;
}

static const struct ask_kind at_once = { .size = sizeof(struct payload), .run = run_at_once, .drop = drop };
static const struct ask_kind hold = { .size = sizeof(struct payload), .run = run_hold, .drop = drop };

static int
setup(void **state)
{
	rig = (struct rig){ .dropped = 0 };
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	assert_int_equal(mailbox_init(&rig.box, &rig.loop, &rig, 1), WSD_OK);
	return 0;
}

static int
teardown(void **state)
{
	mailbox_close(&rig.box, NULL);
	assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
	mailbox_deinit(&rig.box);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	return 0;
}

static void *
turn_once(void *arg)
{
	uv_run(&rig.loop, UV_RUN_ONCE);
	return NULL;
}

static void *
answer_from_elsewhere(void *arg)
{
	ask_answer(rig.held, 7);
	return NULL;
}

static void *
turn_and_answer(void *arg)
{
	uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(pthread_create(&rig.answerer, NULL, answer_from_elsewhere, NULL), 0);
	return NULL;
}

static void
test_answered_at_once(void **state)
{
	struct payload p = { .in = 41 };
	pthread_t owner;

	assert_int_equal(pthread_create(&owner, NULL, turn_once, NULL), 0);
	assert_int_equal(ask(&rig.box, &at_once, &p, LONG_MS), WSD_E_UNKNOWN);
	assert_int_equal(p.out, 42);
	assert_int_equal(pthread_join(owner, NULL), 0);
	assert_int_equal(rig.dropped, 0);
}

static void
test_answered_later_by_another_thread(void **state)
{
	struct payload p = { .in = 1 };
	pthread_t owner;

	assert_int_equal(pthread_create(&owner, NULL, turn_and_answer, NULL), 0);
	assert_int_equal(ask(&rig.box, &hold, &p, LONG_MS), 7);
	assert_non_null(p.owned); /* the asker's now */
	free(p.owned);
	assert_int_equal(pthread_join(owner, NULL), 0);
	assert_int_equal(pthread_join(rig.answerer, NULL), 0);
	assert_int_equal(rig.dropped, 0);
}

static void
test_answered_too_late(void **state)
{
	struct payload p = { .in = 1 };

	assert_int_equal(ask(&rig.box, &hold, &p, 0), WSD_E_TIMEOUT);
	assert_null(p.owned);
	while (!rig.held)
		uv_run(&rig.loop, UV_RUN_ONCE);
	ask_answer(rig.held, WSD_OK);
	assert_int_equal(rig.dropped, 1);
}

static void
test_not_asked(void **state)
{
	struct payload p = { .in = 1 };

	assert_int_equal(ask(&rig.box, &hold, &p, 0), WSD_E_TIMEOUT);
	assert_int_equal(ask(&rig.box, &hold, &p, LONG_MS), WSD_E_BUSY); /* full */
	while (!rig.held)
		uv_run(&rig.loop, UV_RUN_ONCE);
	ask_answer(rig.held, WSD_OK);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answered_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answered_later_by_another_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answered_too_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_asked, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
