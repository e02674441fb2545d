/* SPDX-License-Identifier: MIT */
/* The live line: phase, connections, messages a second, p95, errors, time left. */
#include "loadtest/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "loadtest/options.h"
#include "loadtest/plan.h"
#include "loadtest/shared.h"
#include "loadtest/units.h"

#define LINE_ROOM 256

void
progress_init(struct progress *p, const struct options *o)
{
	*p = (struct progress){ .redraws = terminal_redraws(STDERR_FILENO) };
	p->on = !o->quiet && (o->progress == PROGRESS_ON || (o->progress == PROGRESS_AUTO && isatty(STDERR_FILENO)));
}

struct sums {
	uint64_t open, answered, errors, p95_ns;
};

/* The processes go on writing meanwhile; a line that is off by a message or two does no harm. */
static void
sum_up(struct sums *s, struct shared *shared, const struct options *o)
{
	struct hist *latency = calloc(1, sizeof(*latency));

	*s = (struct sums){ 0, 0, 0, 0 };
	for (unsigned i = 0; i < o->processes; i++) {
		struct stats *st = &shared->stats[i];
		unsigned n = st->n_slots;

		s->open += st->open;
		s->answered += st->answered;
		s->errors += stats_errors(st) + st->connect_failed;
		for (unsigned k = n > 2 ? n - 2 : 0; latency && k < n && k < STATS_SLOTS; k++)
			hist_merge(latency, &st->slots[k].latency);
	}
	if (latency)
		s->p95_ns = hist_percentile(latency, 95);
	free(latency);
}

static uint64_t
time_left_ns(const struct plan *plan, unsigned phase, uint64_t into_ns)
{
	uint64_t left = 0;

	for (unsigned i = phase; i < plan->n; i++)
		left += plan->phases[i].duration_ns;
	return left > into_ns ? left - into_ns : 0;
}

void
progress_show(struct progress *p, const struct options *o, const struct plan *plan, struct shared *shared)
{
	uint64_t now = clock_mono_ns(), start;
	unsigned phase;
	struct sums s;
	char p95[UNITS_TEXT_MAX], line[LINE_ROOM];
	double rate;

	if (!p->on || now - p->at_ns < (p->redraws ? 500 : 5000) * CLOCK_NS_PER_MS)
		return;
	sum_up(&s, shared, o);
	phase = atomic_load(&shared->phase);
	start = atomic_load(&shared->phase_start_ns);
	rate = p->at_ns ? (double)(s.answered - p->answered) * 1e9 / (double)(now - p->at_ns) : 0;
	snprintf(line, sizeof(line), "%-8s %6llu connections  %8.0f msg/s  p95 %-8s %llu errors  %llus left",
		 phase < plan->n ? plan->phases[phase].name : "closing", (unsigned long long)s.open, rate,
		 units_print_ns(p95, s.p95_ns), (unsigned long long)s.errors,
		 (unsigned long long)(time_left_ns(plan, phase, now > start ? now - start : 0) / CLOCK_NS_PER_S));
	if (p->redraws)
		terminal_draw(stderr, line);
	else
		fprintf(stderr, "%s\n", line);
	p->answered = s.answered;
	p->at_ns = now;
	p->shown = true;
}

void
progress_end(struct progress *p)
{
	if (p->shown && p->redraws)
		terminal_draw(stderr, "");
}
