/* SPDX-License-Identifier: MIT */
/* Time stamps at the edges of the calendar, and clocks that run forwards. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void
check_stamp(uint64_t real_ms, const char *expected)
{
	char out[CLOCK_ISO8601_LEN + 2];

	memset(out, '#', sizeof(out));
	out[sizeof(out) - 1] = '\0';
	clock_iso8601(out, real_ms);
	assert_int_equal(out[CLOCK_ISO8601_LEN], '#'); /* exactly that many characters, and no zero */
	out[CLOCK_ISO8601_LEN] = '\0';
	assert_string_equal(out, expected);
}

static void
test_edges(void **state)
{
	check_stamp(0, "1970-01-01T00:00:00.000Z");
	check_stamp(1, "1970-01-01T00:00:00.001Z");
	check_stamp(86399999, "1970-01-01T23:59:59.999Z");
	check_stamp(86400000, "1970-01-02T00:00:00.000Z");
	check_stamp(951782400000, "2000-02-29T00:00:00.000Z"); /* a century that has a leap day */
	check_stamp(1709251199999, "2024-02-29T23:59:59.999Z");
	check_stamp(1709251200000, "2024-03-01T00:00:00.000Z");
	check_stamp(2147483648000, "2038-01-19T03:14:08.000Z"); /* one more than 31 bits of seconds */
	check_stamp(4107542399999, "2100-02-28T23:59:59.999Z");
	check_stamp(4107542400000, "2100-03-01T00:00:00.000Z"); /* a century that has none */
	check_stamp(253402300799999, "9999-12-31T23:59:59.999Z");
}

/* Every day of four centuries, against a calendar that is counted on by hand. */
static void
test_every_day(void **state)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year = 1970, month = 1, day = 1;

	for (uint64_t n = 0; n < 146097; n++) {
		bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
		char expected[64];

		snprintf(expected, sizeof(expected), "%04u-%02u-%02uT12:34:56.789Z", year, month, day);
		check_stamp(n * 86400000 + 45296789, expected);
		if (++day > lengths[month - 1] + (month == 2 && leap)) {
			day = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
	assert_int_equal(year, 2370);
}

static void
test_clocks(void **state)
{
	uint64_t ns = clock_mono_ns(), ms = clock_mono_ms(), real_ms = clock_real_ms();
	time_t now = time(NULL);

	assert_true(ms >= ns / CLOCK_NS_PER_MS);
	assert_true(clock_mono_ns() >= ns);
	assert_true(clock_mono_ms() - ms < 60000);
	assert_true(real_ms / 1000 <= (uint64_t)now + 1 && real_ms / 1000 + 60 > (uint64_t)now);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
