/* SPDX-License-Identifier: MIT */
/*
 * The shards and their sums. Main makes the shards before the threads that write them start, and frees them
 * after these have been joined; in between the list does not change, so that any thread may walk it.
 */
#include "metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "metrics/metrics_priv.h"

#define METRIC_FAMILY(name, type, unit, help)
#define METRIC(id, labels)
#define METRIC_HISTOGRAM(id, name, unit, help, ...) static const double bounds_##id[] = { __VA_ARGS__ };
#include "metrics/metrics.def"
#undef METRIC_FAMILY
#undef METRIC
#undef METRIC_HISTOGRAM

#define BOUNDS(id) (sizeof(bounds_##id) / sizeof(bounds_##id[0]))

const struct metrics_bounds metrics_bounds[HISTOGRAMS] = {
#define METRIC_FAMILY(name, type, unit, help)
#define METRIC(id, labels)
#define METRIC_HISTOGRAM(id, name, unit, help, ...) [HISTOGRAM_##id] = { bounds_##id, BOUNDS(id) },
#include "metrics/metrics.def"
#undef METRIC_FAMILY
#undef METRIC
#undef METRIC_HISTOGRAM
};

#define METRIC_FAMILY(name, type, unit, help)
#define METRIC(id, labels)
#define METRIC_HISTOGRAM(id, name, unit, help, ...) \
	_Static_assert(BOUNDS(id) <= METRICS_BUCKETS_MAX, "too many buckets");
#include "metrics/metrics.def"
#undef METRIC_FAMILY
#undef METRIC
#undef METRIC_HISTOGRAM

static struct node *nodes;
static uint64_t bounds_ns[HISTOGRAMS][METRICS_BUCKETS_MAX];
static struct metrics_labels labels;

/* A shard and its place in the list. */
struct node {
	struct metrics_shard shard; /* first: aligned as the node is */
	struct node *next;
	bool kept; /* not ours to free */
};

static struct node *kept; /* the next that is not in use yet */
static uint32_t n_kept;   /* of them left */

void
metrics_init(const char *instance, const char *version)
{
	CHECK(!nodes);
	labels.instance = instance;
	labels.version = version;
	labels.start_time_s = metrics_process_start_time();
	for (unsigned h = 0; h < HISTOGRAMS; h++)
		for (unsigned i = 0; i < metrics_bounds[h].n; i++)
			bounds_ns[h][i] = (uint64_t)(metrics_bounds[h].seconds[i] * 1e9 + 0.5);
}

void
metrics_watch_log(uint64_t (*dropped)(void))
{
	labels.log_dropped = dropped;
}

void
metrics_deinit(void)
{
	while (nodes) {
		struct node *node = nodes;

		nodes = node->next;
		if (!node->kept)
			free(node);
	}
	n_kept = 0;
}

size_t
metrics_kept_bytes(uint32_t n)
{
	return n * sizeof(struct node);
}

void
metrics_keep(void *memory, uint32_t n)
{
	CHECK(!nodes);
	kept = memory;
	n_kept = n;
}

/* What was counted stays; what was measured is measured anew. */
static void
reset_gauges(struct metrics_shard *shard)
{
	bool gauge = false;

	for (const struct metrics_row *row = metrics_rows; row->kind != METRICS_ROW_END; row++) {
		if (row->kind == METRICS_ROW_FAMILY)
			gauge = strcmp(row->type, "gauge") == 0;
		else if (row->kind == METRICS_ROW_SAMPLE && gauge)
			metrics_set(shard, (enum metric)row->id, 0);
	}
}

static struct node *
take_kept(void)
{
	struct node *node = kept++;

	n_kept--;
	reset_gauges(&node->shard);
	node->kept = true;
	return node;
}

static struct node *
make_node(void)
{
	struct node *node = aligned_alloc(_Alignof(struct node), sizeof(*node));

	if (node)
		memset(node, 0, sizeof(*node));
	return node;
}

struct metrics_shard *
metrics_shard_create(void)
{
	struct node *node = n_kept > 0 ? take_kept() : make_node();

	if (!node)
		return NULL;
	node->next = nodes;
	nodes = node;
	return &node->shard;
}

const struct metrics_labels *
metrics_labels(void)
{
	return &labels;
}

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t was = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, was + n, memory_order_relaxed);
}

void
metrics_observe(struct metrics_shard *shard, enum metric_histogram id, uint64_t duration_ns, uint64_t n)
{
	const uint64_t *bounds = bounds_ns[id];
	_Atomic double *sum = &shard->hists[id].sum_s;
	unsigned low = 0, high = metrics_bounds[id].n;
	double was;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (duration_ns <= bounds[middle])
			high = middle;
		else
			low = middle + 1;
	}
	add(&shard->hists[id].buckets[low], n);
	was = atomic_load_explicit(sum, memory_order_relaxed);
	atomic_store_explicit(sum, was + (double)duration_ns * 1e-9 * (double)n, memory_order_relaxed);
}

void
metrics_http(struct metrics_shard *shard, enum metric_route route, int status)
{
	unsigned slot = 0, error = 0;

	for (; slot < METRICS_STATUS_SLOTS && metrics_statuses[slot] != status; slot++)
		if (metrics_statuses[slot] == 500)
			error = slot;
	if (slot == METRICS_STATUS_SLOTS || metrics_statuses[slot] == 0)
		slot = error;
	add(&shard->http[route][slot], 1);
}

int64_t
metrics_sum(enum metric id)
{
	int64_t sum = 0;

	for (const struct node *node = nodes; node; node = node->next)
		sum += atomic_load_explicit(&node->shard.values[id], memory_order_relaxed);
	return sum;
}

uint64_t
metrics_http_sum(enum metric_route route, unsigned slot)
{
	uint64_t sum = 0;

	for (const struct node *node = nodes; node; node = node->next)
		sum += atomic_load_explicit(&node->shard.http[route][slot], memory_order_relaxed);
	return sum;
}

double
metrics_hist_sum(enum metric_histogram id, uint64_t buckets[METRICS_BUCKETS_MAX + 1])
{
	double sum = 0;

	memset(buckets, 0, (METRICS_BUCKETS_MAX + 1) * sizeof(*buckets));
	for (const struct node *node = nodes; node; node = node->next) {
		const struct metrics_hist *h = &node->shard.hists[id];

		for (unsigned i = 0; i <= metrics_bounds[id].n; i++)
			buckets[i] += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		sum += atomic_load_explicit(&h->sum_s, memory_order_relaxed);
	}
	return sum;
}
