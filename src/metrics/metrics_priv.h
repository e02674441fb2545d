/* SPDX-License-Identifier: MIT */
/* What the files of metrics/ share: the tables made of metrics.def, sums over all shards, figures of the
 * process. */
#ifndef WSD_METRICS_METRICS_PRIV_H
#define WSD_METRICS_METRICS_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "metrics/metrics.h"

struct metrics_bounds {
	const double *seconds; /* upper bounds, rising */
	unsigned n;
};

extern const struct metrics_bounds metrics_bounds[HISTOGRAMS];

/* The statuses that are counted; unused slots are 0. [const] */
extern const uint16_t metrics_statuses[METRICS_STATUS_SLOTS];

/* The routes as the path label shows them. [const] */
extern const char *const metrics_route_names[ROUTES];

/* metrics.def as rows, in its order; a family is followed by its samples. */
enum metrics_row_kind { METRICS_ROW_FAMILY, METRICS_ROW_SAMPLE, METRICS_ROW_HISTOGRAM, METRICS_ROW_END };

struct metrics_row {
	enum metrics_row_kind kind;
	unsigned id;        /* SAMPLE: enum metric; HISTOGRAM: enum metric_histogram */
	const char *name;   /* FAMILY, HISTOGRAM */
	const char *type;   /* FAMILY, HISTOGRAM */
	const char *unit;   /* FAMILY, HISTOGRAM */
	const char *help;   /* FAMILY, HISTOGRAM */
	const char *labels; /* SAMPLE */
};

extern const struct metrics_row metrics_rows[]; /* up to METRICS_ROW_END */

/* Set by metrics_init() and metrics_watch_log(). [const after start] */
struct metrics_labels {
	const char *instance;
	const char *version;
	double start_time_s;
	uint64_t (*log_dropped)(void); /* NULL: nobody tells */
};

const struct metrics_labels *metrics_labels(void);

uint64_t metrics_http_sum(enum metric_route route, unsigned slot);

/* Fills buckets (not cumulative) and returns the sum of the observations in seconds. */
double metrics_hist_sum(enum metric_histogram id, uint64_t buckets[METRICS_BUCKETS_MAX + 1]);

/* From /proc/self and the kernel's clocks. What cannot be read is false, or 0 for the start time. */
struct metrics_process {
	double cpu_s;
	uint64_t resident_bytes, virtual_bytes, open_fds, max_fds, threads;
	bool have_memory, have_fds; /* memory: and threads */
};

void metrics_process_read(struct metrics_process *out);
double metrics_process_start_time(void);

#endif
