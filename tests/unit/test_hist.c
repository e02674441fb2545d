/* SPDX-License-Identifier: MIT */
/* The histogram against exact percentiles. */
#include "loadtest/hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 20000

static const double percents[] = { 0.1, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100 };

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint64_t state = 88172645463325252ull;

static uint64_t
random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* From microseconds to minutes, each size as likely as the next. */
static uint64_t
random_duration(void)
{
	return 1000 + (random64() >> (64 - 11 - random64() % 27));
}

static uint64_t
exact(const uint64_t *sorted, size_t n, double percent)
{
	size_t rank = (size_t)(percent / 100 * (double)n);

	if ((double)rank < percent / 100 * (double)n - 1e-9)
		rank++;
	return sorted[rank ? rank - 1 : 0];
}

static void
assert_close(uint64_t got, uint64_t want)
{
	uint64_t off = got > want ? got - want : want - got;

	assert_true((double)off <= (double)want * 0.01);
}

static void
test_percentiles_within_one_percent(void **test_state)
{
	static uint64_t values[N];
	struct hist *h = calloc(1, sizeof(*h));
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++) {
		values[i] = random_duration();
		sum += values[i];
		hist_add(h, values[i]);
	}
	qsort(values, N, sizeof(*values), compare);
	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++)
		assert_close(hist_percentile(h, percents[i]), exact(values, N, percents[i]));
	assert_int_equal(h->min_ns, values[0]);
	assert_int_equal(h->max_ns, values[N - 1]);
	assert_int_equal(hist_mean(h), sum / N);
	assert_int_equal(hist_percentile(h, 100), values[N - 1]);
	free(h);
}

/* Each value alone, around every border between buckets. */
static void
test_every_magnitude(void **test_state)
{
	for (unsigned bit = 10; bit < 40; bit++) {
		for (uint64_t k = 0; k < 300; k++) {
			uint64_t value = (1ull << bit) + k * (1ull << bit) / 300;
			struct hist *h = calloc(1, sizeof(*h));

			hist_add(h, value / 2);
			hist_add(h, value);
			hist_add(h, value * 2);
			assert_close(hist_percentile(h, 50), value);
			free(h);
		}
	}
}

static void
test_the_whole_range_is_taken(void **test_state)
{
	struct hist *h = calloc(1, sizeof(*h));

	assert_int_equal(hist_percentile(h, 50), 0);
	assert_int_equal(hist_mean(h), 0);
	hist_add(h, 0);
	hist_add(h, 7);
	hist_add(h, 1ull << 41);
	hist_add(h, UINT64_MAX);
	assert_int_equal(h->n, 4);
	assert_true(hist_percentile(h, 50) <= 16);
	assert_int_equal(hist_percentile(h, 100), UINT64_MAX);
	free(h);
}

static void
test_merging_is_adding(void **test_state)
{
	struct hist *all = calloc(1, sizeof(*all)), *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));

	for (int i = 0; i < 5000; i++) {
		uint64_t value = random_duration();

		hist_add(all, value);
		hist_add(i % 3 ? a : b, value);
	}
	hist_merge(a, b);
	assert_memory_equal(a, all, sizeof(*a));
	memset(b, 0, sizeof(*b));
	hist_merge(a, b);
	assert_memory_equal(a, all, sizeof(*a));
	hist_merge(b, all);
	assert_memory_equal(b, all, sizeof(*b));
	free(all);
	free(a);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles_within_one_percent),
		cmocka_unit_test(test_every_magnitude),
		cmocka_unit_test(test_the_whole_range_is_taken),
		cmocka_unit_test(test_merging_is_adding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
