/* SPDX-License-Identifier: MIT */
/* Reading the clocks, and ISO 8601. */
#include "base/clock.h"

#include "base/check.h"

static uint64_t
read_ns(clockid_t id)
{
	struct timespec ts;

	CHECK(clock_gettime(id, &ts) == 0);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t
clock_mono_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / CLOCK_NS_PER_MS;
}

struct timespec
clock_in_ms(uint64_t ms)
{
	uint64_t until = clock_mono_ns() + ms * CLOCK_NS_PER_MS;

	return (struct timespec){ (time_t)(until / CLOCK_NS_PER_S), (long)(until % CLOCK_NS_PER_S) };
}

uint64_t
clock_real_ms(void)
{
	return read_ns(CLOCK_REALTIME) / CLOCK_NS_PER_MS;
}

static void
put_digits(char *out, unsigned value, int digits)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void
clock_iso8601(char *out, uint64_t real_ms)
{
	time_t s = (time_t)(real_ms / 1000);
	struct tm tm;

	CHECK(gmtime_r(&s, &tm) != NULL);
	put_digits(out, (unsigned)tm.tm_year + 1900, 4);
	out[4] = '-';
	put_digits(out + 5, (unsigned)tm.tm_mon + 1, 2);
	out[7] = '-';
	put_digits(out + 8, (unsigned)tm.tm_mday, 2);
	out[10] = 'T';
	put_digits(out + 11, (unsigned)tm.tm_hour, 2);
	out[13] = ':';
	put_digits(out + 14, (unsigned)tm.tm_min, 2);
	out[16] = ':';
	put_digits(out + 17, (unsigned)tm.tm_sec, 2);
	out[19] = '.';
	put_digits(out + 20, (unsigned)(real_ms % 1000), 3);
	out[23] = 'Z';
}
