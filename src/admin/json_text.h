/* SPDX-License-Identifier: MIT */
/*
 * Texts as JSON has them. Answers are written with printf(), which tells when memory is short: json-c, which reads what
 * clients send, leaves out pieces then and says nothing. Any thread.
 */
#ifndef WSD_ADMIN_JSON_TEXT_H
#define WSD_ADMIN_JSON_TEXT_H

#include <stddef.h>

/* Most that a text of so many bytes becomes, with its quotes and the terminating zero. */
#define JSON_TEXT_ROOM(len) (6 * (len) + 3)

/* In quotes, whatever bytes it has; U+FFFD stands for what is no UTF-8. Returns out. */
const char *json_text(char *out, const char *text);

static inline const char *
json_boolean(int value)
{
	return value ? "true" : "false";
}

#endif
