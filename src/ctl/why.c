/* SPDX-License-Identifier: MIT */
#include "ctl/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
	for (size_t i = 0; i < len; i++)
		why->text[i] = (unsigned char)text[i] < ' ' && text[i] != '\n' ? ' '
			       : text[i] == 127                                ? ' '
									       : text[i];
	why->text[len] = '\0';
	return code;
}
