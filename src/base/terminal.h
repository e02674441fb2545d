/* SPDX-License-Identifier: MIT */
/* Lines that are drawn over and over. Any thread. */
#ifndef WSD_BASE_TERMINAL_H
#define WSD_BASE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Whether what the descriptor leads to draws a line again: a terminal, and none that calls itself dumb. */
bool terminal_redraws(int fd);

/* Draws text, which is ASCII and of one line, in the place of what was drawn before; what does not fit into the width
 * is cut, since a line that goes on in the next row could not be drawn over. "" clears the line. The stream is
 * flushed. */
void terminal_draw(FILE *to, const char *text);

#endif
