/* SPDX-License-Identifier: MIT */
/*
 * Timer wheel: one loop timer serves any number of deadlines; setting and clearing one is O(1), and a tick
 * touches only the timers of one slot. Deadlines are met at the first tick at or after them. Pure but for the
 * callback; one thread at a time. (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987,
 * scheme 6.)
 */
#ifndef WSD_LOOP_WHEEL_H
#define WSD_LOOP_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define WHEEL_SLOTS 512

struct wheel_timer {
	struct list node;
	uint32_t due; /* tick, its low bits */
};

typedef void (*wheel_due_cb)(struct wheel_timer *timer, void *arg);

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t start_ms;
	uint64_t now; /* the last tick that was run */
	uint32_t tick_ms;
	wheel_due_cb due;
	void *arg;
};

/* tick_ms: at least 1. Deadlines reach 2^32 - 1 ticks ahead; later ones are met then. */
void wheel_init(struct wheel *wheel, uint32_t tick_ms, uint64_t now_ms, wheel_due_cb due, void *arg);

void wheel_timer_init(struct wheel_timer *timer);
/* Sets or moves the deadline (ms on the clock that wheel_run() is given). */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms);
void wheel_clear(struct wheel_timer *timer);

/* Runs the callback of each timer whose deadline has come; the timer is unset then, and the callback may set
 * it again or free it (and may clear or free any other). */
void wheel_run(struct wheel *wheel, uint64_t now_ms);

#endif
