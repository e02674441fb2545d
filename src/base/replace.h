/* SPDX-License-Identifier: MIT */
/* Files that are replaced in one step: a reader, or a power cut, finds the old one or the new one. Any thread. */
#ifndef WSD_BASE_REPLACE_H
#define WSD_BASE_REPLACE_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes a file beside it, and puts that in its place. Mode and owner stay; a new one is ours and has that mode. WSD_OK
 * or a negative errno; then the old one is untouched. */
int replace_file(const char *path, const char *text, size_t len, mode_t mode);

/* Whether that can be done: its folder is there, may be written to, and has room. WSD_OK or a negative errno. */
int replace_check(const char *path);

/* Which file that is: what a link leads to in the end, also if there is nothing there yet. WSD_OK or a negative
 * errno. */
int replace_target(char out[PATH_MAX], const char *path);

#endif
