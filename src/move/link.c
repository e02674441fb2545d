/* SPDX-License-Identifier: MIT */
/* Messages of the handoff link. */
#include "move/link.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"

#define HEAD_BYTES 8

static const char magic[8] = "wsdlink";

struct head {
	uint8_t type, zero[3];
	uint32_t index;
};

_Static_assert(sizeof(struct head) == HEAD_BYTES, "the head has no padding");

int
link_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int
link_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	fd = link_socket();
	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd == -1 ? wsd_errno() : fd;
	rc = wsd_errno();
	fd_close(&fd);
	return rc;
}

int
link_send(int fd, enum link_type type, uint32_t index, const void *body, size_t len, const int *fds, unsigned n_fds)
{
	struct head head = { .type = (uint8_t)type, .index = index };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)body, len } };

	return fd_pass_send(fd, iov, len ? 2 : 1, fds, n_fds);
}

int
link_receive(int fd, struct link_message *m)
{
	struct head head = { 0 };
	struct iovec iov[2] = { { &head, sizeof(head) }, { m->body, LINK_BODY_MOST } };
	unsigned n_fds = LINK_FDS_MOST;
	size_t n;
	int rc;

	m->fds[0] = m->fds[1] = -1;
	rc = fd_pass_receive(fd, 0, iov, 2, m->fds, &n_fds, &n);
	if (rc == WSD_E_TOO_LARGE || (rc == WSD_OK && n < sizeof(head))) {
		link_close_fds(m);
		return WSD_E_MALFORMED;
	}
	if (rc != WSD_OK)
		return rc;
	m->type = head.type;
	m->index = head.index;
	m->len = n - sizeof(head);
	m->body[m->len] = '\0';
	return WSD_OK;
}

void
link_close_fds(struct link_message *m)
{
	fd_close(&m->fds[0]);
	fd_close(&m->fds[1]);
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
