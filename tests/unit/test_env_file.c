/* SPDX-License-Identifier: MIT */
/* Files of variables. What is expected of a file that is accepted is what systemd 252 makes of it. */
#include "conf/env_file.h"

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

/* The line of the failure, or 0. */
static unsigned
parse(struct env_file **file, const char *text, size_t len)
{
	char *copy = exact_copy(text, len);
	unsigned line = 0;
	int rc = env_file_parse(file, copy, len, &line);

	free(copy);
	if (rc == WSD_OK)
		return 0;
	assert_int_equal(rc, WSD_E_MALFORMED);
	assert_null(*file);
	return line;
}

/* A is set to this, or NULL: it is not set. */
static const struct good {
	const char *text, *a;
} good[] = {
	{ "", NULL },
	{ "\n\n", NULL },
	{ "B=1\n", NULL },
	{ "AB=1\nBA=2\na=3\n", NULL },
	{ "A=1", "1" },
	{ "A=1\n", "1" },
	{ "A=1\r\nB=2\r\n", "1" },
	{ "A=1\rB=2", "1" },
	{ " \t A=1", "1" },
	{ "\r\n\n A=1", "1" },
	{ "A=", "" },
	{ "A=\nB=2", "" },
	{ "A=  \t", "" },
	{ "A=''", "" },
	{ "A=\"\" ", "" },
	{ "A=1\nA=2\nA=3", "3" },
	{ "A=1\nA=", "" },
	{ "A==", "=" },
	{ "A=B=1", "B=1" },
	/* blanks: around the value they go, within it they stay */
	{ "A= \t1 \t", "1" },
	{ "A=a \t b", "a \t b" },
	{ "A=a\\ ", "a " },
	{ "A=\\  a", "  a" },
	{ "A=\v1\f", "\v1\f" },
	/* comments */
	{ "# A=1", NULL },
	{ "; A=1", NULL },
	{ " \t# A=1", NULL },
	{ "#\nA=1", "1" },
	{ "# x\rA=1", "1" },
	{ "A=1 # x", "1 # x" },
	{ "A=#", "#" },
	{ "A=\n#x\nB=", "" },
	/* '' */
	{ "A='1'", "1" },
	{ "A='a b '", "a b " },
	{ "A='\"\\\\x\\'", "\"\\\\x\\" },
	{ "A='a\nb'", "a\nb" },
	{ "A='a\r\n#b' ", "a\r\n#b" },
	/* "" */
	{ "A=\"1\"", "1" },
	{ "A=\" a 'b' \"", " a 'b' " },
	{ "A=\"\\\"\\\\\\`\\$\"", "\"\\`$" },
	{ "A=\"\\n\\a\\'\"", "\\n\\a\\'" },
	{ "A=\"a\nb\"", "a\nb" },
	{ "A=\"a\\\nb\"", "ab" },
	{ "A=\"$B `x`\"", "$B `x`" },
	/* quoted parts one after the other: what is between them goes */
	{ "A='a'\"b\"", "ab" },
	{ "A='a' \t \"b\" ", "ab" },
	{ "A='a ' b c ", "a b c" },
	{ "A='a'b", "ab" },
	/* quotes behind a plain character are nothing special */
	{ "A=a'b'", "a'b'" },
	{ "A=a\"b c\" ", "a\"b c\"" },
	{ "A=it's\nB=1", "it's" },
	{ "A='a'b'c'", "ab'c'" },
	{ "A=\\''", "''" },
	/* backslashes elsewhere */
	{ "A=\\a\\\\\\'\\\"", "a\\'\"" },
	{ "A=a\\\nb", "ab" },
	{ "A=a\\\n  b", "a  b" },
	{ "A=a \\\n", "a " },
	{ "A=a \\\n\\\n b", "a  b" },
	{ "A=\\\nB=2", "B=2" },
	{ "A=a\\\r\nB=2", "a" },
	{ "A=C:\\\\x\\#", "C:\\x#" },
	/* bytes beyond ASCII pass */
	{ "A=\xc3\xa4", "\xc3\xa4" },
};

