/* SPDX-License-Identifier: MIT */
/* Whether descriptors were left open: the lowest free number is the same as before. One thread. */
#ifndef WSD_TESTS_SUPPORT_LOWEST_FD_H
#define WSD_TESTS_SUPPORT_LOWEST_FD_H

#include <unistd.h>

static inline int
lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

#endif
