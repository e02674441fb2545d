/* SPDX-License-Identifier: MIT */
/* A datagram on the link, with as many descriptors beside it as its first byte says. */
#include "move/link.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "fuzz/fuzz.h"
#include "support/lowest_fd.h"

#define FDS_MOST 32

static struct link_message in;

static void
send_raw(int to, const uint8_t *data, size_t size, unsigned n_fds)
{
	struct iovec iov = { (void *)data, size };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds > 0) {
		struct cmsghdr *h;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (unsigned i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(h) + i * sizeof(int), &to, sizeof(int));
	}
	CHECK(sendmsg(to, &msg, MSG_NOSIGNAL) == (ssize_t)size);
}

static void
take(void)
{
	struct link_hello hello;

	CHECK(in.len <= LINK_BODY_MOST && in.body[in.len] == '\0');
	if (link_hello_check(&in, &hello) == WSD_OK)
		CHECK(strlen(hello.instance) < sizeof(hello.instance) &&
		      strlen(hello.software) < sizeof(hello.software));
	fd_close(&in.fds[0]);
	fd_close(&in.fds[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2], free_before, rc;

	if (size < 2 || size > LINK_BODY_MOST + 64)
		return 0;
	CHECK_ZERO(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	free_before = lowest_free_fd();
	send_raw(pair[0], data + 1, size - 1, data[0] % (FDS_MOST + 1));
	rc = link_receive(pair[1], &in);
	CHECK(rc == WSD_OK || rc == WSD_E_MALFORMED);
	if (rc == WSD_OK)
		take();
	CHECK(lowest_free_fd() == free_before);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
