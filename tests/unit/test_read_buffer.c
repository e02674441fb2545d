/* SPDX-License-Identifier: MIT */
/*
 * How much of a connection's own block libwebsockets really touches, whatever a client sends: wire/context.c gives
 * it no more (WIRE_CONTROL_BYTES), though it was told to read much more at a time. The block ends where a page does
 * that nobody may touch, so that one byte too many ends this program.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <libwebsockets.h>

#include "wire/wire_priv.h"

#define PAGE    4096
#define MESSAGE 60000
#define REQUEST \
	"GET / HTTP/1.1\r\nHost: w\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static struct {
	char *pages;    /* of the block */
	size_t wanted;  /* how much the library asked for */
	size_t bytes;   /* of messages received */
	size_t largest; /* piece */
	unsigned pongs;
} seen;

static void *
allocate(void *ptr, size_t size, const char *reason)
{
	if (ptr && ptr == seen.pages + PAGE - WIRE_CONTROL_BYTES) {
		assert_int_equal(size, 0);
		return NULL;
	}
	if (size == 0) {
		free(ptr);
		return NULL;
	}
	if (ptr)
		return realloc(ptr, size);
	if (strcmp(reason, WIRE_CONTROL_REASON) != 0)
		return malloc(size);
	seen.wanted = size;
	return seen.pages + PAGE - WIRE_CONTROL_BYTES;
}

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_RECEIVE:
		seen.bytes += len;
		seen.largest = len > seen.largest ? len : seen.largest;
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		seen.pongs++;
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ "wsd", callback, 0, WIRE_READ_BYTES - LWS_PRE, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

struct peer {
	struct lws_context *context;
	int fd;
};

static void
serve(struct peer *p)
{
	for (int i = 0; i < 3; i++)
		lws_service(p->context, -1); /* does not wait */
}

/* The answers are of no interest, but must not fill the socket. */
static void
read_away(struct peer *p)
{
	char buf[4096];

	while (recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static void
put(struct peer *p, const void *data, size_t len, size_t piece)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(p->fd, at, len < piece ? len : piece, MSG_NOSIGNAL | MSG_DONTWAIT);

		serve(p);
		read_away(p);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			return; /* closed */
		}
	}
}

/* A masked frame of len bytes, sent in pieces. first: its first byte. */
static void
frame(struct peer *p, uint8_t first, size_t len, size_t piece)
{
	uint8_t *out = malloc(len + 14);
	size_t head = 2;

	assert_non_null(out);
	out[0] = first;
	if (len < 126) {
		out[1] = (uint8_t)(0x80 | len);
	} else {
		out[1] = 0x80 | 126;
		out[2] = (uint8_t)(len >> 8);
		out[3] = (uint8_t)len;
		head = 4;
	}
	memcpy(out + head, "\x11\x22\x33\x44", 4);
	memset(out + head + 4, 'x', len);
	put(p, out, head + 4 + len, piece);
	free(out);
}

static void
open_peer(struct peer *p)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.pt_serv_buf_size = WIRE_READ_BYTES,
		.fd_limit_per_thread = 16,
	};
	int pair[2];

	memset(&seen, 0, sizeof(seen));
	seen.pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(seen.pages, MAP_FAILED);
	assert_int_equal(mprotect(seen.pages + PAGE, PAGE, PROT_NONE), 0);
	lws_set_allocator(allocate);
	lws_set_log_level(0, NULL);
	p->context = lws_create_context(&info);
	assert_non_null(p->context);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	p->fd = pair[1];
	assert_non_null(lws_adopt_socket_readbuf(p->context, pair[0], REQUEST, strlen(REQUEST)));
	serve(p);
	read_away(p);
	assert_int_equal(seen.wanted >= WIRE_READ_BYTES, 1); /* it asks for all of it, under this name */
}

static void
close_peer(struct peer *p)
{
	close(p->fd);
	serve(p);
	lws_context_destroy(p->context);
	assert_int_equal(munmap(seen.pages, 2 * PAGE), 0);
}

static const size_t pieces[] = { 1, 7, 125, 131, 4096, 100000 };

static void
test_messages(void **state)
{
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct peer p;

		open_peer(&p);
		frame(&p, 0x81, MESSAGE, pieces[i]);
		frame(&p, 0x81, 0, pieces[i]);
		frame(&p, 0x82, 125, pieces[i]);
		frame(&p, 0x82, 126, pieces[i]);
		assert_int_equal(seen.bytes, MESSAGE + 125 + 126);
		close_peer(&p);
	}
}

static void
test_fragments_and_control_frames(void **state)
{
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct peer p;

		open_peer(&p);
		frame(&p, 0x01, MESSAGE, pieces[i]);
		frame(&p, 0x89, 125, pieces[i]); /* pings */
		frame(&p, 0x89, 0, pieces[i]);
		frame(&p, 0x00, 3, pieces[i]);
		frame(&p, 0x8a, 125, pieces[i]); /* a pong */
		frame(&p, 0x80, MESSAGE, pieces[i]);
		assert_int_equal(seen.bytes, 2 * MESSAGE + 3);
		assert_int_equal(seen.pongs, 1);
		frame(&p, 0x88, 125, pieces[i]); /* a close frame, as long as they come */
		assert_int_equal(seen.bytes, 2 * MESSAGE + 3);
		close_peer(&p);
	}
}

/* What no client may send: control frames that are too long, or in pieces; opcodes that there are not. */
static void
test_broken_frames(void **state)
{
	static const uint8_t firsts[] = { 0x89, 0x8a, 0x88, 0x09, 0x83, 0x8f, 0xf1 };

	for (size_t i = 0; i < sizeof(firsts); i++) {
		struct peer p;

		open_peer(&p);
		frame(&p, firsts[i], 300, 100000);
		frame(&p, 0x81, MESSAGE, 100000);
		close_peer(&p);
	}
}

/* It is what makes long messages cheap: most of one, if it is there, comes with one read. */
static void
test_large_reads(void **state)
{
	int most = 4 * WIRE_READ_BYTES;
	struct peer p;

	open_peer(&p);
	assert_int_equal(setsockopt(p.fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most)), 0);
	frame(&p, 0x81, MESSAGE, MESSAGE + 14);
	assert_int_equal(seen.bytes, MESSAGE);
	assert_int_equal(seen.largest, MESSAGE);
	close_peer(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_fragments_and_control_frames),
		cmocka_unit_test(test_broken_frames),
		cmocka_unit_test(test_large_reads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
