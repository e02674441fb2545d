/* SPDX-License-Identifier: MIT */
/* Copies without slack behind them, so that a sanitizer sees a parser read one byte too many. */
#ifndef WSD_TESTS_EXACT_H
#define WSD_TESTS_EXACT_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The caller frees it. */
static inline char *
exact_copy(const void *from, size_t len)
{
	char *copy = calloc(1, len ? len : 1);

	if (!copy)
		abort();
	if (len > 0)
		memcpy(copy, from, len);
	return copy;
}

#endif
