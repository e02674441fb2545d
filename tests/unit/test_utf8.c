/* SPDX-License-Identifier: MIT */
/* UTF-8 validation against a plain decoder: all short texts, and every boundary at every place in a word. */
#include "proto/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/exact.h"
#include "support/plain_utf8.h"

static void
agrees(const unsigned char *text, size_t len)
{
	if (utf8_valid((const char *)text, len) == plain_utf8_valid(text, len))
		return;
	print_error("length %zu:", len);
	for (size_t i = 0; i < len; i++)
		print_error(" %02x", text[i]);
	fail_msg("differs from the plain decoder");
}

static void
test_all_texts_up_to_three_bytes(void **state)
{
	agrees(NULL, 0);
	for (unsigned i = 0; i < 1u << 24; i++) {
		unsigned char text[3] = { (unsigned char)(i >> 16), (unsigned char)(i >> 8), (unsigned char)i };

		if (i < 1u << 8)
			agrees(text + 2, 1);
		if (i < 1u << 16)
			agrees(text + 1, 2);
		agrees(text, 3);
	}
}

static const unsigned char bounds[] = { 0x00, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbe, 0xbf, 0xc0, 0xff };
#define BOUNDS sizeof(bounds)

static void
test_four_bytes_at_the_bounds(void **state)
{
	for (unsigned lead = 0xe0; lead <= 0xff; lead++)
		for (size_t i = 0; i < BOUNDS * BOUNDS * BOUNDS; i++) {
			unsigned char text[4] = { (unsigned char)lead, bounds[i % BOUNDS], bounds[i / BOUNDS % BOUNDS],
						  bounds[i / BOUNDS / BOUNDS] };

			agrees(text, 4);
		}
}

static void
test_sequences_anywhere_in_a_word(void **state)
{
	static const char *const pieces[] = {
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\x80",
		"\xbf",
		"\xfe",
		"\xff",
		"\xe2\x82",
		"\xf0\x9f\x98",
		"\xc3",
	};

	for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++)
		for (size_t before = 0; before <= 20; before++)
			for (size_t after = 0; after <= 20; after++) {
				size_t piece = strlen(pieces[p]), len = before + piece + after;
				char *text = exact_copy("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", len);

				memcpy(text + before, pieces[p], piece);
				agrees((unsigned char *)text, len);
				free(text);
			}
}

static void
test_every_cut_of_a_long_text(void **state)
{
	static const char text[] = "Zo\xc3\xab: \xe2\x9c\x93\xf0\x9f\x98\x80\xf0\x9f\x98\x80 plain again "
				   "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82";

	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = exact_copy(text, len);

		agrees((unsigned char *)cut, len);
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_texts_up_to_three_bytes),
		cmocka_unit_test(test_four_bytes_at_the_bounds),
		cmocka_unit_test(test_sequences_anywhere_in_a_word),
		cmocka_unit_test(test_every_cut_of_a_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
