/* SPDX-License-Identifier: MIT */
/* Base64url: all short inputs back and forth, and everything that an encoder does not make. */
#include "auth/auth_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/exact.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int
decode(char *out, const char *text, size_t len)
{
	char *copy = exact_copy(text, len);
	int n = base64url_decode(out, (struct slice){ copy, len });

	free(copy);
	return n;
}

static void
test_known_texts(void **state)
{
	static const struct {
		const char *text, *value; /* NULL: refused */
	} cases[] = {
		{ "", "" },           { "Zg", "f" },          { "Zm8", "fo" },          { "Zm9v", "foo" },
		{ "Zm9vYg", "foob" }, { "Zm9vYmE", "fooba" }, { "Zm9vYmFy", "foobar" }, { "_-8", "\xff\xef" },
		{ "Z", NULL },        { "Zm9vY", NULL },      { "Zg==", NULL },         { "Zm8=", NULL },
		{ "Zh", NULL },       { "Zm9", NULL },        { "Zm 9", NULL },         { "Zm9v\n", NULL },
		{ "+/8", NULL },      { "Zm9v.", NULL },      { "Zm9\xc3", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char out[16] = "";
		int len = decode(out, cases[i].text, strlen(cases[i].text));

		assert_int_equal(len, cases[i].value ? (int)strlen(cases[i].value) : WSD_E_MALFORMED);
		if (cases[i].value)
			assert_memory_equal(out, cases[i].value, (size_t)len);
	}
}

/* Each of the 64^4 groups of four is three bytes; of those of three and two only some are what an encoder makes. */
static void
test_no_two_texts_are_the_same_bytes(void **state)
{
	unsigned good2 = 0, good3 = 0;
	char text[3], out[3];

	for (unsigned i = 0; i < 64 * 64 * 64; i++) {
		text[0] = alphabet[i / 64 / 64];
		text[1] = alphabet[i / 64 % 64];
		text[2] = alphabet[i % 64];
		good3 += base64url_decode(out, (struct slice){ text, 3 }) == 2;
		if (i % 64 == 0)
			good2 += base64url_decode(out, (struct slice){ text, 2 }) == 1;
	}
	assert_int_equal(good2, 256);
	assert_int_equal(good3, 65536);
}

static void
test_every_other_byte_is_refused(void **state)
{
	for (int c = 0; c < 256; c++) {
		char text[4] = { 'A', 'A', (char)c, 'A' }, out[4];
		bool known = c != 0 && strchr(alphabet, c);

		assert_int_equal(decode(out, text, 4), known ? 3 : WSD_E_MALFORMED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_texts),
		cmocka_unit_test(test_no_two_texts_are_the_same_bytes),
		cmocka_unit_test(test_every_other_byte_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
