/* SPDX-License-Identifier: MIT */
/* Files as they were when the service started: a server that takes over from one that was killed must not fail for what
 * is being edited just then. Main thread. */
#ifndef WSD_KEPT_FILE_H
#define WSD_KEPT_FILE_H

#include <stddef.h>

/* As fd_read_file(), but what was read once is what is read by every later server of the same keeper. */
int kept_read_file(const char *path, size_t room, char **out, size_t *len);

/* From now on later servers read this instead. */
void kept_renew_file(const char *path, const char *data, size_t len);

#endif
