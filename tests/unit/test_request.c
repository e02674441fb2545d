/* SPDX-License-Identifier: MIT */
/* The request judge: what is let through to whom, each refusal, and that it doesn't matter how the bytes
 * arrive. */
#include "front/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/exact.h"

#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define HOST    "Host: example.org\r\n"
#define CHAT    "GET /ws/chat/c-1 HTTP/1.1\r\n"
#define END     "\r\n"
#define GOOD    CHAT HOST UPGRADE VERSION KEY

/* Judges a copy without slack; the slices of *r then point nowhere. */
static void
judge_piece(struct request *r, const char *head, size_t len)
{
	char *copy = exact_copy(head, len);

	request_judge(r, copy, len);
	free(copy);
}

/* One byte more at a time: the first judgement that is not "partial" must be the one on the whole. */
static void
judge_in_pieces(const char *head, size_t len)
{
	struct request whole, piece;

	judge_piece(&whole, head, len);
	for (size_t n = 0; n <= len; n++) {
		judge_piece(&piece, head, n);
		if (piece.kind != REQUEST_PARTIAL)
			break;
	}
	assert_int_equal(piece.kind, whole.kind);
	assert_int_equal(piece.status, whole.status);
	assert_ptr_equal(piece.why, whole.why);
	assert_int_equal(piece.head_len, whole.head_len);
	assert_string_equal(piece.connection_id, whole.connection_id);
	assert_string_equal(piece.session, whole.session);
}

struct expected {
	int status; /* 0: it is let through */
	const char *head;
};

