/* SPDX-License-Identifier: MIT */
/*
 * JSON as text. json-c has a function for that, but where memory is short it leaves pieces out and does not tell. Any
 * thread.
 */
#ifndef WSD_ADMIN_JSON_TEXT_H
#define WSD_ADMIN_JSON_TEXT_H

#include <stddef.h>

struct json_object;

/* The text and a newline, in memory that is the caller's; NULL when memory is short. */
char *json_text(struct json_object *object, size_t *len);

#endif
