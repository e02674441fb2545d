/* SPDX-License-Identifier: MIT */
/* Numbers with units. */
#include "loadtest/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void
test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "1s", 1000000000 },
		     { "1.5s", 1500000000 },
		     { "200ms", 200000000 },
		     { "50us", 50000 },
		     { "7ns", 7 },
		     { "4m", 240000000000 },
		     { "1h", 3600000000000 },
		     { "90", 90000000000 },
		     { "1m30s", 90000000000 },
		     { "0.25m", 15000000000 },
		     { "0", 0 } };
	static const char *const bad[] = { "",    "s",   "-1s",  "1x",  "1 s", "1s ", "1.s",
					   ".5s", "1e3", "0x10", "inf", "nan", "1s2", "2s1" };
	uint64_t ns = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(units_duration(bad[i], &ns), WSD_OK);
	assert_int_equal(units_duration("9999999999h", &ns), WSD_E_RANGE);
	assert_int_equal(ns, 77);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(units_duration(good[i].text, &ns), WSD_OK);
		assert_int_equal(ns, good[i].ns);
	}
}

static void
test_counts_and_sizes(void **state)
{
	uint64_t n = 0;

	assert_int_equal(units_count("10k", 1, 20000, &n), WSD_OK);
	assert_int_equal(n, 10000);
	assert_int_equal(units_count("1.5k", 1, 20000, &n), WSD_OK);
	assert_int_equal(n, 1500);
	assert_int_equal(units_count("1M", 1, 2000000, &n), WSD_OK);
	assert_int_equal(n, 1000000);
	assert_int_equal(units_count("0", 1, 10, &n), WSD_E_RANGE);
	assert_int_equal(units_count("11", 1, 10, &n), WSD_E_RANGE);
	assert_int_equal(units_count("1.5", 1, 10, &n), WSD_E_MALFORMED);
	assert_int_equal(units_count("5x", 1, 10, &n), WSD_E_MALFORMED);
	assert_int_equal(units_size("16k", 1 << 20, &n), WSD_OK);
	assert_int_equal(n, 16384);
	assert_int_equal(units_size("2M", 1 << 20, &n), WSD_E_RANGE);
}

static void
prints(uint64_t ns, const char *text)
{
	char out[UNITS_TEXT_MAX];

	assert_string_equal(units_print_ns(out, ns), text);
}

static void
test_printing(void **state)
{
	char out[UNITS_TEXT_MAX];

	prints(0, "0 us");
	prints(1234, "1.23 us");
	prints(27400, "27.4 us");
	prints(999400, "999 us");
	prints(999600, "1.00 ms");
	prints(1020000000, "1.02 s");
	prints(250000000000, "250 s");
	assert_string_equal(units_print_bytes(out, 512), "512 B");
	assert_string_equal(units_print_bytes(out, 2048), "2.00 KiB");
	assert_string_equal(units_print_bytes(out, 40.0 * 1024 * 1024), "40.0 MiB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_counts_and_sizes),
		cmocka_unit_test(test_printing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