static const struct expected handshakes[] = {
	{ 0, GOOD END },
	{ 0, GOOD "X-Other: \xff\t and more\r\nEmpty:\r\n" END },
	{ 0, CHAT "hOST:example.org:3001\r\nCONNECTION: keep-alive, uPGRADE\r\nupgrade:\tWebSocket \r\n"
		  "SEC-WEBSOCKET-VERSION: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" END },
	{ 0, CHAT HOST "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" VERSION KEY END },
	{ 0, CHAT HOST "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n" VERSION KEY END },
	{ 0, CHAT HOST UPGRADE "Upgrade: websocket\r\n" VERSION KEY END },
	{ 0, GOOD "Content-Length: 0\r\nOrigin: https://example.org\r\n" END },
	{ 0, "GET /ws/chat/%61.%7E_~-Z9?x=1&session=t0k-en HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 0, "GET /ws/chat/c-1? HTTP/1.2\r\n" HOST UPGRADE VERSION KEY END },
	{ 0, CHAT "Host: [2001:db8::1]:80\r\n" UPGRADE VERSION KEY END },

	/* lists in several lines, of which one may be empty */
	{ 0, GOOD "Sec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: x; y=1\r\n"
		  "Sec-WebSocket-Extensions: ,\r\n" END },

	{ 400, GOOD "Sec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol: ,\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Protocol: a b\r\nSec-WebSocket-Protocol: a\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a;\r\nSec-WebSocket-Extensions: a\r\n" END },
	{ 400, "GET /ws/chat/a?session=t&session=t HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, CHAT UPGRADE VERSION KEY END },
	{ 400, GOOD HOST END },
	{ 400, CHAT "Host:\r\n" UPGRADE VERSION KEY END },
	{ 400, CHAT "Host: a b\r\n" UPGRADE VERSION KEY END },
	{ 400, CHAT "Host: a:8x\r\n" UPGRADE VERSION KEY END },
	{ 400, CHAT "Host: user@a\r\n" UPGRADE VERSION KEY END },
	{ 400, CHAT "Host: [::1\r\n" UPGRADE VERSION KEY END },
	{ 400, CHAT "Host: []\r\n" UPGRADE VERSION KEY END },
	{ 404, "GET /ws/ HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 404, "GET /ws/chat HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 404, "GET /ws/echo/x HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 404, "GET /ws/echo/x HTTP/1.1\r\n" HOST END },
	{ 404, "GET /other HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 404, "GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/ HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/a/b HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/a%2Fb HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/a%20b HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/a+b HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/a%00 HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/%C3%A9 HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/%2561 HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/. HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/%2e. HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/a?session=a%22b HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, "GET /ws/chat/a?session=%00 HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 400, GOOD "Content-Length: 1\r\n" END },
	{ 400, GOOD "Content-Length: 0\r\nContent-Length: 0\r\n" END },
	{ 400, GOOD "Content-Length: -0\r\n" END },
	{ 400, GOOD "Content-Length:\r\n" END },
	{ 400, GOOD "Transfer-Encoding: chunked\r\n" END },
	{ 426, CHAT HOST END },
	{ 426, CHAT HOST "Connection: Upgrade\r\n" VERSION KEY END },
	{ 426, CHAT HOST "Upgrade: websocket\r\n" VERSION KEY END },
	{ 426, CHAT HOST "Connection: close\r\nUpgrade: websocket\r\n" VERSION KEY END },
	{ 426, CHAT HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n" VERSION KEY END },
	{ 426, CHAT HOST "Connection: Upgrade\r\nUpgrade: websockets\r\n" VERSION KEY END },
	{ 426, CHAT HOST UPGRADE KEY END },
	{ 426, CHAT HOST UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY END },
	{ 426, CHAT HOST UPGRADE "Sec-WebSocket-Version: 013\r\n" KEY END },
	{ 426, CHAT HOST UPGRADE "Sec-WebSocket-Version: 13, 8\r\n" KEY END },
	{ 426, GOOD VERSION END },
	{ 400, CHAT HOST UPGRADE VERSION END },
	{ 400, GOOD KEY END },
	{ 400, CHAT HOST UPGRADE VERSION "Sec-WebSocket-Key:\r\n" END },
	{ 400, CHAT HOST UPGRADE VERSION "Sec-WebSocket-Key: abc\r\n" END },
	{ 400, CHAT HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" END },
	{ 400, CHAT HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQQ=\r\n" END },
	{ 400, CHAT HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBs_SBub25jZQ==\r\n" END },
	{ 400, CHAT HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBs=SBub25jZQ==\r\n" END },
	{ 400, GOOD "Origin: a\r\nOrigin: a\r\n" END },
	{ 400, GOOD "Authorization: a\r\nAuthorization: b\r\n" END },
	{ 0, GOOD "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: ,b , ,!c~\t,\r\n" END },
	{ 0, GOOD "Sec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: b; c ; d=e;f = \"g\\h\" ,, i\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Protocol:\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Protocol: , ,\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Protocol: a b\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Protocol: a;b\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Protocol: \xc3\xa9\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Protocol: a/b\r\nSec-WebSocket-Protocol: a\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions:\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a;\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a; b=\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a; b=\"\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a; b=\"\"\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a; b=\"c d\"\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a; b=\"c\\\"\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a; b=\"c\\\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: a; b=\"c\"d\r\n" END },
	{ 400, GOOD "Sec-WebSocket-Extensions: =a\r\n" END },
	{ 405, "POST /ws/chat/c-1 HTTP/1.1\r\n" },
	{ 405, "HEAD /ws/nothing HTTP/1.1\r\n" },
	{ 405, "POST / HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END },
	{ 505, "GET /ws/chat/c-1 HTTP/1.0\r\n" },
};

static const struct expected plain[] = {
	{ 0, "GET / HTTP/1.1\r\n" HOST END },
	{ 0, "GET /health?x=%20 HTTP/1.1\r\nHost:\r\n" END },
	{ 0, "GET /health HTTP/1.0\r\n" END },
	{ 0, "GET /health HTTP/1.0\r\n" UPGRADE END },
	{ 0, "HEAD / HTTP/1.1\r\n" HOST "Accept: */*\r\n" END },
	{ 0, "OPTIONS * HTTP/1.1\r\n" HOST END },
	{ 0, "OPTIONS / HTTP/1.1\r\n" HOST END },
	{ 0, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END "hello" },
	{ 0, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n" END },
	{ 0, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n" END },
	{ 0, "GET /ws HTTP/1.1\r\n" HOST END },
	{ 0, "GET /wsx/chat/a HTTP/1.1\r\n" HOST END },
	{ 0, "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" END },
	{ 0, "DELETE /a HTTP/1.1\r\n" HOST "Sec-WebSocket-Key: ?\r\nOrigin: a\r\nOrigin: b\r\n" END },

	{ 400, "GET / HTTP/1.1\r\n" END },
	{ 400, "GET / HTTP/1.0\r\n" HOST HOST END },
	{ 413, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n" END },
	{ 413, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999999\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Content-Length: +5\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END },
	{ 400, "POST /x HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END },
	{ 501, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Content-Length:5 \r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\t\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Content-Length: \t\r\n" END },
	{ 400, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked \r\n" END },
	{ 0, "POST /x HTTP/1.1\r\n" HOST "Content-Length:\t  5\r\n" END },
};

/* Refused before the head is whole; the last byte shown is the one that decides. */
static const struct expected early[] = {
	{ 400, "\x16" },
	{ 400, " " },
	{ 400, "\r" },
	{ 400, "\n" },
	{ 400, "\xff" },
	{ 400, "GET\t" },
	{ 400, "GE(" },
	{ 400, "GET\r" },
	{ 501, "GETGETGE" },
	{ 501, "get " },
	{ 501, "FOO " },
	{ 501, "CONNECT " },
	{ 505, "PRI " },
	{ 400, "GET h" }, /* http://..., for proxies */
	{ 400, "GET  " },
	{ 400, "GET *" },
	{ 400, "OPTIONS *x" },
	{ 400, "GET /\r" },
	{ 400, "GET /\n" },
	{ 400, "GET /\x01" },
	{ 400, "GET /\x7f" },
	{ 400, "GET /\xc3" },
	{ 400, "GET /#" },
	{ 400, "GET /%g" },
	{ 400, "GET /%1g" },
	{ 400, "GET /%1 " },
	{ 400, "GET /% " },
	{ 400, "GET /%%" },
	{ 400, "GET / h" },
	{ 400, "GET /  " },
	{ 400, "GET / HTTPS" },
	{ 400, "GET / HTTP/x" },
	{ 505, "GET / HTTP/2" },
	{ 505, "GET / HTTP/0" },
	{ 400, "GET / HTTP/1x" },
	{ 400, "GET / HTTP/1.x" },
	{ 400, "GET / HTTP/1.1 " },
	{ 400, "GET / HTTP/1.10" },
	{ 400, "GET / HTTP/1.1\n" },
	{ 400, "GET / HTTP/1.1\r\r" },
	{ 400, "GET / HTTP/1.1\r\n " },
	{ 400, "GET / HTTP/1.1\r\n\t" },
	{ 400, "GET / HTTP/1.1\r\n:" },
	{ 400, "GET / HTTP/1.1\r\n\n" },
	{ 400, "GET / HTTP/1.1\r\n\rx" },
	{ 400, "GET / HTTP/1.1\r\nHost " },
	{ 400, "GET / HTTP/1.1\r\nHost\r" },
	{ 400, "GET / HTTP/1.1\r\nHost\n" },
	{ 400, "GET / HTTP/1.1\r\nHo\xc3" },
	{ 400, "GET / HTTP/1.1\r\nHo(" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\rb" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\x01" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\x7f" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\n " },
};

static void
judged_as(const struct expected *e, enum request_kind let_through)
{
	size_t len = strlen(e->head);
	struct request r;

	request_judge(&r, e->head, len);
	if (r.status != e->status || r.kind != (e->status ? REQUEST_REFUSED : let_through))
		fail_msg("kind %d, status %d (%s) for %s", r.kind, r.status, r.why ? r.why : "", e->head);
	assert_int_equal(r.why != NULL, e->status != 0);
	if (e->status == 0)
		assert_int_equal(r.head_len, strstr(e->head, "\r\n\r\n") + 4 - e->head);
	else
		assert_null(strpbrk(r.why, "\"\\\r\n"));
	judge_in_pieces(e->head, len);
}

static void
test_handshakes(void **state)
{
	for (size_t i = 0; i < sizeof(handshakes) / sizeof(*handshakes); i++)
		judged_as(&handshakes[i], REQUEST_WEBSOCKET);
}

static void
test_plain_requests(void **state)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		judged_as(&plain[i], REQUEST_HTTP);
}

static void
test_early_refusals(void **state)
{
	for (size_t i = 0; i < sizeof(early) / sizeof(*early); i++) {
		struct request r;

		judged_as(&early[i], REQUEST_PARTIAL);
		judge_piece(&r, early[i].head, strlen(early[i].head) - 1);
		assert_int_equal(r.kind, REQUEST_PARTIAL);
	}
}

static void
test_zero_bytes(void **state)
{
	static const char head[] = GOOD END;

	for (size_t i = 0; i < sizeof(head) - 1; i++) {
		char zeroed[sizeof(head)];
		struct request r;

		memcpy(zeroed, head, sizeof(head));
		zeroed[i] = '\0';
		request_judge(&r, zeroed, sizeof(head) - 1);
		assert_int_equal(r.kind, REQUEST_REFUSED);
		assert_int_equal(r.status, 400);
	}
}

static void
test_slices(void **state)
{
	static const char head[] =
		"GET /ws/chat/a%2db?x=y&session=s.1&z HTTP/1.1\r\n" HOST UPGRADE VERSION KEY
		"Origin: https://a.example\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For:  2.2.2.2, 3.3.3.3 "
		"\r\n"
		"X-Request-ID: r-1\r\nUser-Agent: curl/8\r\nSec-WebSocket-Protocol: a, b\r\n"
		"Authorization: Bearer t\r\nX-Forwarded-Proto: https\r\n" END "\x81\x85";
	struct request r;

	request_judge(&r, head, sizeof(head) - 1);
	assert_int_equal(r.kind, REQUEST_WEBSOCKET);
	assert_int_equal(r.head_len, sizeof(head) - 3);
	assert_true(slice_equal(r.method, "GET"));
	assert_true(slice_equal(r.target, "/ws/chat/a%2db?x=y&session=s.1&z"));
	assert_true(slice_equal(r.query, "x=y&session=s.1&z"));
	assert_true(slice_equal(r.host, "example.org"));
	assert_true(slice_equal(r.origin, "https://a.example"));
	assert_true(slice_equal(r.key, "dGhlIHNhbXBsZSBub25jZQ=="));
	assert_int_equal(r.forwarded_for.n_lines, 2);
	assert_true(slice_equal(r.forwarded_for.lines[0], "1.1.1.1"));
	assert_true(slice_equal(r.forwarded_for.lines[1], "2.2.2.2, 3.3.3.3"));
	assert_true(slice_equal(r.request_id, "r-1"));
	assert_true(slice_equal(r.user_agent, "curl/8"));
	assert_int_equal(r.subprotocols.n_lines, 1);
	assert_true(slice_equal(r.subprotocols.lines[0], "a, b"));
	assert_true(slice_equal(r.authorization, "Bearer t"));
	assert_true(slice_equal(r.forwarded_proto, "https"));
	assert_string_equal(r.connection_id, "a-b");
	assert_string_equal(r.session, "s.1");
}

static void
test_lengths_of_id_and_session(void **state)
{
	for (int extra = 0; extra <= 1; extra++) {
		char head[1024];
		struct request r;

		snprintf(head, sizeof(head), "GET /ws/chat/%0*d?session=t HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END,
			 CONNECTION_ID_MAX + extra, 1);
		request_judge(&r, head, strlen(head));
		assert_int_equal(r.status, extra ? 400 : 0);
		assert_int_equal(strlen(r.connection_id), extra ? 0 : CONNECTION_ID_MAX);
		snprintf(head, sizeof(head), "GET /ws/chat/a?session=%0*d HTTP/1.1\r\n" HOST UPGRADE VERSION KEY END,
			 REQUEST_TOKEN_MAX + extra, 1);
		request_judge(&r, head, strlen(head));
		assert_int_equal(r.status, extra ? 400 : 0);
		assert_int_equal(strlen(r.session), extra ? 0 : REQUEST_TOKEN_MAX);
	}
}

/* In the order of the lines, whatever is empty left out. */
static void
test_elements_of_several_lines(void **state)
{
	static const char *const expected[] = { "a", "b", "c", "d" };
	struct request_list list = { .lines = { SLICE(""), SLICE("a ,\tb"), SLICE(", ,"), SLICE("c,"), SLICE(" d ") },
				     .n_lines = 5 };
	struct request_place place = { 0 };
	struct slice one;

	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(request_next(&list, &place, &one));
		assert_true(slice_equal(one, expected[i]));
	}
	assert_false(request_next(&list, &place, &one));
	assert_false(request_next(&list, &place, &one));
}

static void
test_number_of_lines_of_subprotocols(void **state)
{
	for (int extra = 0; extra <= 1; extra++) {
		char head[REQUEST_HEAD_MAX];
		size_t len = (size_t)snprintf(head, sizeof(head), "%s", GOOD);
		struct request r;

		for (int i = 0; i < REQUEST_LINES_MAX + extra; i++)
			len += (size_t)snprintf(head + len, sizeof(head) - len, "Sec-WebSocket-Protocol: p%d\r\n", i);
		len += (size_t)snprintf(head + len, sizeof(head) - len, "\r\n");
		request_judge(&r, head, len);
		assert_int_equal(r.status, extra ? 431 : 0);
	}
}

/* A good handshake of exactly this many bytes. */
static char *
padded_head(size_t len)
{
	static const char end[] = "\r\n" END;
	char *head = malloc(len);
	size_t start = sizeof(GOOD "X-Pad: ") - 1;

	assert_non_null(head);
	memcpy(head, GOOD "X-Pad: ", start);
	memset(head + start, 'p', len - start);
	memcpy(head + len - (sizeof(end) - 1), end, sizeof(end) - 1);
	return head;
}

static void
test_size_of_head(void **state)
{
	struct request r;
	char *head = padded_head(REQUEST_HEAD_MAX);

	request_judge(&r, head, REQUEST_HEAD_MAX - 1);
	assert_int_equal(r.kind, REQUEST_PARTIAL);
	request_judge(&r, head, REQUEST_HEAD_MAX);
	assert_int_equal(r.kind, REQUEST_WEBSOCKET);
	free(head);

	head = padded_head(REQUEST_HEAD_MAX + 1);
	request_judge(&r, head, REQUEST_HEAD_MAX - 1);
	assert_int_equal(r.kind, REQUEST_PARTIAL);
	for (size_t len = REQUEST_HEAD_MAX; len <= REQUEST_HEAD_MAX + 1; len++) {
		request_judge(&r, head, len);
		assert_int_equal(r.status, 431);
	}
	free(head);
}

static void
test_number_of_fields(void **state)
{
	for (int extra = 0; extra <= 1; extra++) {
		char head[REQUEST_HEAD_MAX];
		size_t len = (size_t)snprintf(head, sizeof(head), "%s", GOOD);
		struct request r;

		for (int i = 5; i < REQUEST_HEADERS_MAX + extra; i++)
			len += (size_t)snprintf(head + len, sizeof(head) - len, "X-%d: y\r\n", i);
		len += (size_t)snprintf(head + len, sizeof(head) - len, "\r\n");
		request_judge(&r, head, len);
		assert_int_equal(r.status, extra ? 431 : 0);
		judge_in_pieces(head, len);
	}
}

/* As many as can be taken apart further on. */
static void
test_number_of_parts(void **state)
{
	for (int extra = 0; extra <= 1; extra++) {
		char head[REQUEST_HEAD_MAX];
		size_t len = (size_t)snprintf(head, sizeof(head), "GET /?");
		struct request r;

		for (int i = 1; i < REQUEST_PARAMETERS_MAX + extra; i++)
			len += (size_t)snprintf(head + len, sizeof(head) - len, "a&");
		len += (size_t)snprintf(head + len, sizeof(head) - len, " HTTP/1.1\r\n" HOST "\r\n");
		request_judge(&r, head, len);
		assert_int_equal(r.status, extra ? 400 : 0);
	}
	for (int extra = 0; extra <= 1; extra++) {
		char head[REQUEST_HEAD_MAX];
		size_t len = (size_t)snprintf(head, sizeof(head), "GET / HTTP/1.1\r\n" HOST "Cookie: a=b\r\nCookie: ");
		struct request r;

		for (int i = 2; i < REQUEST_COOKIES_MAX + extra; i++)
			len += (size_t)snprintf(head + len, sizeof(head) - len, i % 2 ? "a;" : "a,");
		len += (size_t)snprintf(head + len, sizeof(head) - len, "\r\n\r\n");
		request_judge(&r, head, len);
		assert_int_equal(r.status, extra ? 431 : 0);
	}
}

static void
query_gives(const char *query, const char *name, int code, const char *value)
{
	char out[6];
	struct slice slice = { exact_copy(query, strlen(query)), strlen(query) };

	memset(out, 'x', sizeof(out));
	assert_int_equal(request_query(slice, name, out, sizeof(out)), code);
	assert_string_equal(out, value);
	free((char *)slice.at);
}

static void
test_query(void **state)
{
	query_gives("a=1", "a", 1, "1");
	query_gives("b=2&a=1&b=3", "a", 1, "1");
	query_gives("a=1&a=1", "a", WSD_E_MALFORMED, "");
	query_gives("a=123456&b&a", "a", WSD_E_MALFORMED, "");
	query_gives("&&aa=2&a", "a", 0, "");
	query_gives("a=", "a", 0, "");
	query_gives("a==b", "a", 2, "=b");
	query_gives("a=%41%2b+", "a", 3, "A++");
	query_gives("a=12345", "a", 5, "12345");
	query_gives("a=123456", "a", WSD_E_TOO_LARGE, "");
	query_gives("a=%", "a", WSD_E_MALFORMED, "");
	query_gives("a=%4", "a", WSD_E_MALFORMED, "");
	query_gives("a=%4&b", "a", WSD_E_MALFORMED, "");
	query_gives("a=%zz", "a", WSD_E_MALFORMED, "");
	query_gives("a=x%00", "a", WSD_E_MALFORMED, "");
	query_gives("", "a", WSD_E_UNKNOWN, "");
	query_gives("b=a", "a", WSD_E_UNKNOWN, "");
	query_gives("A=1", "a", WSD_E_UNKNOWN, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_plain_requests),
		cmocka_unit_test(test_early_refusals),
		cmocka_unit_test(test_zero_bytes),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_lengths_of_id_and_session),
		cmocka_unit_test(test_size_of_head),
		cmocka_unit_test(test_number_of_fields),
		cmocka_unit_test(test_number_of_parts),
		cmocka_unit_test(test_elements_of_several_lines),
		cmocka_unit_test(test_number_of_lines_of_subprotocols),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