static void
test_accepted(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const char *text = good[i].text, *value;
		struct env_file *file;
		unsigned line = parse(&file, text, strlen(text));

		if (line)
			fail_msg("line %u is refused of:\n%s", line, text);
		value = env_file_get(file, "A");
		if (good[i].a ? !value || strcmp(value, good[i].a) != 0 : value != NULL)
			fail_msg("A is '%s' and not '%s' in:\n%s", value ? value : "(not set)",
				 good[i].a ? good[i].a : "(not set)", text);
		env_file_destroy(&file);
		assert_null(file);
	}
}

static const struct bad {
	const char *text;
	unsigned line;
} bad[] = {
	{ "A", 1 },
	{ "A\nB=1", 1 },
	{ "=1", 1 },
	{ "A=1\n=", 2 },
	{ "1A=1", 1 },
	{ "0=1", 1 },
	{ "A =1", 1 },
	{ "A-B=1", 1 },
	{ "A.B=1", 1 },
	{ "export A=1", 1 },
	{ "\xc3\xa4=1", 1 },
	{ "\xef\xbb\xbf"
	  "A=1",
	  1 },
	{ "A=1\n\n# x\n  ?=1\n", 4 },
	{ "A='a\nb'\nB", 3 },
	{ "A=a\\\nb\nB", 3 },
	/* never closed: the line in which it began */
	{ "A='", 1 },
	{ "A=\"1", 1 },
	{ "B=1\nA=\"1\n\n\n", 2 },
	{ "A='a''", 1 },
	{ "A=\"\\\"", 1 },
	{ "A=\"\\", 1 },
	{ "A=\\", 1 },
	{ "B=1\nA=a\\", 2 },
};

static void
test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct env_file *file;
		unsigned line = parse(&file, bad[i].text, strlen(bad[i].text));

		if (line != bad[i].line)
			fail_msg("line %u and not %u is refused of:\n%s", line, bad[i].line, bad[i].text);
		env_file_destroy(&file); /* harmless */
	}
}

/* Wherever it could end a string too early. */
static void
test_zero_bytes(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} zeros[] = {
#define ZERO(text) { text, sizeof(text) - 1 }
		ZERO("\0"),       ZERO("A\0=1"),      ZERO("A=\0"),       ZERO("A=a\0b"),  ZERO("A=a\\\0"),
		ZERO("A='a\0b'"), ZERO("A=\"a\0b\""), ZERO("A=\"\\\0\""), ZERO("A=1\n\0"),
#undef ZERO
	};

	for (size_t i = 0; i < sizeof(zeros) / sizeof(*zeros); i++) {
		struct env_file *file;

		assert_int_not_equal(parse(&file, zeros[i].text, zeros[i].len), 0);
	}
}

/* All variables of one file, each found by its whole name. */
static void
test_many_variables(void **state)
{
	struct env_file *file;
	char *text = NULL, name[32], value[32];
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	for (unsigned i = 0; i < 2000; i++)
		fprintf(to, "V_%u=\"%u\"\n", i, i * 7);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(parse(&file, text, len), 0);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "V_%u", i);
		snprintf(value, sizeof(value), "%u", i * 7);
		assert_string_equal(env_file_get(file, name), value);
	}
	assert_null(env_file_get(file, "V_"));
	assert_null(env_file_get(file, ""));
	env_file_destroy(&file);
	free(text);
}

static void
test_a_huge_value(void **state)
{
	const size_t len = 1000000;
	struct env_file *file;
	char *text = malloc(len);

	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "A=", 2);
	assert_int_equal(parse(&file, text, len), 0);
	assert_int_equal(strlen(env_file_get(file, "A")), len - 2);
	env_file_destroy(&file);
	memset(text + 2, '\'', len - 2);
	assert_int_equal(parse(&file, text, len), 0);
	assert_string_equal(env_file_get(file, "A"), "");
	env_file_destroy(&file);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_zero_bytes),   cmocka_unit_test(test_many_variables),
		cmocka_unit_test(test_a_huge_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
