/* SPDX-License-Identifier: MIT */
/* The send queue: order, whole frames, references and who frees them, and how much memory it takes. */
#include "wire/outq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "proto/frame.h"
#include "support/alloc.h"
#include "wire/frames.h"
#include "wire/wire.h"

#define MOST ((size_t)64 << 20)

static uint32_t seed = 1;

static uint32_t
chance(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* What went in, and how much of it came out. */
static struct {
	char *bytes;
	size_t written, read;
} flow;

static void
note(const char *data, size_t len)
{
	assert_true(flow.written + len <= MOST);
	memcpy(flow.bytes + flow.written, data, len);
	flow.written += len;
}

static struct wire_frames *
run_of(unsigned frames, size_t payload)
{
	struct wire_frames *run = NULL;
	char *text = malloc(payload + 1);

	memset(text, 'a' + (int)chance(26), payload + 1);
	while (frames-- > 0)
		assert_int_equal(wire_frames_add(&run, WIRE_TEXT, text, payload), WSD_OK);
	free(text);
	return run;
}

static void
append(struct outq *q, size_t payload)
{
	struct wire_frames *run = run_of(1, payload);

	assert_int_equal(outq_append(q, run->data, run->len), WSD_OK);
	note(run->data, run->len);
	wire_frames_put(&run);
}

static size_t
frame_bytes(const char *frame)
{
	size_t payload = frame_payload_len(frame);

	return frame_header_len(payload) + payload;
}

/* What is in the run from there on, where a frame begins. */
static void
refer(struct outq *q, struct wire_frames *run, size_t from)
{
	assert_int_equal(outq_append_frames(q, run, from), WSD_OK);
	note(run->data + from, run->len - from);
}

/* What comes out next must be what went in, and whole frames; returns how much. */
static size_t
take(struct outq *q)
{
	static char space[OUTQ_GATHER];
	const char *at = NULL;
	size_t len = outq_peek(q, space, &at), frames = 0;

	assert_true(len <= q->bytes);
	if (len == 0)
		return 0;
	assert_memory_equal(at, flow.bytes + flow.read, len);
	while (frames < len)
		frames += frame_bytes(at + frames);
	assert_int_equal(frames, len);
	flow.read += len;
	outq_drop(q, len);
	return len;
}

static void
take_all(struct outq *q)
{
	char *copy = __real_malloc(q->bytes + 1);

	assert_int_equal(outq_copy(q, copy), q->bytes);
	assert_memory_equal(copy, flow.bytes + flow.read, q->bytes);
	__real_free(copy);
	while (take(q) > 0)
		;
	assert_int_equal(flow.read, flow.written);
	assert_int_equal(q->bytes, 0);
	assert_null(q->first);
	assert_null(q->last);
}

static int
begin(void **state)
{
	flow.written = flow.read = 0;
	if (!flow.bytes)
		flow.bytes = __real_malloc(MOST);
	return 0;
}

static int
end(void **state)
{
	return alloc.bytes == 0 ? 0 : -1; /* each run was freed, and so was each chunk */
}

static void
test_order(void **state)
{
	struct outq q = { NULL, NULL, 0 };

	for (unsigned step = 0; step < 20000; step++) {
		struct wire_frames *run;

		switch (chance(4)) {
		case 0:
			append(&q, chance(chance(50) ? 300 : 100000));
			break;
		case 1:
			run = run_of(2 + chance(5), chance(chance(50) ? 300 : 30000));
			refer(&q, run, chance(2) ? 0 : frame_bytes(run->data));
			wire_frames_put(&run);
			break;
		default:
			take(&q);
		}
		assert_int_equal(q.bytes, flow.written - flow.read);
		assert_int_equal(q.first == NULL, q.bytes == 0); /* an empty queue holds no memory */
		assert_int_equal(q.last == NULL, q.bytes == 0);
		assert_true(q.bytes > 0 || alloc.bytes == 0);
	}
	take_all(&q);
}

/* What many are sent is there once, for as long as one of them has not been written it. */
static void
test_references(void **state)
{
	struct outq q[3] = { { NULL, NULL, 0 } };
	struct wire_frames *run = run_of(100, 400), *kept = run;
	const size_t frame = 404, whole = OUTQ_GATHER / frame * frame;
	size_t once = alloc.bytes;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(outq_append_frames(&q[i], run, frame * i), WSD_OK);
	assert_true(alloc.bytes < once + 3 * 128);
	assert_int_equal(run->refs, 4);
	wire_frames_put(&run);
	flow.written = flow.read = 0;
	note(kept->data, kept->len);
	assert_int_equal(take(&q[0]), whole);
	assert_int_equal(q[0].bytes, 100 * frame - whole);
	while (take(&q[0]) > 0)
		;
	assert_int_equal(kept->refs, 2);
	flow.read = frame;
	while (take(&q[1]) > 0)
		;
	outq_clear(&q[2]);
}

/* A reference takes about as much as a short run itself. */
static void
test_short_runs_are_copied(void **state)
{
	struct outq q = { NULL, NULL, 0 };
	struct wire_frames *run = run_of(1, 50);

	refer(&q, run, 0);
	refer(&q, run, 0);
	assert_int_equal(run->refs, 1);
	wire_frames_put(&run);
	assert_int_equal(take(&q), 2 * 52);
}

/* What waits in small parts leaves together. */
static void
test_gathered(void **state)
{
	struct outq q = { NULL, NULL, 0 };
	struct wire_frames *run = run_of(1, 500);

	for (unsigned i = 0; i < 20; i++) {
		append(&q, 20);
		refer(&q, run, 0);
	}
	wire_frames_put(&run);
	assert_int_equal(take(&q), 20 * (22 + 504));
	assert_null(q.first);
}

/* One late answer costs a kilobyte, and a long queue at most twice what is in it and one chunk more, whether or not
 * there are references in between. */
static void
test_memory(void **state)
{
	static const size_t sizes[] = { 20, 100, 700, 1500, 33000, 65536, 65537, 200000 };
	struct outq q = { NULL, NULL, 0 };
	struct wire_frames *run = run_of(1, 130);

	append(&q, 100);
	assert_in_range(alloc.bytes, 100, 1024 + 512);
	outq_clear(&q);
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		while (q.bytes < 2 << 20) {
			flow.written = 0;
			append(&q, sizes[i / 2]);
			if (i % 2)
				refer(&q, run, 0);
			assert_true(alloc.bytes <= 2 * q.bytes + 65536 + 2048);
		}
		outq_clear(&q);
		assert_int_equal(q.bytes, 0);
		assert_null(q.first);
		assert_int_equal(run->refs, 1);
	}
	outq_clear(&q); /* again */
	wire_frames_put(&run);
}

static void
test_out_of_memory(void **state)
{
	struct outq q = { NULL, NULL, 0 };
	struct wire_frames *run = run_of(1, 100000);

	alloc.until_failure = 0;
	assert_int_equal(outq_append(&q, run->data, 1), -ENOMEM);
	assert_int_equal(outq_append_frames(&q, run, 0), -ENOMEM);
	assert_null(q.first);
	assert_int_equal(q.bytes, 0);
	alloc.until_failure = INT_MAX;

	append(&q, 500);
	alloc.until_failure = 0;
	assert_int_equal(outq_append(&q, run->data, run->len), -ENOMEM);
	assert_int_equal(outq_append_frames(&q, run, 0), -ENOMEM);
	alloc.until_failure = INT_MAX;
	assert_int_equal(q.bytes, 504);
	assert_int_equal(run->refs, 1);
	append(&q, 800);
	take_all(&q);
	wire_frames_put(&run);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),    TEST(test_references), TEST(test_short_runs_are_copied),
		TEST(test_gathered), TEST(test_memory),     TEST(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("outq", tests, NULL, NULL);
}
