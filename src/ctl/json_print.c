/* SPDX-License-Identifier: MIT */
#include "ctl/json_print.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/utf8_char.h"

/* The library copies the bytes of texts as they are. All else of JSON is ASCII. */
void
json_print(struct json_object *o, bool one_line)
{
	int how = JSON_C_TO_STRING_NOSLASHESCAPE | (one_line ? JSON_C_TO_STRING_PLAIN : JSON_C_TO_STRING_PRETTY);
	const char *text = json_object_to_json_string_ext(o, how);

	for (size_t left = text ? strlen(text) : 0, n; left > 0; text += n, left -= n) {
		n = utf8_char_len(text, left);
		if (n > 0) {
			fwrite(text, 1, n, stdout);
		} else {
			fputs(UTF8_CHAR_REPLACEMENT, stdout);
			n = 1;
		}
	}
	putchar('\n');
}
