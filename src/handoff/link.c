/* SPDX-License-Identifier: MIT */
/* Messages of the handoff link. */
#include "handoff/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"

#define HEAD_BYTES 8

static const char magic[8] = "wsdlink";

struct head {
	uint8_t type, zero[3];
	uint32_t index;
};

_Static_assert(sizeof(struct head) == HEAD_BYTES, "the head has no padding");

int
link_send(int fd, enum link_type type, uint32_t index, const void *body, size_t len, const int *fds, unsigned n_fds)
{
	struct head head = { .type = (uint8_t)type, .index = index };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)body, len } };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(LINK_FDS_MOST * sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	if (n_fds > 0) {
		struct cmsghdr *h;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == -1 ? wsd_errno() : WSD_OK;
}

/* Takes at most LINK_FDS_MOST, closes the rest; false if there was a rest. */
static bool
take_fds(struct link_message *m, struct msghdr *msg)
{
	unsigned n = 0;
	bool fits = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t count;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (n < LINK_FDS_MOST) {
				m->fds[n++] = fd;
			} else {
				fd_close(&fd);
				fits = false;
			}
		}
	}
	return fits;
}

int
link_receive(int fd, struct link_message *m)
{
	struct head head = { 0 };
	struct iovec iov[2] = { { &head, sizeof(head) }, { m->body, LINK_BODY_MOST } };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(16 * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	bool fits;
	ssize_t n;

	m->fds[0] = m->fds[1] = -1;
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return wsd_errno();
	if (n == 0)
		return WSD_E_CLOSED;
	fits = take_fds(m, &msg);
	if (!fits || (size_t)n < sizeof(head) || (msg.msg_flags & MSG_TRUNC)) {
		fd_close(&m->fds[0]);
		fd_close(&m->fds[1]);
		return WSD_E_MALFORMED;
	}
	m->type = head.type;
	m->index = head.index;
	m->len = (size_t)n - sizeof(head);
	m->body[m->len] = '\0';
	return WSD_OK;
}

void
link_hello_fill(struct link_hello *hello, const char *instance, const char *software)
{
	*hello = (struct link_hello){ .version_min = LINK_OLDEST, .version_max = LINK_LATEST };
	memcpy(hello->magic, magic, sizeof(magic));
	snprintf(hello->instance, sizeof(hello->instance), "%s", instance);
	snprintf(hello->software, sizeof(hello->software), "%s", software);
}

int
link_hello_check(const struct link_message *m, struct link_hello *out)
{
	if (m->len < sizeof(*out)) /* a newer one may be longer */
		return WSD_E_MALFORMED;
	memcpy(out, m->body, sizeof(*out));
	out->instance[sizeof(out->instance) - 1] = '\0';
	out->software[sizeof(out->software) - 1] = '\0';
	if (memcmp(out->magic, magic, sizeof(magic)) != 0)
		return WSD_E_MALFORMED;
	if (out->version_min > out->version_max)
		return WSD_E_UNSUPPORTED;
	return out->version_min <= LINK_LATEST && out->version_max >= LINK_OLDEST ? WSD_OK : WSD_E_UNSUPPORTED;
}

uint32_t
link_version(const struct link_hello *peer)
{
	return peer->version_max < LINK_LATEST ? peer->version_max : LINK_LATEST;
}
