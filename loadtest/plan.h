/* SPDX-License-Identifier: MIT */
/*
 * A scenario as data: phases, each with the number of connections at its begin and end. The built-in
 * profiles, and the plan made from options alone. Pure.
 */
#ifndef WSLOAD_PLAN_H
#define WSLOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_PHASES 6

struct options;

struct phase {
	const char *name;
	uint64_t duration_ns; /* 0 with settle: as long as it takes */
	uint32_t from, to;    /* connections */
	bool send;            /* messages are sent */
	bool measure;         /* counts for rates and costs */
	bool settle;          /* does not end before every connection has come about or failed */
};

struct plan {
	struct phase phases[PLAN_PHASES];
	unsigned n;
};

struct profile {
	const char *name, *text;
	uint32_t connections;
	uint64_t interval_ns; /* between two messages of a connection */
	uint64_t up_ns, hold_ns, down_ns;
	const char *thresholds;
};

extern const struct profile profiles[];
extern const unsigned profiles_n;

const struct profile *profile_find(const char *name); /* NULL: none of that name */

void plan_make(struct plan *plan, const struct options *o);
uint64_t plan_duration_ns(const struct plan *plan); /* phases without a set duration count nothing */

/* Connections there should be at this time of the phase, and when in the phase the nth was due (ramps up
 * only). */
uint32_t phase_target(const struct phase *p, uint64_t into_ns);
uint64_t phase_due_ns(const struct phase *p, uint32_t nth);

/* What falls to process i of n. */
uint32_t plan_share(uint32_t all, unsigned i, unsigned n);

#endif
