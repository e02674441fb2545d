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

/* FIPS 180-4, 6.1; for the handshake's 60 bytes only, so the input is at most two blocks. */
static uint32_t
rotate(uint32_t x, unsigned n)
{
	return (x << n) | (x >> (32 - n));
}

static void
sha1_block(uint32_t h[5], const unsigned char *block)
{
	uint32_t w[80], v[5];

	for (unsigned t = 0; t < 16; t++)
		w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
		       (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
	for (unsigned t = 16; t < 80; t++)
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	memcpy(v, h, sizeof(v));
	for (unsigned t = 0; t < 80; t++) {
		uint32_t f, k, next;

		if (t < 20) {
			f = (v[1] & v[2]) | (~v[1] & v[3]);
			k = 0x5a827999;
		} else if (t < 40) {
			f = v[1] ^ v[2] ^ v[3];
			k = 0x6ed9eba1;
		} else if (t < 60) {
			f = (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]);
			k = 0x8f1bbcdc;
		} else {
			f = v[1] ^ v[2] ^ v[3];
			k = 0xca62c1d6;
		}
		next = rotate(v[0], 5) + f + v[4] + k + w[t];
		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotate(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (unsigned i = 0; i < 5; i++)
		h[i] += v[i];
}

/* RFC 6455, 4.2.2: base64 of SHA-1 of the key and a fixed text; 28 characters. */
static void
accept_value(char out[29], const char *key)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	unsigned char text[128] = { 0 }, sum[21] = { 0 };

	memcpy(text, key, 24);
	memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
	text[60] = 0x80;
	text[126] = (60 * 8) >> 8;
	text[127] = (60 * 8) & 0xff;
	sha1_block(h, text);
	sha1_block(h, text + 64);
	for (unsigned i = 0; i < 20; i++)
		sum[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
	for (unsigned i = 0, o = 0; i < 21; i += 3) {
		uint32_t bits = (uint32_t)sum[i] << 16 | (uint32_t)sum[i + 1] << 8 | sum[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			out[o++] = digits[bits >> shift & 63];
	}
	out[27] = '=';
	out[28] = '\0';
}

/* The bytes used of a whole request's head; 0: more is needed; -1: no handshake. */
static ssize_t
shake(struct peer *p, const char *head, size_t n)
{
	const char *end = memmem(head, n, "\r\n\r\n", 4);
	const char *key = NULL;
	char value[29], answer[256];
	int len;

	if (!end)
		return n > 8192 ? -1 : 0;
	for (const char *at = head; at && at < end; at = memchr(at, '\n', (size_t)(end - at)), at = at ? at + 1 : NULL)
		if (end - at >= 43 && strncasecmp(at, "Sec-WebSocket-Key: ", 19) == 0)
			key = at + 19;
	if (!key)
		return -1;
	accept_value(value, key);
	len = snprintf(answer, sizeof(answer),
		       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Accept: %s\r\n\r\n\x81\x21{\"type\":\"connection_established\"}", value);
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
