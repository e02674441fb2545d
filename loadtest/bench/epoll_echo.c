/* SPDX-License-Identifier: MIT */
/*
 * The least that a WebSocket server can do: one thread, one epoll loop, a handshake, unmask and echo. It
 * stands in loadtest/bench/run for what the kernel alone costs. It greets each client with one text frame, as
 * the others do. It checks nothing that it need not, and is no server to learn from.
 *
 * usage: epoll_echo PORT
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wsclient/ws_codec.h"

#define READ_MAX   65536
#define EVENTS_MAX 512

/* What a read left over: less than one frame, or part of a handshake. */
struct peer {
	int fd;
	bool open; /* the handshake is done */
	size_t n_left;
	char *left;
};

static unsigned char input[2 * READ_MAX];
static unsigned char output[2 * READ_MAX];

/* The bytes used of a whole request's head; 0: more is needed; -1: no handshake. */
static ssize_t
shake(struct peer *p, const char *head, size_t n)
{
	const char *end = memmem(head, n, "\r\n\r\n", 4);
	const char *key = NULL;
	char copy[HANDSHAKE_KEY_LEN + 1], value[WS_ACCEPT_LEN + 1], answer[256];
	int len;

	if (!end)
		return n > 8192 ? -1 : 0;
	for (const char *at = head; at && at < end; at = memchr(at, '\n', (size_t)(end - at)), at = at ? at + 1 : NULL)
		if (end - at >= 43 && strncasecmp(at, "Sec-WebSocket-Key: ", 19) == 0)
			key = at + 19;
	if (!key)
		return -1;
	snprintf(copy, sizeof(copy), "%.*s", HANDSHAKE_KEY_LEN, key);
	ws_accept(value, copy);
	len = snprintf(answer, sizeof(answer),
		       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Accept: %s\r\n\r\n\x81\x21{\"type\":\"connection_established\"}",
		       value);
	if (send(p->fd, answer, (size_t)len, MSG_NOSIGNAL) != len)
		return -1;
	p->open = true;
	return end + 4 - head;
}

/* Unmasks one frame of in to out; the bytes of in used, 0 if the frame is not whole, -1 at a close or what we
 * don't do. */
static ssize_t
echo_frame(const unsigned char *in, size_t n, unsigned char *out, size_t *out_len)
{
	size_t len, head = 2, out_head = 2;
	unsigned opcode;

	if (n < 6)
		return 0;
	opcode = in[0] & 0x0f;
	len = in[1] & 0x7f;
	if (opcode == 8 || !(in[1] & 0x80) || len == 127)
		return -1;
	if (len == 126) {
		len = (size_t)in[2] << 8 | in[3];
		head = out_head = 4;
	}
	if (n < head + 4 + len)
		return 0;
	out[0] = opcode == 9 ? 0x8a : in[0];
	out[1] = in[1] & 0x7f;
	memcpy(out + 2, in + 2, out_head - 2);
	for (size_t i = 0; i < len; i++)
		out[out_head + i] = in[head + 4 + i] ^ in[head + (i & 3)];
	*out_len = out_head + len;
	return (ssize_t)(head + 4 + len);
}

static int
keep_rest(struct peer *p, const unsigned char *rest, size_t n)
{
	free(p->left);
	p->left = NULL;
	p->n_left = n;
	if (n == 0)
		return 0;
	p->left = malloc(n);
	if (!p->left)
		return -1;
	memcpy(p->left, rest, n);
	return 0;
}

/* Everything that one read brought, answered with one write. False: close it. */
static bool
serve(struct peer *p)
{
	size_t used = 0, n_out = 0, n = p->n_left;
	ssize_t got;

	if (n > READ_MAX)
		return false;
	if (n > 0)
		memcpy(input, p->left, n);
	got = recv(p->fd, input + n, READ_MAX, 0);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	n += (size_t)got;
	while (used < n) {
		size_t len = 0;
		ssize_t rc = p->open ? echo_frame(input + used, n - used, output + n_out, &len)
				     : shake(p, (const char *)input + used, n - used);

		if (rc < 0)
			return false;
		if (rc == 0)
			break;
		used += (size_t)rc;
		n_out += len;
	}
	if (n_out > 0 && send(p->fd, output, n_out, MSG_NOSIGNAL) != (ssize_t)n_out)
		return false; /* a client that does not read what it asked for */
	if (used == n && p->n_left == 0)
		return true;
	return keep_rest(p, input + used, n - used) == 0;
}

static void
take_in(int listener, int loop)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event event = { .events = EPOLLIN };
		struct peer *p;

		if (fd < 0)
			return;
		p = calloc(1, sizeof(*p));
		if (!p) {
			close(fd);
			return;
		}
		p->fd = fd;
		event.data.ptr = p;
		if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0) {
			close(fd);
			free(p);
		}
	}
}

static int
listen_on(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 4096) < 0)
		return -1;
	return fd;
}

int
main(int argc, char **argv)
{
	static struct epoll_event events[EVENTS_MAX];
	struct epoll_event event = { .events = EPOLLIN };
	struct rlimit files;
	int listener, loop = epoll_create1(EPOLL_CLOEXEC);

	if (argc != 2) {
		fputs("usage: epoll_echo PORT\n", stderr);
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	listener = listen_on((unsigned)atoi(argv[1]));
	if (loop < 0 || listener < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) < 0) {
		perror("epoll_echo");
		return 1;
	}
	printf("listening on %s\n", argv[1]);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(loop, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;

			if (!p) {
				take_in(listener, loop);
			} else if (!serve(p)) {
				close(p->fd);
				free(p->left);
				free(p);
			}
		}
	}
}
