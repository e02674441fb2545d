/* SPDX-License-Identifier: MIT */
/* Writing JSON, one value after the other; commas and indentation are seen to. Safe inside a <script>
 * element, and valid whatever bytes the texts hold. */
#ifndef WSLOAD_JSON_OUT_H
#define WSLOAD_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *out;
	unsigned depth;
	bool first; /* nothing yet in the innermost array or object */
	bool flat;  /* of arrays that stay on one line */
};

/* name NULL: a member of an array, or the outermost value. */
void json_object(struct json_out *j, const char *name);
void json_array(struct json_out *j, const char *name); /* of plain values, on one line */
void json_end(struct json_out *j, char bracket);       /* '}' or ']' */
void json_string(struct json_out *j, const char *name, const char *value);
void json_number(struct json_out *j, const char *name, uint64_t value);
void json_real(struct json_out *j, const char *name, double value);
void json_bool(struct json_out *j, const char *name, bool value);

#endif
