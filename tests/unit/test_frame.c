/* SPDX-License-Identifier: MIT */
/* Frame headers: each length form at its bounds, and whole control frames. */
#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
header_is(enum frame_opcode opcode, size_t payload_len, const char *bytes, size_t len)
{
	char out[FRAME_HEADER_MAX + 1];

	memset(out, 0x55, sizeof(out));
	assert_int_equal(frame_header_len(payload_len), len);
	assert_int_equal(frame_header(out, opcode, payload_len), len);
	assert_memory_equal(out, bytes, len);
	assert_int_equal(frame_payload_len(out), payload_len);
	for (size_t i = len; i < sizeof(out); i++)
		assert_int_equal(out[i], 0x55);
}

static void
test_header(void **state)
{
	header_is(FRAME_TEXT, 0, "\x81\x00", 2);
	header_is(FRAME_TEXT, 1, "\x81\x01", 2);
	header_is(FRAME_TEXT, 125, "\x81\x7d", 2);
	header_is(FRAME_TEXT, 126, "\x81\x7e\x00\x7e", 4);
	header_is(FRAME_BINARY, 127, "\x82\x7e\x00\x7f", 4);
	header_is(FRAME_TEXT, 256, "\x81\x7e\x01\x00", 4);
	header_is(FRAME_TEXT, 65535, "\x81\x7e\xff\xff", 4);
	header_is(FRAME_TEXT, 65536, "\x81\x7f\0\0\0\0\x00\x01\x00\x00", 10);
	header_is(FRAME_BINARY, 0x12345678, "\x82\x7f\0\0\0\0\x12\x34\x56\x78", 10);
	header_is(FRAME_CONTINUATION, 3, "\x80\x03", 2);
	header_is(FRAME_PONG, 4, "\x8a\x04", 2);
	if (sizeof(size_t) == 8)
		header_is(FRAME_TEXT, (size_t)0x0123456789abcdef, "\x81\x7f\x01\x23\x45\x67\x89\xab\xcd\xef", 10);
}

static void
test_ping(void **state)
{
	char out[2 + FRAME_CONTROL_MAX], payload[FRAME_CONTROL_MAX];

	assert_int_equal(frame_ping(out, NULL, 0), 2);
	assert_memory_equal(out, "\x89\x00", 2);
	assert_int_equal(frame_ping(out, "\0\1nonce", 7), 9);
	assert_memory_equal(out, "\x89\x07\0\1nonce", 9);
	memset(payload, 'x', sizeof(payload));
	assert_int_equal(frame_ping(out, payload, sizeof(payload)), 127);
	assert_memory_equal(out, "\x89\x7dxx", 4);
}

static void
test_close(void **state)
{
	char out[FRAME_CLOSE_LEN];

	assert_int_equal(frame_close(out, 1000), 4);
	assert_memory_equal(out, "\x88\x02\x03\xe8", 4);
	assert_int_equal(frame_close(out, 4999), 4);
	assert_memory_equal(out, "\x88\x02\x13\x87", 4);
	assert_int_equal(frame_close(out, FRAME_NO_CODE), 2);
	assert_memory_equal(out, "\x88\x00", 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
