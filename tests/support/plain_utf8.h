/* SPDX-License-Identifier: MIT */
/* The plain decoder that UTF-8 validation is checked against. */
#ifndef WSD_TESTS_PLAIN_UTF8_H
#define WSD_TESTS_PLAIN_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that must follow this one, or -1 if none can start with it. */
static inline int
plain_utf8_more(unsigned char lead)
{
	if (lead < 0x80)
		return 0;
	if (lead >> 5 == 6)
		return 1;
	if (lead >> 4 == 14)
		return 2;
	return lead >> 3 == 30 ? 3 : -1;
}

/* Decodes first and judges the code point afterwards, as RFC 3629, 3 tells it. */
static inline bool
plain_utf8_valid(const unsigned char *at, size_t len)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 0; i < len;) {
		int more = plain_utf8_more(at[i]);
		uint32_t code;

		if (more < 0 || (size_t)more > len - i - 1)
			return false;
		code = more == 0 ? at[i] : at[i] & (0x3fu >> more);
		for (int k = 1; k <= more; k++) {
			if (at[i + (size_t)k] >> 6 != 2)
				return false;
			code = code << 6 | (at[i + (size_t)k] & 0x3f);
		}
		if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
		i += (size_t)more + 1;
	}
	return true;
}

#endif
