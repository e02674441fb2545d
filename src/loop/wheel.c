/* SPDX-License-Identifier: MIT */
/* Timer wheel. */
#include "loop/wheel.h"

#include "base/check.h"

void
wheel_init(struct wheel *wheel, uint32_t tick_ms, uint64_t now_ms, wheel_due_cb due, void *arg)
{
	CHECK(tick_ms > 0);
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		list_init(&wheel->slots[i]);
	wheel->start_ms = now_ms;
	wheel->tick_ms = tick_ms;
	wheel->now = 0;
	wheel->due = due;
	wheel->arg = arg;
}

void
wheel_timer_init(struct wheel_timer *timer)
{
	list_init(&timer->node);
	timer->due = 0;
}

/* The first tick at or after the deadline, and after the last one that was run; its low bits, as it comes
 * within a turn of them. */
static uint32_t
tick_of(const struct wheel *wheel, uint64_t deadline_ms)
{
	uint64_t tick = 0;

	if (deadline_ms > wheel->start_ms)
		tick = (deadline_ms - wheel->start_ms + wheel->tick_ms - 1) / wheel->tick_ms;
	if (tick <= wheel->now)
		tick = wheel->now + 1;
	if (tick - wheel->now > UINT32_MAX)
		tick = wheel->now + UINT32_MAX;
	return (uint32_t)tick;
}

void
wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms)
{
	timer->due = tick_of(wheel, deadline_ms);
	list_unlink(&timer->node);
	list_append(&wheel->slots[timer->due % WHEEL_SLOTS], &timer->node);
}

void
wheel_clear(struct wheel_timer *timer)
{
	list_unlink(&timer->node);
}

static void
run_tick(struct wheel *wheel)
{
	struct list *slot = &wheel->slots[wheel->now % WHEEL_SLOTS];
	struct list due;

	/* First take out what is due, so that callbacks may set and clear anything, then call. */
	list_init(&due);
	list_foreach (node, slot) {
		struct wheel_timer *timer = LIST_ENTRY(node, struct wheel_timer, node);

		if (timer->due == (uint32_t)wheel->now) {
			list_unlink(node);
			list_append(&due, node);
		}
	}
	while (!list_empty(&due)) {
		struct wheel_timer *timer = LIST_ENTRY(due.next, struct wheel_timer, node);

		list_unlink(&timer->node);
		wheel->due(timer, wheel->arg);
	}
}

void
wheel_run(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t target;

	if (now_ms < wheel->start_ms)
		return;
	target = (now_ms - wheel->start_ms) / wheel->tick_ms;
	while (wheel->now < target) {
		wheel->now++;
		run_tick(wheel);
	}
}
