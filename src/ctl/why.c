/* SPDX-License-Identifier: MIT */
#include "ctl/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8_char.h"

/* Bytes of the character here; 0: it is none, or not shown as what it is. */
static size_t
printable(const char *at)
{
	size_t n = utf8_char_len(at, strnlen(at, 4));

	return utf8_char_shown(utf8_char_code(at, n)) ? n : 0;
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
