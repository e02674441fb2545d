/* SPDX-License-Identifier: MIT */
/* Profiles and plans. */
#include "loadtest/plan.h"

#include <string.h>

#include "loadtest/options.h"

#define S       1000000000ull
#define MIN     (60 * S)
#define TARGETS "connect_p95>2s latency_p95>1s success<95% errors>1%"

const struct profile profiles[] = {
	{ "smoke", "20 connections for 5 s, 100 messages a second: does it work at all", 20, S / 5, 1 * S, 5 * S, 0,
	  TARGETS " lost>0 closed>0 repeated>0" },
	{ "ramp", "up to 1,000 connections over 4 min, 1 min there, and down", 1000, 1 * S, 4 * MIN, 1 * MIN, 30 * S,
	  TARGETS },
	{ "stress", "2,000 connections for 10 min", 2000, 1 * S, 30 * S, 10 * MIN, 30 * S, TARGETS },
	{ "spike", "5,000 connections within 30 s, 1 min there, and down", 5000, 1 * S, 30 * S, 1 * MIN, 30 * S,
	  TARGETS },
};

const unsigned profiles_n = sizeof(profiles) / sizeof(*profiles);

const struct profile *
profile_find(const char *name)
{
	for (unsigned i = 0; i < profiles_n; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

static void
add(struct plan *plan, struct phase phase)
{
	plan->phases[plan->n++] = phase;
}

static uint64_t
scaled(uint64_t ns, double by)
{
	return (uint64_t)((double)ns * by);
}

void
plan_make(struct plan *plan, const struct options *o)
{
	uint32_t n = o->connections;
	bool paced = o->connect_rate > 0 && o->connect_parallel == 0;
	uint64_t connect_ns = paced ? (uint64_t)((double)n * 1e9 / o->connect_rate) : 0;

	plan->n = 0;
	if (o->profile) {
		const struct profile *p = o->profile;

		add(plan, (struct phase){ "up", scaled(p->up_ns, o->scale), 0, n, true, false, false });
		add(plan, (struct phase){ "hold", o->duration_set ? o->duration_ns : scaled(p->hold_ns, o->scale), n, n,
					  true, true, false });
		if (p->down_ns)
			add(plan, (struct phase){ "down", scaled(p->down_ns, o->scale), n, 0, true, false, false });
		return;
	}
	add(plan, (struct phase){ "connect", scaled(connect_ns, o->scale), 0, n, false, false, true });
	add(plan, (struct phase){ "hold", scaled(o->duration_ns, o->scale), n, n, true, true, false });
}

uint64_t
plan_duration_ns(const struct plan *plan)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < plan->n; i++)
		sum += plan->phases[i].duration_ns;
	return sum;
}

uint32_t
phase_target(const struct phase *p, uint64_t into_ns)
{
	double done;

	if (into_ns >= p->duration_ns)
		return p->to;
	done = (double)into_ns / (double)p->duration_ns;
	return (uint32_t)((double)p->from + ((double)p->to - (double)p->from) * done + (p->to > p->from ? 0 : 0.999));
}

uint64_t
phase_due_ns(const struct phase *p, uint32_t nth)
{
	if (p->to <= p->from || nth <= p->from)
		return 0;
	return (uint64_t)((double)p->duration_ns * (double)(nth - p->from) / (double)(p->to - p->from));
}

uint32_t
plan_share(uint32_t all, unsigned i, unsigned n)
{
	return (all + n - 1 - i) / n;
}
