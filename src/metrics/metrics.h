/* SPDX-License-Identifier: MIT */
/*
 * Counters of the whole server. metrics.def declares them as data; it makes the enums, the Prometheus text
 * and wsd-metrics(7).
 *
 * Each thread writes to a shard of its own with relaxed atomics (no two threads share a cache line); a scrape
 * sums the shards. A shard is written by its thread only and may be read by any.
 */
#ifndef WSD_METRICS_METRICS_H
#define WSD_METRICS_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metric {
#define METRIC_FAMILY(name, type, unit, help)
#define METRIC(id, labels) METRIC_##id,
#define METRIC_HISTOGRAM(id, name, unit, help, ...)
#include "metrics/metrics.def"
#undef METRIC_FAMILY
#undef METRIC
#undef METRIC_HISTOGRAM
	METRICS
};

enum metric_histogram {
#define METRIC_FAMILY(name, type, unit, help)
#define METRIC(id, labels)
#define METRIC_HISTOGRAM(id, name, unit, help, ...) HISTOGRAM_##id,
#include "metrics/metrics.def"
#undef METRIC_FAMILY
#undef METRIC
#undef METRIC_HISTOGRAM
	HISTOGRAMS
};

#define METRICS_BUCKETS_MAX 24

/* HTTP answers are counted by route and status. The lists are short and fixed, so that a client cannot make
 * new series. */
enum metric_route {
	ROUTE_ROOT,
	ROUTE_ASSETS,
	ROUTE_WS,
	ROUTE_HEALTH,
	ROUTE_HEALTHZ,
	ROUTE_READYZ,
	ROUTE_METRICS,
	ROUTE_API,
	ROUTE_CONNECTIONS,
	ROUTE_CONNECTION,
	ROUTE_MESSAGES,
	ROUTE_DRAIN,
	ROUTE_ACCEPT,
	ROUTE_HANDOFF,
	ROUTE_LOG_LEVEL,
	ROUTE_OTHER,
	ROUTES
};

#define METRICS_STATUS_SLOTS 32

struct metrics_hist {
	_Atomic uint64_t buckets[METRICS_BUCKETS_MAX + 1]; /* the last: above all bounds; not cumulative */
	/* an integer of ns would wrap after three weeks of 10,000 connections' durations */
	_Atomic double sum_s;
};

struct metrics_shard {
	_Alignas(64) _Atomic int64_t values[METRICS];
	struct metrics_hist hists[HISTOGRAMS];
	_Atomic uint64_t http[ROUTES][METRICS_STATUS_SLOTS];
};

/* One writer a shard: a plain load and store, no locked instruction. */
static inline void
metrics_add(struct metrics_shard *shard, enum metric id, int64_t n)
{
	int64_t was = atomic_load_explicit(&shard->values[id], memory_order_relaxed);

	atomic_store_explicit(&shard->values[id], was + n, memory_order_relaxed);
}

static inline void
metrics_set(struct metrics_shard *shard, enum metric id, int64_t value)
{
	atomic_store_explicit(&shard->values[id], value, memory_order_relaxed);
}

/* Counts n observations of the same duration. */
void metrics_observe(struct metrics_shard *shard, enum metric_histogram id, uint64_t duration_ns, uint64_t n);

/* Counts one HTTP answer; a status we never send counts as 500. */
void metrics_http(struct metrics_shard *shard, enum metric_route route, int status);

/*
 * The set of shards of the process. metrics_shard_create() in main before the threads start; the shards live
 * until metrics_deinit(), after all threads have been joined.
 */
void metrics_init(const char *instance, const char *version);
void metrics_deinit(void);
/* Who tells how many log lines were dropped, whichever thread asks; in main before the threads start. */
void metrics_watch_log(uint64_t (*dropped)(void));
struct metrics_shard *metrics_shard_create(void); /* NULL: out of memory */

/* Memory for the first n shards to be created, metrics_kept_bytes(n) of it, zeroed or as a process before this one has
 * left it: then counters go on from where they were. It must outlive metrics_deinit(). Before the first shard. */
size_t metrics_kept_bytes(uint32_t n);
void metrics_keep(void *memory, uint32_t n);

/* Sum over all shards; any thread. */
int64_t metrics_sum(enum metric id);

/*
 * Writes all families in the Prometheus text format 0.0.4, process_* (from /proc/self) and wsd_build_info
 * among them. Any thread. WSD_OK or -ENOMEM / -EIO when the stream failed.
 */
int metrics_text(FILE *to);

/* The table as roff source for wsd-metrics(7). */
void metrics_print_man(FILE *to);

#endif
