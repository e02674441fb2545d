/* SPDX-License-Identifier: MIT */
/* Query parameters and lists of tokens. The first line of the input is the name to look for. */
#include "front/request.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz.h"
#include "support/exact.h"

#define NAME_MAX_LEN 64

/* A buffer that just fits gives the same, one byte less is too small. */
static void
check_sizes(struct slice query, const char *name, const char *value, int len)
{
	size_t size = (size_t)len + 1;
	char *out = exact_copy(value, size);

	memset(out, 'x', size);
	CHECK(request_query(query, name, out, size) == len);
	CHECK(memcmp(out, value, size) == 0);
	CHECK(request_query(query, name, out, size - 1) == WSD_E_TOO_LARGE);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *newline = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t name_len = newline ? (size_t)(newline - (const char *)data) : 0;
	char name[NAME_MAX_LEN] = "", *value = malloc(size + 1);
	struct slice query = { (const char *)data, size };
	int len;

	CHECK(value);
	if (newline && name_len < sizeof(name)) {
		memcpy(name, data, name_len);
		query = (struct slice){ newline + 1, size - name_len - 1 };
	}
	len = request_query(query, name, value, size + 1);
	CHECK(len >= 0 || len == WSD_E_UNKNOWN || len == WSD_E_MALFORMED);
	CHECK(strlen(value) == (size_t)(len > 0 ? len : 0));
	if (len >= 0)
		check_sizes(query, name, value, len);
	/* a token that is found stands in the text */
	if (name[0] && slice_lists(query, slice_of(name)))
		CHECK(query.len >= strlen(name));
	free(value);
	return 0;
}
