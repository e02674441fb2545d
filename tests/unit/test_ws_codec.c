/* SPDX-License-Identifier: MIT */
/* Client frames and the handshake; input is also fed in pieces and broken. */
#include "wsclient/ws_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

static void
test_the_key_of_the_rfc(void **state)
{
	char accept[WS_ACCEPT_LEN + 1], key[HANDSHAKE_KEY_LEN + 1];
	static const uint8_t nonce[16] = { 0x74, 0x68, 0x65, 0x20, 0x73, 0x61, 0x6d, 0x70,
					   0x6c, 0x65, 0x20, 0x6e, 0x6f, 0x6e, 0x63, 0x65 };

	ws_key(key, nonce);
	assert_string_equal(key, "dGhlIHNhbXBsZSBub25jZQ==");
	ws_accept(accept, key);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	ws_accept(accept, "");
	assert_string_equal(accept, "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
}

static void
test_masked_headers(void **state)
{
	uint8_t out[WS_HEADER_MAX + FRAME_CONTROL_MAX];
	static const uint8_t hello[] = { 0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58 };

	assert_int_equal(ws_control(out, FRAME_PONG, "Hello", 5, mask), sizeof(hello));
	assert_memory_equal(out, hello, sizeof(hello));
	assert_int_equal(ws_header(out, FRAME_TEXT, 125, mask), 6);
	assert_int_equal(ws_header(out, FRAME_TEXT, 126, mask), 8);
	assert_int_equal(out[1], 0x80 | 126);
	assert_int_equal(ws_header(out, FRAME_TEXT, 65535, mask), 8);
	assert_int_equal(ws_header(out, FRAME_TEXT, 65536, mask), 14);
	assert_int_equal(out[7], 1);
	assert_int_equal(ws_control(out, FRAME_CLOSE, NULL, 0, mask), 6);
}

/* From heap memory of exactly that length, so that a sanitizer sees any byte read too many. */
static int
parse(const void *data, size_t len, struct ws_frame *f)
{
	uint8_t *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, data, len);
	rc = ws_parse(copy, len, 1 << 20, f);
	free(copy);
	return rc;
}

static void
test_frames_whole_and_in_pieces(void **state)
{
	static const size_t sizes[] = { 0, 1, 5, 125, 126, 127, 65535, 65536, 70000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint8_t *frame = calloc(1, sizes[i] + FRAME_HEADER_MAX + 3);
		uint8_t with_mask[WS_HEADER_MAX];
		size_t head = ws_header(with_mask, FRAME_TEXT, sizes[i], mask) - 4, step;
		struct ws_frame f;

		memcpy(frame, with_mask, head);
		frame[1] &= 0x7f;
		for (size_t len = 0; len < head + sizes[i]; len += step) {
			step = len < 20 ? 1 : 7919;
			assert_int_equal(parse(frame, len, &f), -EAGAIN);
			assert_int_equal(f.size, len < head ? 0 : head + sizes[i]);
		}
		assert_int_equal(parse(frame, head + sizes[i], &f), WSD_OK);
		assert_int_equal(f.size, head + sizes[i]);
		assert_int_equal(f.payload.len, sizes[i]);
		assert_int_equal(f.opcode, FRAME_TEXT);
		assert_true(f.fin);
		assert_int_equal(parse(frame, head + sizes[i] + 3, &f), WSD_OK);
		assert_int_equal(f.size, head + sizes[i]);
		free(frame);
	}
}

static void
test_bad_frames(void **state)
{
	static const struct {
		uint8_t data[10];
		int rc;
	} bad[] = {
		{ { 0x81, 0x80 }, WSD_E_MALFORMED }, /* masked */
		{ { 0xc1, 0x00 }, WSD_E_MALFORMED }, /* a reserved bit */
		{ { 0x83, 0x00 }, WSD_E_MALFORMED }, /* reserved opcodes */
		{ { 0x8b, 0x00 }, WSD_E_MALFORMED },
		{ { 0x09, 0x00 }, WSD_E_MALFORMED },        /* a split ping */
		{ { 0x89, 126, 0, 126 }, WSD_E_MALFORMED }, /* a long ping */
		{ { 0x81, 126, 0, 125 }, WSD_E_MALFORMED }, /* length longer than need be */
		{ { 0x81, 127, 0, 0, 0, 0, 0, 0, 255, 255 }, WSD_E_MALFORMED },
		{ { 0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0 }, WSD_E_MALFORMED },
		{ { 0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 1 }, WSD_E_TOO_LARGE },
	};
	struct ws_frame f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i].data, sizeof(bad[i].data), &f), bad[i].rc);
}

static int
reply(const char *text, size_t len, const char *subprotocol, struct ws_reply *r)
{
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	rc = ws_reply_parse(copy, len, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", subprotocol, r);
	free(copy);
	return rc;
}

#define GOOD_REPLY \
	"HTTP/1.1 101 Switching Protocols\r\nupgrade:WebSocket\r\nConnection: keep-alive, Upgrade \r\n" \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static void
test_the_answer_to_the_handshake(void **state)
{
	static const char good[] = GOOD_REPLY "Sec-WebSocket-Protocol: b\r\n\r\n\x81";
	size_t len = sizeof(good) - 2;
	struct ws_reply r;

	for (size_t i = 0; i < len; i++)
		assert_int_equal(reply(good, i, NULL, &r), -EAGAIN);
	assert_int_equal(reply(good, len + 1, NULL, &r), WSD_OK);
	assert_true(r.upgraded);
	assert_int_equal(r.status, 101);
	assert_int_equal(r.size, len);
	assert_int_equal(reply(good, len, "a, b", &r), WSD_OK);
	assert_true(r.upgraded);
	assert_int_equal(reply(good, len, "a", &r), WSD_OK);
	assert_false(r.upgraded);
}

static void
answers(const char *text, int status, long retry_after_s)
{
	struct ws_reply r;

	assert_int_equal(reply(text, strlen(text), NULL, &r), WSD_OK);
	assert_int_equal(r.status, status);
	assert_int_equal(r.retry_after_s, retry_after_s);
	assert_false(r.upgraded);
}

static void
test_refusals(void **state)
{
	static const char *const bad[] = { "SSH-2.0-x\r\n\r\n", "HTTP/1.1 \r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
					   "HTTP/2.0 200 OK\r\n\r\n" };
	struct ws_reply r;

	answers("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", 503, 7);
	answers("HTTP/1.1 429 No\r\nRETRY-AFTER:  12 \r\n\r\n", 429, 12);
	answers("HTTP/1.1 503 x\r\nRetry-After: Tue, 1 Jan 2030\r\n\r\n", 503, -1);
	answers("HTTP/1.1 404\r\n\r\n", 404, -1);
	answers("HTTP/1.0 502 Bad Gateway\r\n\r\n", 502, -1);
	answers("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 101, -1);
	answers("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
		"s3p\r\n\r\n",
		101, -1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(reply(bad[i], strlen(bad[i]), NULL, &r), WSD_E_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_key_of_the_rfc),          cmocka_unit_test(test_masked_headers),
		cmocka_unit_test(test_frames_whole_and_in_pieces),  cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_the_answer_to_the_handshake), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
