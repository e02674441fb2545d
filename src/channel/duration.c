/* SPDX-License-Identifier: MIT */
#include "channel/duration.h"

#include "base/ascii.h"
#include "base/err.h"

static const struct {
	const char *name;
	double ms;
} units[] = { { "ms", 1 }, { "s", 1e3 }, { "m", 60e3 }, { "h", 3600e3 }, { "us", 1e-3 }, { "ns", 1e-6 } };

static bool
cut_number(struct slice *rest, double *out)
{
	double scale = 0;
	size_t digits = 0;

	for (*out = 0; rest->len > 0; rest->at++, rest->len--) {
		char c = rest->at[0];

		if (c == '.' && scale == 0) {
			scale = 1;
			continue;
		}
		if (!ascii_is_digit(c))
			break;
		digits++;
		scale /= 10;
		*out = scale == 0 ? *out * 10 + (c - '0') : *out + (c - '0') * scale;
	}
	return digits > 0;
}

static bool
cut_unit(struct slice *rest, double *ms)
{
	size_t len = 0;

	while (len < rest->len && rest->at[len] != '.' && !ascii_is_digit(rest->at[len]))
		len++;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!slice_equal((struct slice){ rest->at, len }, units[i].name))
			continue;
		*ms = units[i].ms;
		rest->at += len;
		rest->len -= len;
		return true;
	}
	return false;
}

int
duration_parse(struct slice text, uint64_t *out_ms)
{
	double sum = 0, number, unit;

	*out_ms = 0;
	if (slice_equal(text, "0"))
		return WSD_OK;
	if (text.len == 0)
		return WSD_E_MALFORMED;
	while (text.len > 0) {
		if (!cut_number(&text, &number) || !cut_unit(&text, &unit))
			return WSD_E_MALFORMED;
		sum += number * unit;
	}
	if (sum > (double)DURATION_MOST_MS)
		return WSD_E_RANGE;
	*out_ms = (uint64_t)sum;
	return WSD_OK;
}
