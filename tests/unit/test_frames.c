/* SPDX-License-Identifier: MIT */
/* Runs of frames: what is in them, who frees them, and where they may be divided. */
#include "wire/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/alloc.h"
#include "wire/wire.h"

static void
add(struct wire_frames **run, enum wire_message kind, const char *payload)
{
	assert_int_equal(wire_frames_add(run, kind, payload, strlen(payload)), WSD_OK);
}

static void
test_messages(void **state)
{
	static const char bytes[] = "\x81\x02hi\x82\x03\x01\x02\x03\x89\x03wsd\x81\x00\x81\x7e\x00\x7e";
	struct wire_frames *run = NULL;
	char text[126];

	memset(text, 't', sizeof(text));
	add(&run, WIRE_TEXT, "hi");
	add(&run, WIRE_BINARY, "\x01\x02\x03");
	add(&run, WIRE_PING, "wsd");
	assert_int_equal(wire_frames_add(&run, WIRE_TEXT, NULL, 0), WSD_OK);
	assert_int_equal(wire_frames_add(&run, WIRE_TEXT, text, sizeof(text)), WSD_OK);
	assert_int_equal(wire_frames_len(run), sizeof(bytes) - 1 + sizeof(text));
	assert_memory_equal(run->data, bytes, sizeof(bytes) - 1);
	assert_memory_equal(run->data + sizeof(bytes) - 1, text, sizeof(text));
	wire_frames_put(&run);
	assert_int_equal(alloc.bytes, 0);
}

static void
test_references(void **state)
{
	struct wire_frames *run = NULL, *other;

	add(&run, WIRE_TEXT, "for many");
	other = wire_frames_get(run);
	assert_ptr_equal(other, run);
	wire_frames_put(&run);
	assert_null(run);
	assert_memory_equal(other->data + 2, "for many", 8); /* it is still there */
	add(&other, WIRE_TEXT, "and can go on, with one owner");
	wire_frames_put(&other);
	assert_int_equal(alloc.bytes, 0);
	wire_frames_put(&other); /* of nothing */
}

static void
test_out_of_memory(void **state)
{
	struct wire_frames *run = NULL;
	char text[1000] = { 0 };

	alloc.until_failure = 0;
	assert_int_equal(wire_frames_add(&run, WIRE_TEXT, "x", 1), -ENOMEM);
	assert_null(run);
	alloc.until_failure = INT_MAX;
	add(&run, WIRE_TEXT, "first");
	alloc.until_failure = 0;
	assert_int_equal(wire_frames_add(&run, WIRE_TEXT, text, sizeof(text)), -ENOMEM);
	alloc.until_failure = INT_MAX;
	assert_int_equal(wire_frames_len(run), 7);
	assert_memory_equal(run->data, "\x81\5first", 7);
	wire_frames_put(&run);
	assert_int_equal(alloc.bytes, 0);
}

static void
test_pieces(void **state)
{
	static const size_t payloads[] = { 0, 1, 125, 126, 5000, 70000, 3 };
	static const size_t ends[] = { 2, 5, 132, 262, 5266, 75276, 75281 }; /* of the frames */
	struct wire_frames *run = NULL;
	char *text = calloc(1, 70000);

	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++)
		assert_int_equal(wire_frames_add(&run, WIRE_TEXT, text, payloads[i]), WSD_OK);
	assert_int_equal(wire_frames_len(run), ends[6]);
	assert_int_equal(frames_piece(run, 0, ends[6]), ends[6]);
	assert_int_equal(frames_piece(run, 0, SIZE_MAX), ends[6]);
	for (size_t from = 0; from < 7; from++) {
		size_t start = from ? ends[from - 1] : 0;

		/* one frame at least, however little is wanted */
		assert_int_equal(frames_piece(run, start, 1), ends[from] - start);
		for (size_t to = from; to < 7; to++)
			for (size_t more = 0; more < 2 && to + more < 7; more++) /* a byte more makes no difference */
				assert_int_equal(frames_piece(run, start, ends[to] - start + more), ends[to] - start);
	}
	wire_frames_put(&run);
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_pieces),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
