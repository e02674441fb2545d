/* SPDX-License-Identifier: MIT */
/* Log-linear histogram: bucket arithmetic. */
#include "loadtest/hist.h"

#include <math.h>

#define SUB (1u << HIST_SUB_BITS)

static unsigned
bucket_of(uint64_t ns)
{
	uint64_t units = ns >> HIST_UNIT_BITS;
	unsigned shift;

	if (units < SUB)
		return (unsigned)units;
	shift = 63u - (unsigned)__builtin_clzll(units) - HIST_SUB_BITS;
	if (shift > HIST_TOP_BITS - HIST_UNIT_BITS - HIST_SUB_BITS - 1)
		return HIST_OVER;
	return (shift << HIST_SUB_BITS) + (unsigned)(units >> shift);
}

static uint64_t
bucket_middle(unsigned bucket)
{
	unsigned shift = bucket < 2 * SUB ? 0 : (bucket >> HIST_SUB_BITS) - 1;
	uint64_t low = bucket < 2 * SUB ? bucket : (uint64_t)((bucket & (SUB - 1)) + SUB) << shift;

	return (low << HIST_UNIT_BITS) + (1ull << (shift + HIST_UNIT_BITS)) / 2;
}

void
hist_add(struct hist *h, uint64_t ns)
{
	h->buckets[bucket_of(ns)]++;
	h->sum_ns += ns;
	if (h->n++ == 0 || ns < h->min_ns)
		h->min_ns = ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
	if (from->n == 0)
		return;
	if (into->n == 0 || from->min_ns < into->min_ns)
		into->min_ns = from->min_ns;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	into->n += from->n;
	into->sum_ns += from->sum_ns;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

uint64_t
hist_percentile(const struct hist *h, double percent)
{
	uint64_t seen = 0, rank, value;

	if (h->n == 0)
		return 0;
	rank = (uint64_t)ceil(percent / 100.0 * (double)h->n - 1e-9);
	if (rank >= h->n)
		return h->max_ns;
	if (rank <= 1)
		return h->min_ns;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank) {
			value = bucket_middle(i);
			if (value > h->max_ns || i == HIST_OVER)
				return h->max_ns;
			return value < h->min_ns ? h->min_ns : value;
		}
	}
	return h->max_ns;
}

uint64_t
hist_mean(const struct hist *h)
{
	return h->n ? h->sum_ns / h->n : 0;
}
