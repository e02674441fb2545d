/* SPDX-License-Identifier: MIT */
/* Threshold expressions: parser and verdict. */
#include "loadtest/thresholds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "loadtest/procstat.h"
#include "loadtest/stats.h"

static struct stats *st;

static int
set_up(void **state)
{
	st = calloc(1, sizeof(*st));
	return st ? 0 : -1;
}

static int
tear_down(void **state)
{
	free(st);
	return 0;
}

static bool
fails(const char *text)
{
	struct thresholds t = { .n = 0 };
	const char *bad;

	assert_int_equal(thresholds_parse(&t, text, &bad), WSD_OK);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.list[0].text, text);
	return threshold_judge(&t.list[0], st, NULL).failed;
}

static void
test_lists(void **state)
{
	struct thresholds t = { .n = 0 };
	const char *bad;

	assert_int_equal(thresholds_parse(&t, " connect_p95>2s, latency_p95>1s  errors>1%,,success<95% ", &bad),
			 WSD_OK);
	assert_int_equal(t.n, 4);
	assert_string_equal(t.list[2].text, "errors>1%");
	assert_int_equal(thresholds_parse(&t, "closed>0 lost>0", &bad), WSD_OK);
	assert_int_equal(t.n, 6);
	assert_int_equal(thresholds_parse(&t, "", &bad), WSD_OK);
	assert_int_equal(t.n, 6);
	while (thresholds_parse(&t, "lost>0", &bad) == WSD_OK)
		;
	assert_int_equal(t.n, THRESHOLDS_MAX);
	assert_int_equal(thresholds_parse(&t, "lost>0", &bad), WSD_E_FULL);
}

static void
test_bad_expressions(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} bad[] = {
		{ "nonsense>1", WSD_E_UNKNOWN },
		{ "latency>1s", WSD_E_UNKNOWN },
		{ "latency_p0>1s", WSD_E_UNKNOWN },
		{ "latency_p101>1s", WSD_E_UNKNOWN },
		{ "latency_95>1s", WSD_E_UNKNOWN },
		{ "lost_p95>1", WSD_E_UNKNOWN },
		{ "latency_p95", WSD_E_MALFORMED },
		{ "latency_p95>", WSD_E_MALFORMED },
		{ ">1s", WSD_E_MALFORMED },
		{ "latency_p95=1s", WSD_E_MALFORMED },
		{ "latency_p95>1%", WSD_E_MALFORMED },
		{ "errors>1s", WSD_E_MALFORMED },
		{ "errors>101%", WSD_E_MALFORMED },
		{ "errors>%", WSD_E_MALFORMED },
		{ "errors>2", WSD_E_MALFORMED },
		{ "lost>-1", WSD_E_MALFORMED },
		{ "lost>1s", WSD_E_MALFORMED },
		{ "lost>>1", WSD_E_MALFORMED },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>1", WSD_E_MALFORMED },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct thresholds t = { .n = 0 };
		const char *at = NULL;

		assert_int_equal(thresholds_parse(&t, bad[i].text, &at), bad[i].rc);
		assert_ptr_equal(at, bad[i].text);
		assert_int_equal(t.n, 0);
	}
}

static void
test_distributions(void **state)
{
	assert_true(fails("latency_p95>1s")); /* nothing measured is no success */
	for (uint64_t i = 1; i <= 1000; i++)
		hist_add(&st->latency, i * 1000000);
	assert_false(fails("latency_p95>960ms"));
	assert_true(fails("latency_p95>940ms"));
	assert_true(fails("latency_p99.9>980ms"));
	assert_false(fails("latency_max>1s"));
	assert_true(fails("latency_max>=1s"));
	assert_false(fails("latency_mean>501ms"));
	assert_true(fails("latency_mean<501ms"));
	assert_true(fails("downtime_max>1h"));
}

static void
test_shares_and_counts(void **state)
{
	st->attempts = 200;
	st->connected = 190;
	st->sent = 1000;
	st->lost = 5;
	st->repeated = 5;
	assert_false(fails("success<95%"));
	assert_true(fails("success<=95%"));
	assert_true(fails("success<0.96"));
	assert_false(fails("errors>1%"));
	assert_true(fails("errors>=1%"));
	assert_true(fails("lost>0"));
	assert_false(fails("lost>5"));
	assert_false(fails("closed>0"));
	st->closed = 1;
	assert_true(fails("closed>0"));
	assert_true(fails("errors>1%"));
}

static void
test_the_server(void **state)
{
	struct server_figures server = { .cpu_per_message_ns = 6000, .memory_per_connection = 5000 };
	struct thresholds t = { .n = 0 };
	const char *bad;
	char out[64];

	assert_int_equal(thresholds_parse(&t, "server_cpu>5us server_memory>5k", &bad), WSD_OK);
	assert_true(threshold_judge(&t.list[0], st, &server).failed);
	assert_false(threshold_judge(&t.list[1], st, &server).failed);
	assert_true(threshold_judge(&t.list[0], st, NULL).failed);
	assert_false(threshold_judge(&t.list[0], st, NULL).measured);
	assert_string_equal(threshold_print(out, sizeof(out), &t.list[0], 6000), "6.00 us");
	assert_string_equal(threshold_print(out, sizeof(out), &t.list[1], 5000), "4.88 KiB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_expressions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_distributions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shares_and_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_server, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
