/* SPDX-License-Identifier: MIT */
/* Descriptors in messages. */
#include "base/fd_pass.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FD_PASS_MOST * sizeof(int))];
};

int
fd_pass_send(int to, const struct iovec *iov, unsigned n_iov, const int *fds, unsigned n_fds)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n_iov };
	union control control = { .space = { 0 } };
	struct cmsghdr *h;
	ssize_t n;

	CHECK(n_fds <= FD_PASS_MOST);
	if (n_fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == -1 ? wsd_errno() : WSD_OK;
}

/* Puts what came into fds as long as there is room, and closes the rest; false if there was a rest. */
static bool
take_fds(struct msghdr *msg, int *fds, unsigned room, unsigned *n_fds)
{
	bool fits = true;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= h->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, (char *)h + at, sizeof(fd));
			fits = *n_fds < room;
			if (fits)
				fds[(*n_fds)++] = fd;
			else
				fd_close(&fd);
		}
	}
	return fits;
}

int
fd_pass_receive(int from, int flags, struct iovec *iov, unsigned n_iov, int *fds, unsigned *n_fds, size_t *len)
{
	union control control;
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = n_iov, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	unsigned room = *n_fds;
	ssize_t n;

	*n_fds = 0;
	do
		n = recvmsg(from, &msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return wsd_errno();
	if (n == 0)
		return WSD_E_CLOSED;
	*len = (size_t)n;
	return take_fds(&msg, fds, room, n_fds) && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? WSD_OK
											       : WSD_E_TOO_LARGE;
}
