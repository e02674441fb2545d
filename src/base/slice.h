/* SPDX-License-Identifier: MIT */
/* A piece of somebody else's bytes, not zero-terminated; valid only as long as those bytes are. */
#ifndef WSD_BASE_SLICE_H
#define WSD_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *at;
	size_t len;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

static inline bool
slice_equal(struct slice s, const char *text)
{
	return s.len == strlen(text) && (s.len == 0 || memcmp(s.at, text, s.len) == 0);
}

#endif
