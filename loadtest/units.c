/* SPDX-License-Identifier: MIT */
/* Numbers with units. */
#include "loadtest/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* digits [. digits]; strtod would also take "inf", "0x10" and "1e9". */
static int
take_decimal(const char **text, double *out)
{
	size_t whole = strspn(*text, "0123456789"), fraction = 0;
	char copy[40];

	if ((*text)[whole] == '.')
		fraction = 1 + strspn(*text + whole + 1, "0123456789");
	if (whole == 0 || fraction == 1 || whole + fraction >= sizeof(copy))
		return WSD_E_MALFORMED;
	memcpy(copy, *text, whole + fraction);
	copy[whole + fraction] = '\0';
	*out = strtod(copy, NULL);
	*text += whole + fraction;
	return WSD_OK;
}

int
units_decimal(const char *text, double *out)
{
	double value;

	if (take_decimal(&text, &value) != WSD_OK || *text)
		return WSD_E_MALFORMED;
	*out = value;
	return WSD_OK;
}

static int
scaled(const char *text, double k, double max, double *out)
{
	if (take_decimal(&text, out) != WSD_OK)
		return WSD_E_MALFORMED;
	if (*text == 'k' || *text == 'K')
		*out *= k, text++;
	else if (*text == 'm' || *text == 'M')
		*out *= k * k, text++;
	if (*text)
		return WSD_E_MALFORMED;
	return *out > max ? WSD_E_RANGE : WSD_OK;
}

int
units_count(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	double value;
	int rc = scaled(text, 1000, (double)max, &value);

	if (rc != WSD_OK)
		return rc;
	if (value != (double)(uint64_t)value)
		return WSD_E_MALFORMED;
	if (value < (double)min)
		return WSD_E_RANGE;
	*out = (uint64_t)value;
	return WSD_OK;
}

int
units_size(const char *text, uint64_t max, uint64_t *out)
{
	double value;
	int rc = scaled(text, 1024, (double)max, &value);

	if (rc == WSD_OK)
		*out = (uint64_t)value;
	return rc;
}

static double
take_unit(const char **text)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*text, units[i].name, n) == 0) {
			*text += n;
			return units[i].ns;
		}
	}
	return 0;
}

int
units_duration(const char *text, uint64_t *out_ns)
{
	double total = 0, value, unit;

	do {
		if (take_decimal(&text, &value) != WSD_OK)
			return WSD_E_MALFORMED;
		unit = take_unit(&text);
		if (unit == 0) {
			if (*text || total > 0)
				return WSD_E_MALFORMED;
			unit = 1e9;
		}
		total += value * unit;
	} while (*text);
	if (total > 1000.0 * 3600e9)
		return WSD_E_RANGE;
	*out_ns = (uint64_t)(total + 0.5);
	return WSD_OK;
}

static const char *
three_digits(char out[UNITS_TEXT_MAX], double value, const char *unit)
{
	int decimals = value >= 100 || value == 0 ? 0 : value >= 10 ? 1 : 2;

	snprintf(out, UNITS_TEXT_MAX, "%.*f %s", decimals, value, unit);
	return out;
}

const char *
units_print_ns(char out[UNITS_TEXT_MAX], uint64_t ns)
{
	double value = (double)ns;

	if (value < 999.5e3)
		return three_digits(out, value / 1e3, "us");
	if (value < 999.5e6)
		return three_digits(out, value / 1e6, "ms");
	return three_digits(out, value / 1e9, "s");
}

const char *
units_print_bytes(char out[UNITS_TEXT_MAX], double bytes)
{
	if (bytes < 1000)
		return three_digits(out, bytes, "B");
	if (bytes < 1000 * 1024)
		return three_digits(out, bytes / 1024, "KiB");
	if (bytes < 1000.0 * 1024 * 1024)
		return three_digits(out, bytes / 1024 / 1024, "MiB");
	return three_digits(out, bytes / 1024 / 1024 / 1024, "GiB");
}
