/* SPDX-License-Identifier: MIT */
/* Numbers. */
#include "base/decimal.h"

#include "base/ascii.h"
#include "base/err.h"

int
decimal_parse(struct slice text, uint64_t most, uint64_t *out)
{
	uint64_t value = 0;

	if (text.len == 0 || !ascii_all(text, ascii_is_digit))
		return WSD_E_MALFORMED;
	for (size_t i = 0; i < text.len; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text.at[i] - '0'), &value) || value > most)
			return WSD_E_RANGE;
	*out = value;
	return WSD_OK;
}
