/* SPDX-License-Identifier: MIT */
/* File descriptors: EINTR and short transfers are dealt with here and nowhere else. Any thread. */
#ifndef WSD_BASE_FD_H
#define WSD_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Closes *fd unless it is -1, and sets it to -1. errno is kept. */
void fd_close(int *fd);

/* Returns WSD_OK or a negative errno. */
int fd_set_nonblock(int fd);
int fd_set_cloexec(int fd);

/* Writes all of it, waiting as need be; WSD_OK or a negative errno (then an unknown part was written). */
int fd_write_all(int fd, const void *data, size_t len);

/* All of it at this place of a file; reading: WSD_E_MALFORMED if the file ends before. */
int fd_write_at(int fd, const void *data, size_t len, uint64_t at);
int fd_read_at(int fd, void *data, size_t len, uint64_t at);

/* Reads at most room bytes of a file into a new, zero-terminated buffer, *out; the caller frees it.
 * WSD_E_TOO_LARGE if there is more. On failure *out is NULL. */
int fd_read_file(const char *path, size_t room, char **out, size_t *len);

/* Throws away what can be read from a socket just now, at most 8 MiB. */
void fd_discard(int fd);

/* 16 or any other number of bytes from the kernel's random source; aborts if there is none. */
void fd_random(void *out, size_t len);

#endif
