/* SPDX-License-Identifier: MIT */
/* The timer wheel against a slow model, and callbacks that meddle with other timers. */
#include "loop/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMERS 200

struct entry {
	struct wheel_timer timer; /* first: LIST_ENTRY finds it by that */
	unsigned n;
};

/* What the wheel should do: a table that is looked through at each tick. */
struct model {
	bool set[TIMERS];
	uint64_t due_tick[TIMERS];
	uint64_t now; /* tick */
};

struct rig {
	struct wheel wheel;
	struct entry entries[TIMERS];
	struct model model;
	uint64_t start_ms;
	uint32_t tick_ms;
	uint64_t random;
	bool meddle;
	unsigned fired;
};

static uint32_t
chance(struct rig *rig, uint32_t below)
{
	rig->random = rig->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((rig->random >> 33) % below);
}

static void
set(struct rig *rig, unsigned n, uint64_t deadline_ms)
{
	uint64_t tick = 0;

	wheel_set(&rig->wheel, &rig->entries[n].timer, deadline_ms);
	if (deadline_ms > rig->start_ms)
		tick = (deadline_ms - rig->start_ms + rig->tick_ms - 1) / rig->tick_ms;
	rig->model.set[n] = true;
	rig->model.due_tick[n] = tick > rig->model.now ? tick : rig->model.now + 1;
}

static void
clear(struct rig *rig, unsigned n)
{
	wheel_clear(&rig->entries[n].timer);
	rig->model.set[n] = false;
}

/* The wheel runs a tick; the model must agree that this timer is due in it. */
static void
on_due(struct wheel_timer *timer, void *arg)
{
	struct rig *rig = arg;
	struct entry *entry = (struct entry *)timer;
	unsigned n = entry->n;

	rig->fired++;
	rig->model.now = rig->wheel.now;
	assert_true(rig->model.set[n]);
	assert_true(rig->model.due_tick[n] == rig->model.now);
	assert_true(list_empty(&timer->node));
	rig->model.set[n] = false;
	if (!rig->meddle)
		return;
	for (unsigned i = chance(rig, 4); i > 0; i--) {
		uint64_t now_ms = rig->start_ms + rig->model.now * rig->tick_ms;
		unsigned other = chance(rig, 4) == 0 ? n : chance(rig, TIMERS);

		switch (chance(rig, 3)) {
		case 0:
			clear(rig, other);
			break;
		case 1: /* also such as are due already */
			set(rig, other,
			    now_ms + chance(rig, 5 * rig->tick_ms) - (now_ms >= rig->tick_ms ? rig->tick_ms : 0));
			break;
		default:
			set(rig, other, now_ms + chance(rig, 2000 * rig->tick_ms));
			break;
		}
	}
}

static void
run(struct rig *rig, uint64_t now_ms)
{
	uint64_t tick = (now_ms - rig->start_ms) / rig->tick_ms;

	wheel_run(&rig->wheel, now_ms);
	rig->model.now = tick > rig->model.now ? tick : rig->model.now;
	assert_true(rig->wheel.now == rig->model.now);
	for (unsigned n = 0; n < TIMERS; n++) { /* none was forgotten */
		assert_true(!rig->model.set[n] || rig->model.due_tick[n] > rig->model.now);
		assert_true(rig->model.set[n] == !list_empty(&rig->entries[n].timer.node));
	}
}

static void
init(struct rig *rig, uint32_t tick_ms, uint64_t start_ms, uint64_t seed)
{
	memset(rig, 0, sizeof(*rig));
	rig->tick_ms = tick_ms;
	rig->start_ms = start_ms;
	rig->random = seed;
	wheel_init(&rig->wheel, tick_ms, start_ms, on_due, rig);
	for (unsigned n = 0; n < TIMERS; n++) {
		rig->entries[n].n = n;
		wheel_timer_init(&rig->entries[n].timer);
	}
}

/* As if it had run for that many ticks already. */
static void
age(struct rig *rig, uint64_t ticks)
{
	rig->wheel.now = ticks;
	rig->model.now = ticks;
}

static void
play(struct rig *rig, unsigned steps)
{
	uint64_t now_ms = rig->start_ms + rig->model.now * rig->tick_ms;

	for (unsigned step = 0; step < steps; step++) {
		unsigned n = chance(rig, TIMERS);

		switch (chance(rig, 8)) {
		case 0:
			clear(rig, n);
			break;
		case 1:
			now_ms += chance(rig, 3 * rig->tick_ms);
			run(rig, now_ms);
			break;
		case 2: /* a jump, at times of some turns of the wheel */
			now_ms += chance(rig, (chance(rig, 8) ? 50 : 3 * WHEEL_SLOTS) * rig->tick_ms);
			run(rig, now_ms);
			break;
		case 3: /* deadlines on a tick, or a multiple of a turn away */
			set(rig, n, now_ms - now_ms % rig->tick_ms + chance(rig, 5) * WHEEL_SLOTS * rig->tick_ms);
			break;
		case 4: /* in the past */
			set(rig, n, chance(rig, 2) ? 0 : now_ms - chance(rig, 2));
			break;
		default:
			set(rig, n, now_ms + chance(rig, 1000 * rig->tick_ms));
			break;
		}
	}
}

