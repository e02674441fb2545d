/* SPDX-License-Identifier: MIT */
/* libfaults.so: reading and writing. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults.h"

static bool
armed(enum kind kind)
{
	struct control *c = faults_now();

	return c && !faults_busy && ((c->kinds & 1u << kind) || c->most != 0);
}

static int
family(int fd)
{
	int domain = AF_UNSPEC, saved = errno;
	socklen_t len = sizeof(domain);

	if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0)
		domain = AF_UNSPEC;
	errno = saved;
	return domain;
}

static bool
send_fails(int fd)
{
	int domain;

	if (!armed(SEND_INET) && !armed(SEND_UNIX))
		return false;
	domain = family(fd);
	if (domain == AF_UNIX)
		return fails(SEND_UNIX);
	return (domain == AF_INET || domain == AF_INET6) && fails(SEND_INET);
}

static bool
receive_fails(int fd)
{
	int domain;

	if (!armed(RECEIVE))
		return false;
	domain = family(fd);
	return (domain == AF_INET || domain == AF_INET6) && fails(RECEIVE);
}

/* Of so many bytes, as many as are to be taken. */
static size_t
cut(int fd, size_t len)
{
	struct control *c = faults_now();
	uint32_t most = c ? c->most : 0;
	int domain;

	if (most == 0 || len <= most)
		return len;
	domain = family(fd);
	return domain == AF_INET || domain == AF_INET6 ? most : len;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	return send_fails(fd) ? -1 : syscall(SYS_write, fd, data, cut(fd, len));
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	if (send_fails(fd))
		return -1;
	if (n > 0 && cut(fd, SIZE_MAX) != SIZE_MAX)
		return syscall(SYS_write, fd, iov[0].iov_base, cut(fd, iov[0].iov_len));
	return syscall(SYS_writev, fd, iov, n);
}

ssize_t
sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	return send_fails(fd) ? -1 : syscall(SYS_sendto, fd, data, cut(fd, len), flags, to, to_len);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	return sendto(fd, data, len, flags, NULL, 0);
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct iovec one;
	struct msghdr less = *msg;

	if (send_fails(fd))
		return -1;
	if (msg->msg_iovlen > 0 && cut(fd, SIZE_MAX) != SIZE_MAX) {
		one = (struct iovec){ msg->msg_iov[0].iov_base, cut(fd, msg->msg_iov[0].iov_len) };
		less.msg_iov = &one;
		less.msg_iovlen = 1;
		msg = &less;
	}
	return syscall(SYS_sendmsg, fd, msg, flags);
}

/* What was read, of what was asked for. */
static ssize_t
live_through(const void *data, ssize_t len)
{
	struct control *c = faults_now();
	int signo = c ? (int)c->deadly : 0;

	if (signo != 0 && len > 0 && memmem(data, (size_t)len, FAULTS_DEADLY, strlen(FAULTS_DEADLY)))
		raise(signo);
	return len;
}

ssize_t
read(int fd, void *data, size_t len)
{
	return receive_fails(fd) ? -1 : syscall(SYS_read, fd, data, len);
}

ssize_t
recvfrom(int fd, void *restrict data, size_t len, int flags, struct sockaddr *restrict from,
	 socklen_t *restrict from_len)
{
	if (receive_fails(fd))
		return -1;
	return live_through(data, syscall(SYS_recvfrom, fd, data, len, flags, from, from_len));
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	return recvfrom(fd, data, len, flags, NULL, NULL);
}
