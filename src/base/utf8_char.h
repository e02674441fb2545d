/* SPDX-License-Identifier: MIT */
/* Characters of UTF-8, RFC 3629, one by one: no overlong forms, no surrogates, nothing above U+10FFFF. Pure; any
 * thread. */
#ifndef WSD_BASE_UTF8_CHAR_H
#define WSD_BASE_UTF8_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_CHAR_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, in the place of a byte that belongs to no character */

/* Bytes of the character at `at`, of which room bytes can be read; 0: it is none, or not whole. */
static inline size_t
utf8_char_len(const char *at, size_t room)
{
	const unsigned char *b = (const unsigned char *)at;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte: here overlong forms and surrogates show */
	size_t len;

	if (room == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf) {
		len = 2;
	} else if (b[0] >= 0xe0 && b[0] <= 0xef) {
		len = 3;
		low = b[0] == 0xe0 ? 0xa0 : 0x80;
		high = b[0] == 0xed ? 0x9f : 0xbf;
	} else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		len = 4;
		low = b[0] == 0xf0 ? 0x90 : 0x80;
		high = b[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (room < len || b[1] < low || b[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* The code point of a character of so many bytes. */
uint32_t utf8_char_code(const char *at, size_t len);

/*
 * Whether it is shown as what it is: no control character that a terminal would obey, and none that is not seen itself
 * but changes what is, such as those that turn the direction of writing.
 */
bool utf8_char_shown(uint32_t code);

#endif
