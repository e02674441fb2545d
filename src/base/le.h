/* SPDX-License-Identifier: MIT */
/* Integers of 1 to 8 bytes in little-endian order, as they travel between processes. Any thread. */
#ifndef WSD_BASE_LE_H
#define WSD_BASE_LE_H

#include <stddef.h>
#include <stdint.h>

static inline void
le_put(char *out, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		out[i] = (char)(value >> (8 * i));
}

static inline uint64_t
le_get(const char *data, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)data[i] << (8 * i);
	return value;
}

#endif
