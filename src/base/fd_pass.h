/* SPDX-License-Identifier: MIT */
/* Messages with descriptors (SCM_RIGHTS) on unix sockets that keep messages apart. Nothing here waits. Any thread. */
#ifndef WSD_BASE_FD_PASS_H
#define WSD_BASE_FD_PASS_H

#include <stddef.h>
#include <sys/uio.h>

#define FD_PASS_MOST 253 /* a message: the kernel's SCM_MAX_FD */

/* One message; the fds stay the caller's. WSD_OK, -EAGAIN if there is no room for it just now, or another negative
 * errno. */
int fd_pass_send(int to, const struct iovec *iov, unsigned n_iov, const int *fds, unsigned n_fds);

/* One message; *n_fds is the room in fds, and then how many came, which the caller owns; *len are its bytes. flags: of
 * recvmsg(2). WSD_OK; WSD_E_TOO_LARGE if there was more than room for it, and is lost; or without any fds: -EAGAIN,
 * WSD_E_CLOSED at the end, which an empty message looks like, or another negative errno. */
int fd_pass_receive(int from, int flags, struct iovec *iov, unsigned n_iov, int *fds, unsigned *n_fds, size_t *len);

#endif
