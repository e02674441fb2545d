/* SPDX-License-Identifier: MIT */
/* UTF-8 validation. Chat is mostly ASCII, so that is skipped eight bytes at a time. Pure; any thread. */
#include "proto/utf8.h"

#include "proto/word.h"

/* Bytes of the sequence at at, which starts with a byte of 0x80 or more; 0 if it is none. */
static size_t
sequence_len(const unsigned char *at, size_t room)
{
	unsigned char low = 0x80,
		      high = 0xbf; /* what the second byte may be: here overlong forms and surrogates show */
	size_t len;

	if (*at >= 0xc2 && *at <= 0xdf) {
		len = 2;
	} else if (*at >= 0xe0 && *at <= 0xef) {
		len = 3;
		low = *at == 0xe0 ? 0xa0 : 0x80;
		high = *at == 0xed ? 0x9f : 0xbf;
	} else if (*at >= 0xf0 && *at <= 0xf4) {
		len = 4;
		low = *at == 0xf0 ? 0x90 : 0x80;
		high = *at == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (room < len || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool
utf8_valid(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t n;

		if (len - i >= WORD_SIZE) {
			uint64_t highs = word_load(text + i) & WORD_HIGHS;

			if (!highs) {
				i += WORD_SIZE;
				continue;
			}
			i += word_first(highs);
		}
		while (i < len && (unsigned char)text[i] >= 0x80) {
			n = sequence_len((const unsigned char *)text + i, len - i);
			if (n == 0)
				return false;
			i += n;
		}
		if (i < len && len - i < WORD_SIZE)
			i++; /* ASCII in the tail: the loop above stopped at it */
	}
	return true;
}
