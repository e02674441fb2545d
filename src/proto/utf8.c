/* SPDX-License-Identifier: MIT */
/* UTF-8 validation. Chat is mostly ASCII, so that is skipped eight bytes at a time. Pure; any thread. */
#include "proto/utf8.h"

#include "base/utf8_char.h"
#include "proto/word.h"

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
			n = utf8_char_len(text + i, len - i);
			if (n == 0)
				return false;
			i += n;
		}
		if (i < len && len - i < WORD_SIZE)
			i++; /* ASCII in the tail: the loop above stopped at it */
	}
	return true;
}
