/* SPDX-License-Identifier: MIT */
/* What --json prints. Main thread, as all of wsctl is. */
#ifndef WSD_CTL_JSON_PRINT_H
#define WSD_CTL_JSON_PRINT_H

#include <stdbool.h>

struct json_object;

/* On standard output, over several lines or in one, with a line break behind. It is JSON also if a text in it is not
 * UTF-8, as paths and arguments need not be: U+FFFD stands for what is none. */
void json_print(struct json_object *o, bool one_line);

#endif
