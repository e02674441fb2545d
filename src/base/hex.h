/* SPDX-License-Identifier: MIT */
/* Hexadecimal digits. Pure; any thread. */
#ifndef WSD_BASE_HEX_H
#define WSD_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* 0 to 15, or -1. */
static inline int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 2 * n lower-case digits and a terminating zero. */
static inline void
hex_encode(char *out, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

#endif
