/* SPDX-License-Identifier: MIT */
/* File descriptor helpers. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

void
fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd); /* after EINTR the number is gone all the same: close(2) */
	*fd = -1;
	errno = saved;
}

static int
set_flag(int fd, int get, int set, int flag)
{
	int flags = fcntl(fd, get);

	if (flags == -1)
		return wsd_errno();
	if ((flags & flag) == flag)
		return WSD_OK;
	return fcntl(fd, set, flags | flag) == -1 ? wsd_errno() : WSD_OK;
}

int
fd_set_nonblock(int fd)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK);
}

int
fd_set_cloexec(int fd)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC);
}

int
fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			if (poll(&p, 1, -1) == -1 && errno != EINTR)
				return wsd_errno();
		} else if (errno != EINTR) {
			return wsd_errno();
		}
	}
	return WSD_OK;
}

int
fd_write_at(int fd, const void *data, size_t len, uint64_t at)
{
	const char *bytes = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -EIO : wsd_errno();
		bytes += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return WSD_OK;
}

int
fd_read_at(int fd, void *data, size_t len, uint64_t at)
{
	char *bytes = data;

	while (len > 0) {
		ssize_t n = pread(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? WSD_E_MALFORMED : wsd_errno();
		bytes += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return WSD_OK;
}

static int
read_whole(int fd, char *buf, size_t room, size_t *len)
{
	*len = 0;
	while (*len < room) {
		ssize_t n = read(fd, buf + *len, room - *len);

		if (n == 0)
			return WSD_OK;
		if (n > 0)
			*len += (size_t)n;
		else if (errno != EINTR)
			return wsd_errno();
	}
	return WSD_E_TOO_LARGE;
}

int
fd_read_file(const char *path, size_t room, char **out, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *buf = NULL;
	int rc;

	*out = NULL;
	*len = 0;
	if (fd == -1)
		return wsd_errno();
	buf = malloc(room + 2);
	if (!buf) {
		rc = -ENOMEM;
		goto out;
	}
	rc = read_whole(fd, buf, room + 1, len);
	if (rc != WSD_OK)
		goto out;
	buf[*len] = '\0';
	*out = buf;
	buf = NULL;
out:
	free(buf);
	fd_close(&fd);
	return rc;
}

void
fd_discard(int fd)
{
	char buf[16384];

	for (int i = 0; i < 512; i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EINTR))
			return;
	}
}

void
fd_random(void *out, size_t len)
{
	char *at = out;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);

		CHECK(n > 0 || errno == EINTR);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}
