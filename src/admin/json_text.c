/* SPDX-License-Identifier: MIT */
/* Texts as JSON has them. */
#include "admin/json_text.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8_char.h"

const char *
json_text(char *out, const char *text)
{
	char *to = out;

	*to++ = '"';
	for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
		n = utf8_char_len(text, left);
		if (n == 0) {
			to = stpcpy(to, UTF8_CHAR_REPLACEMENT);
			n = 1;
		} else if ((unsigned char)*text < ' ') {
			to += sprintf(to, "\\u%04x", (unsigned)*text);
		} else {
			if (*text == '"' || *text == '\\')
				*to++ = '\\';
			to = mempcpy(to, text, n);
		}
	}
	strcpy(to, "\"");
	return out;
}
