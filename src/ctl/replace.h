/* SPDX-License-Identifier: MIT */
/* Files that are replaced in one step: a reader, or a power cut, finds the old one or the new one. */
#ifndef WSD_CTL_REPLACE_H
#define WSD_CTL_REPLACE_H

#include <stddef.h>

/* Writes a file beside it, and puts that in its place. Mode and owner stay, or are 0644 and ours. WSD_OK or a
 * negative errno; then the old one is untouched. */
int replace_file(const char *path, const char *text, size_t len);

#endif
