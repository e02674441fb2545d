/* SPDX-License-Identifier: MIT */
/* %-escapes and query parameters. A plus sign stays one: tokens may hold it. Pure; any thread. */
#include "front/request_priv.h"

#include "base/err.h"
#include "base/hex.h"

/* The character at *i, which is moved behind it; -1 if it is no good. */
static int
next_char(struct slice text, size_t *i)
{
	const char *c = text.at + *i;
	int value;

	if (*c != '%') {
		*i += 1;
		value = (unsigned char)*c;
	} else {
		if (text.len - *i < 3 || !request_is_hex(c[1]) || !request_is_hex(c[2]))
			return -1;
		*i += 3;
		value = hex_value(c[1]) << 4 | hex_value(c[2]);
	}
	return value == 0 ? -1 : value;
}

int
request_decode(struct slice text, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len;) {
		int c = next_char(text, &i);

		if (c < 0 || n + 1 >= size) {
			if (size > 0)
				out[0] = '\0';
			return c < 0 ? WSD_E_MALFORMED : WSD_E_TOO_LARGE;
		}
		out[n++] = (char)c;
	}
	if (size == 0)
		return WSD_E_TOO_LARGE;
	out[n] = '\0';
	return (int)n;
}

int
request_query(struct slice query, const char *name, char *out, size_t size)
{
	int found = WSD_E_UNKNOWN;

	while (query.len > 0) {
		const char *amp = memchr(query.at, '&', query.len);
		struct slice pair = { query.at, amp ? (size_t)(amp - query.at) : query.len };
		const char *equals = memchr(pair.at, '=', pair.len);
		struct slice key = { pair.at, equals ? (size_t)(equals - pair.at) : pair.len };
		size_t skip = key.len + (equals ? 1 : 0), used = pair.len + (amp ? 1 : 0);

		if (slice_equal(key, name) && found != WSD_E_UNKNOWN) {
			found = WSD_E_MALFORMED; /* who reads the first and who the last would not agree */
			break;
		}
		if (slice_equal(key, name))
			found = request_decode((struct slice){ pair.at + skip, pair.len - skip }, out, size);
		query.at += used;
		query.len -= used;
	}
	if (found < 0 && size > 0)
		out[0] = '\0';
	return found;
}
