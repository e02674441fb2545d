/* SPDX-License-Identifier: MIT */
/* Escapes of URLs. */
#include "base/percent.h"

#include "base/err.h"
#include "base/hex.h"

/* The character at *i, which is moved behind it; at most 0 if it is no good. */
static int
next_char(struct slice text, size_t *i)
{
	const char *c = text.at + *i;
	int high, low;

	*i += *c == '%' ? 3 : 1;
	if (*c != '%')
		return (unsigned char)*c;
	high = *i <= text.len ? hex_value(c[1]) : -1;
	low = high >= 0 ? hex_value(c[2]) : -1;
	return low >= 0 ? high << 4 | low : -1;
}

int
percent_decode(struct slice text, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len;) {
		int c = next_char(text, &i);

		if (c <= 0 || n + 1 >= size) {
			if (size > 0)
				out[0] = '\0';
			return c <= 0 ? WSD_E_MALFORMED : WSD_E_TOO_LARGE;
		}
		out[n++] = (char)c;
	}
	if (size == 0)
		return WSD_E_TOO_LARGE;
	out[n] = '\0';
	return (int)n;
}
