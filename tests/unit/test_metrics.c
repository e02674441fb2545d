/* SPDX-License-Identifier: MIT */
/* Shards of several threads, their sums, where observations fall. */
#include "metrics/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/err.h"
#include "metrics/metrics_priv.h"

#define THREADS 4
#define ROUNDS  10000

static int
set_up(void **state)
{
	metrics_init("blue", "1.2.3");
	return 0;
}

static int
tear_down(void **state)
{
	metrics_deinit();
	return 0;
}

static void *
count(void *arg)
{
	struct metrics_shard *shard = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		metrics_add(shard, METRIC_OPENED, 1);
		metrics_add(shard, METRIC_CONNECTIONS, i % 2 ? -1 : 1);
		metrics_observe(shard, HISTOGRAM_MESSAGE_LATENCY, 500000000, 2);
		metrics_http(shard, ROUTE_WS, 101);
	}
	metrics_set(shard, METRIC_QUEUED_BYTES, 7);
	return NULL;
}

/* A scrape while they count reads something in between; after the join it is all there. */
static void
test_threads(void **state)
{
	uint64_t buckets[METRICS_BUCKETS_MAX + 1];
	pthread_t threads[THREADS];
	int64_t seen = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		struct metrics_shard *shard = metrics_shard_create();

		assert_non_null(shard);
		assert_int_equal((uintptr_t)shard % 64, 0);
		CHECK_ZERO(pthread_create(&threads[i], NULL, count, shard));
	}
	for (unsigned i = 0; i < 100; i++) {
		int64_t now = metrics_sum(METRIC_OPENED);

		assert_true(now >= seen && now <= THREADS * ROUNDS);
		seen = now;
	}
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_ZERO(pthread_join(threads[i], NULL));
	assert_int_equal(metrics_sum(METRIC_OPENED), THREADS * ROUNDS);
	assert_int_equal(metrics_sum(METRIC_CONNECTIONS), 0);
	assert_int_equal(metrics_sum(METRIC_QUEUED_BYTES), THREADS * 7);
	assert_int_equal(metrics_http_sum(ROUTE_WS, 0), THREADS * ROUNDS);
	assert_float_equal(metrics_hist_sum(HISTOGRAM_MESSAGE_LATENCY, buckets), THREADS * ROUNDS, 1e-6);
}

/* An upper bound belongs to its bucket, a ns more to the next. */
static void
test_bounds(void **state)
{
	struct metrics_shard *shard = metrics_shard_create();
	uint64_t buckets[METRICS_BUCKETS_MAX + 1];

	assert_non_null(shard);
	for (unsigned h = 0; h < HISTOGRAMS; h++) {
		const struct metrics_bounds *bounds = &metrics_bounds[h];

		metrics_observe(shard, (enum metric_histogram)h, 0, 1);
		for (unsigned i = 0; i < bounds->n; i++) {
			uint64_t ns = (uint64_t)(bounds->seconds[i] * 1e9 + 0.5);

			assert_true(i == 0 || bounds->seconds[i] > bounds->seconds[i - 1]);
			metrics_observe(shard, (enum metric_histogram)h, ns, 1);
			metrics_observe(shard, (enum metric_histogram)h, ns + 1, 1);
		}
		metrics_observe(shard, (enum metric_histogram)h, UINT64_MAX, 1);
		metrics_hist_sum((enum metric_histogram)h, buckets);
		for (unsigned i = 0; i <= bounds->n; i++)
			assert_int_equal(buckets[i], 2);
	}
}

static void
test_statuses(void **state)
{
	struct metrics_shard *shard = metrics_shard_create();
	uint64_t errors = 0;

	assert_non_null(shard);
	metrics_http(shard, ROUTE_OTHER, 299);
	metrics_http(shard, ROUTE_OTHER, 0);
	metrics_http(shard, ROUTE_OTHER, -1);
	for (unsigned i = 0; i < METRICS_STATUS_SLOTS; i++) {
		if (metrics_statuses[i] == 500)
			errors = metrics_http_sum(ROUTE_OTHER, i);
		else
			assert_int_equal(metrics_http_sum(ROUTE_OTHER, i), 0);
	}
	assert_int_equal(errors, 3);
	for (unsigned i = 0; i < METRICS_STATUS_SLOTS && metrics_statuses[i]; i++) {
		metrics_http(shard, ROUTE_ROOT, metrics_statuses[i]);
		assert_int_equal(metrics_http_sum(ROUTE_ROOT, i), 1);
	}
	for (unsigned i = 0; i < ROUTES; i++)
		assert_non_null(metrics_route_names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_statuses, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
