/* SPDX-License-Identifier: MIT */
/*
 * Log-linear histogram of durations: from 1 us to 18 minutes any percentile is within 1 % of the exact one;
 * below, within 8 ns. Plain memory without pointers, so it can live in a mapping that processes share, and
 * two of them merge by addition. One writer.
 */
#ifndef WSLOAD_HIST_H
#define WSLOAD_HIST_H

#include <stdint.h>

#define HIST_UNIT_BITS 4 /* the finest bucket is 16 ns wide */
#define HIST_SUB_BITS  6 /* 64 buckets for each doubling: half a bucket is 0.8 % */
#define HIST_TOP_BITS  40
#define HIST_OVER      ((HIST_TOP_BITS - HIST_UNIT_BITS - HIST_SUB_BITS + 1) << HIST_SUB_BITS) /* all longer ones */
#define HIST_BUCKETS   (HIST_OVER + 1)

struct hist {
	uint64_t n;
	uint64_t sum_ns;
	uint64_t min_ns; /* exact, as max_ns is; 0 while empty */
	uint64_t max_ns;
	uint64_t buckets[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t ns);
void hist_merge(struct hist *into, const struct hist *from);

/* Nearest rank: the smallest recorded value that at least percent of the values do not exceed. 0 while empty.
 */
uint64_t hist_percentile(const struct hist *h, double percent);
uint64_t hist_mean(const struct hist *h);

#endif
