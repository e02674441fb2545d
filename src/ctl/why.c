/* SPDX-License-Identifier: MIT */
#include "ctl/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/utf8.h"

/* Bytes of the character here; 0: it is none, or one that controls a terminal (U+0080 to U+009F do that too). */
static size_t
printable(const char *at)
{
	unsigned char c = (unsigned char)*at;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (n == 1)
		return c >= ' ' && c != 127 ? 1 : 0;
	if (strnlen(at, n) < n || !utf8_valid(at, n))
		return 0;
	return c == 0xc2 && (unsigned char)at[1] < 0xa0 ? 0 : n;
}

bool
why_is_clean(const char *text)
{
	for (size_t n; *text; text += n) {
		n = printable(text);
		if (n == 0)
			return false;
	}
	return true;
}

void
why_clean(char *text, bool lines)
{
	while (*text) {
		size_t n = printable(text);

		if (n == 0 && !(lines && *text == '\n'))
			*text = ' ';
		text += n ? n : 1;
	}
}

int
why_set(struct why *why, int code, const char *format, ...)
{
	char text[sizeof(why->text)];
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args); /* by a copy, since why may be one of the arguments */
	va_end(args);
	len = strlen(text);
	while (len > 0 && text[len - 1] == '\n')
		len--;
	memcpy(why->text, text, len);
	why->text[len] = '\0';
	why_clean(why->text, true);
	return code;
}
