/* SPDX-License-Identifier: MIT */
/* The send queue: order, whole chunks, room for libwebsockets before each, and how much memory it takes. */
#include "wire/outq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libwebsockets.h>

#include "base/err.h"
#include "support/alloc.h"

static uint32_t seed = 1;

static uint32_t
chance(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static char
byte_at(size_t i)
{
	return (char)(i * 31 + i / 253);
}

static void
append(struct outq *q, size_t *written, size_t len)
{
	char *data = malloc(len ? len : 1);

	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(*written + i);
	assert_int_equal(outq_append(q, data, len), WSD_OK);
	free(data);
	*written += len;
}

/* What comes out next must be what went in; returns how much. */
static size_t
take(struct outq *q, size_t *read, size_t most)
{
	char *at = NULL;
	size_t len = outq_peek(q, &at);

	if (len == 0)
		return 0;
	memset(at - LWS_PRE, 0xee, LWS_PRE); /* it is ours to write to */
	if (len > most)
		len = most;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(at[i], byte_at(*read + i));
	*read += len;
	outq_drop(q, len);
	return len;
}

static void
test_order(void **state)
{
	struct outq q = { NULL, NULL, 0 };
	size_t written = 0, read = 0;

	for (unsigned step = 0; step < 20000; step++) {
		if (chance(2))
			append(&q, &written, 1 + chance(chance(50) ? 300 : 100000));
		else if (chance(2))
			take(&q, &read, SIZE_MAX);
		else
			take(&q, &read, 1 + chance(500));
		assert_int_equal(q.bytes, written - read);
		assert_int_equal(q.first == NULL, q.bytes == 0); /* an empty queue holds no memory */
		assert_int_equal(q.last == NULL, q.bytes == 0);
		assert_true(q.bytes > 0 || alloc.bytes == 0);
	}
	while (take(&q, &read, SIZE_MAX) > 0)
		;
	assert_int_equal(read, written);
	assert_int_equal(alloc.bytes, 0);
}

/* A frame is never divided between two chunks, so that a queue whose chunks were written whole can be
 * dropped. */
static void
test_frames_stay_whole(void **state)
{
	struct outq q = { NULL, NULL, 0 };
	char frame[5000], *at;
	size_t len;

	for (unsigned n = 0; n < 500; n++) {
		size_t room = 1 + chance(sizeof(frame) - 2);

		memset(frame, 'f', room);
		frame[room] = 'e';
		assert_int_equal(outq_append(&q, frame, room + 1), WSD_OK);
	}
	while ((len = outq_peek(&q, &at)) > 0) {
		assert_int_equal(at[0], 'f');
		assert_int_equal(at[len - 1], 'e');
		outq_drop(&q, len);
	}
	assert_int_equal(q.bytes, 0);
}

/* One late answer costs a kilobyte, and a long queue at most twice what is in it and one chunk more. */
static void
test_memory(void **state)
{
	static const size_t sizes[] = { 10, 100, 700, 1500, 33000, 65536, 65537, 200000 };
	struct outq q = { NULL, NULL, 0 };
	size_t written = 0;

	append(&q, &written, 100);
	assert_in_range(alloc.bytes, 100, 1024 + 256);
	outq_clear(&q);
	assert_int_equal(alloc.bytes, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		while (q.bytes < 3 << 20) {
			append(&q, &written, sizes[i]);
			assert_true(alloc.bytes <= 2 * q.bytes + 65536 + 2048);
		}
		outq_clear(&q);
		assert_int_equal(q.bytes, 0);
		assert_null(q.first);
		assert_int_equal(alloc.bytes, 0);
	}
	outq_clear(&q); /* again */
}

static void
test_out_of_memory(void **state)
{
	struct outq q = { NULL, NULL, 0 };
	size_t written = 0, read = 0;
	static char big[100000];

	alloc.until_failure = 0;
	assert_int_equal(outq_append(&q, big, 1), -ENOMEM);
	assert_null(q.first);
	assert_int_equal(q.bytes, 0);
	alloc.until_failure = INT_MAX;

	append(&q, &written, 500);
	alloc.until_failure = 0;
	assert_int_equal(outq_append(&q, big, sizeof(big)), -ENOMEM);
	alloc.until_failure = INT_MAX;
	assert_int_equal(q.bytes, 500);
	append(&q, &written, 800);
	while (take(&q, &read, SIZE_MAX) > 0)
		;
	assert_int_equal(read, 1300);
	assert_int_equal(alloc.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_frames_stay_whole),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("outq", tests, NULL, NULL);
}
