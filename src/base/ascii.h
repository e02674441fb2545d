/* SPDX-License-Identifier: MIT */
/* Characters that protocols tell apart, whatever the locale. Pure; any thread. */
#ifndef WSD_BASE_ASCII_H
#define WSD_BASE_ASCII_H

#include <stdbool.h>
#include <string.h>

#include "base/slice.h"

#define ASCII_LOWER  "abcdefghijklmnopqrstuvwxyz"
#define ASCII_DIGITS "0123456789"

static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alnum(char c)
{
	return ascii_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* unreserved, RFC 3986, 2.3 */
static inline bool
ascii_is_unreserved(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("-._~", c));
}

/* tchar, RFC 9110, 5.6.2 */
static inline bool
ascii_is_token(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* Whether each character is of that kind; of nothing, true. */
static inline bool
ascii_all(struct slice s, bool (*is)(char c))
{
	for (size_t i = 0; i < s.len; i++)
		if (!is(s.at[i]))
			return false;
	return true;
}

#endif
