/* SPDX-License-Identifier: MIT */
/* libfaults.so: calls that make a descriptor, or have one watched. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "faults.h"

int
accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
	return fails(ACCEPT) ? -1 : (int)syscall(SYS_accept4, fd, peer, len, flags);
}

int
accept(int fd, struct sockaddr *peer, socklen_t *len)
{
	return accept4(fd, peer, len, 0);
}

int
socket(int domain, int type, int protocol)
{
	return fails(SOCKET) ? -1 : (int)syscall(SYS_socket, domain, type, protocol);
}

int
socketpair(int domain, int type, int protocol, int fds[2])
{
	return fails(SOCKET) ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}

static int
open_at(int at, const char *path, int flags, va_list args)
{
	mode_t mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;

	return fails(OPEN) ? -1 : (int)syscall(SYS_openat, at, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	int fd;

	va_start(args, flags);
	fd = open_at(AT_FDCWD, path, flags, args);
	va_end(args);
	return fd;
}

int
openat(int at, const char *path, int flags, ...)
{
	va_list args;
	int fd;

	va_start(args, flags);
	fd = open_at(at, path, flags, args);
	va_end(args);
	return fd;
}

int
eventfd(unsigned int count, int flags)
{
	return fails(EVENTFD) ? -1 : (int)syscall(SYS_eventfd2, count, flags);
}

/* What is watched already is no new watch: the kernel says EEXIST before it looks for room or memory. */
int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int rc = (int)syscall(SYS_epoll_ctl, epfd, op, fd, event), error;

	if (rc != 0 || op != EPOLL_CTL_ADD || !fails(EPOLL))
		return rc;
	error = errno;
	syscall(SYS_epoll_ctl, epfd, EPOLL_CTL_DEL, fd, event);
	errno = error;
	return -1;
}

int
epoll_create1(int flags)
{
	return fails(POLL) ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int
epoll_create(int size)
{
	(void)size;
	return epoll_create1(0);
}

int
dup(int fd)
{
	return fails(DUP) ? -1 : (int)syscall(SYS_dup, fd);
}

/* The third argument is passed on as the word that it is, whatever it means. */
int
fcntl(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && fails(DUP))
		return -1;
	return (int)syscall(SYS_fcntl, fd, command, arg);
}

/* A number that is in use already needs no room in the table, so that this cannot fail. */
static bool
taken(int fd)
{
	return syscall(SYS_fcntl, fd, F_GETFD) != -1;
}

int
dup3(int fd, int number, int flags)
{
	return !taken(number) && fails(DUP) ? -1 : (int)syscall(SYS_dup3, fd, number, flags);
}

int
dup2(int fd, int number)
{
	if (!taken(number) && fails(DUP))
		return -1;
	return fd == number ? (taken(fd) ? fd : -1) : (int)syscall(SYS_dup3, fd, number, 0);
}

int
memfd_create(const char *name, unsigned int flags)
{
	return fails(MEMFD) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

int
pipe2(int fds[2], int flags)
{
	return fails(PIPE) ? -1 : (int)syscall(SYS_pipe2, fds, flags);
}

int
pipe(int fds[2])
{
	return pipe2(fds, 0);
}

int
timerfd_create(int id, int flags)
{
	return fails(TIMERFD) ? -1 : (int)syscall(SYS_timerfd_create, id, flags);
}

/* Who is built for large files calls these. */
int open64(const char *path, int flags, ...) SAME_AS("open");
int openat64(int at, const char *path, int flags, ...) SAME_AS("openat");
int fcntl64(int fd, int command, ...) SAME_AS("fcntl");
