/* SPDX-License-Identifier: MIT */
/* The reason of a failure, or what a step has found, as a line for people. Main thread, as all of wsctl is.
 */
#ifndef WSD_CTL_WHY_H
#define WSD_CTL_WHY_H

#include <stdbool.h>

struct why {
	char text[2048];
};

/* Returns code, so that a failure is told and returned in one line. Control characters but line breaks are
 * replaced: the text may hold what others have said. */
int why_set(struct why *why, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Replaces by blanks what is not shown as what it is (base/utf8_char.h), and what is no text: line breaks as well,
 * unless `lines`. */
void why_clean(char *text, bool lines);
/* Whether there is nothing of that in it; a line break is. */
bool why_is_clean(const char *text);

#endif