static void
test_model(void **state)
{
	static const uint32_t ticks[] = { 1, 5, 10, 100 };
	struct rig *rig = malloc(sizeof(*rig));

	assert_non_null(rig);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned meddle = 0; meddle < 2; meddle++) {
			init(rig, ticks[i], 1000 + 7 * i, 1 + i);
			rig->meddle = meddle;
			play(rig, 30000);
			assert_true(rig->fired > 1000);
		}
	}
	free(rig);
}

/* A timer keeps 32 bits of its tick: at 5 ms these wrap after 248 days. Half-way there, deadlines long past
 * were taken for ones far ahead. */
static void
test_wrap(void **state)
{
	static const uint64_t before[] = { (1ull << 31) - 300, (1ull << 32) - 300, 3 * (1ull << 32) - 300 };
	struct rig *rig = malloc(sizeof(*rig));

	assert_non_null(rig);
	for (unsigned i = 0; i < 3; i++) {
		init(rig, 5, 12345, 99 + i);
		age(rig, before[i]);
		rig->meddle = true;
		play(rig, 20000);
		assert_true(rig->model.now > before[i] + 300);
	}
	free(rig);
}

static void
test_far_ahead(void **state)
{
	static const uint64_t ticks[] = { INT32_MAX, 1ull << 31, UINT32_MAX, 1ull << 32, 1ull << 40 };
	struct rig *rig = malloc(sizeof(*rig));

	assert_non_null(rig);
	for (unsigned i = 0; i < 5; i++) {
		init(rig, 1, 0, 1);
		wheel_set(&rig->wheel, &rig->entries[0].timer, ticks[i]);
		wheel_run(&rig->wheel, 100000);
		assert_false(list_empty(&rig->entries[0].timer.node));
	}
	free(rig);
}

static void
test_exact(void **state)
{
	struct rig *rig = malloc(sizeof(*rig));

	assert_non_null(rig);
	init(rig, 10, 1000, 1);
	set(rig, 0, 1020); /* on a tick */
	set(rig, 1, 1021); /* the next one */
	set(rig, 2, 500);  /* before the wheel began: with the first */
	run(rig, 1009);
	assert_int_equal(rig->fired, 0);
	run(rig, 1010);
	assert_int_equal(rig->fired, 1);
	run(rig, 1019);
	assert_int_equal(rig->fired, 1);
	run(rig, 1020);
	assert_int_equal(rig->fired, 2);
	run(rig, 1029);
	assert_int_equal(rig->fired, 2);
	run(rig, 1030);
	assert_int_equal(rig->fired, 3);

	wheel_run(&rig->wheel, 0); /* a clock that went back */
	wheel_run(&rig->wheel, 1015);
	assert_int_equal(rig->wheel.now, 3);
	set(rig, 0, 1015); /* is late already: with the next tick, not in 2^32 */
	run(rig, 1040);
	assert_int_equal(rig->fired, 4);
	free(rig);
}

/* ---- callbacks that free --------------------------------------------------------------------- */

static struct entry *others[3];
static unsigned freed, fired;

static void
free_all(struct wheel_timer *timer, void *arg)
{
	fired++;
	for (unsigned i = 0; i < 3; i++) {
		if (!others[i])
			continue;
		wheel_clear(&others[i]->timer);
		free(others[i]);
		others[i] = NULL;
		freed++;
	}
}

/* Whichever is called first frees all, itself and those that are due in the same tick among them. */
static void
test_free_others(void **state)
{
	struct wheel wheel;

	wheel_init(&wheel, 10, 0, free_all, NULL);
	for (unsigned i = 0; i < 3; i++) {
		others[i] = malloc(sizeof(*others[i]));
		assert_non_null(others[i]);
		wheel_timer_init(&others[i]->timer);
		wheel_set(&wheel, &others[i]->timer, i == 2 ? 10 + WHEEL_SLOTS * 10 : 10); /* one in the same slot */
	}
	wheel_run(&wheel, 20000);
	assert_int_equal(fired, 1);
	assert_int_equal(freed, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),     cmocka_unit_test(test_model),       cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_far_ahead), cmocka_unit_test(test_free_others),
	};

	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
