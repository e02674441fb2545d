/* SPDX-License-Identifier: MIT */
/* Tables and figures as people read them. */
#include "ctl/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
check_printed(const struct table *t, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	table_print(t, to);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void
test_columns_are_as_wide_as_need_be(void **state)
{
	static const char *const rows[][3] = { { "ID", "AGE", "LAST" },
					       { "a", "12345", "x y" },
					       { "long-one", "", "" } };
	struct table *t = table_create(3);

	check_printed(t, "");
	for (size_t i = 0; i < 3; i++)
		table_add(t, rows[i]);
	check_printed(t, "ID        AGE    LAST\n"
			 "a         12345  x y\n"
			 "long-one         \n");
	table_destroy(&t);
	assert_null(t);
	table_destroy(&t);
}

static void
test_texts_are_copied(void **state)
{
	struct table *t = table_create(1);
	char text[] = "before";
	const char *const cells[] = { text };

	table_add(t, cells);
	memset(text, 'x', strlen(text));
	check_printed(t, "before\n");
	table_destroy(&t);
}

static void
test_many_rows(void **state)
{
	static const char *const row[TABLE_COLUMNS_MAX] = { "1", "2", "3", "4", "5", "6", "7", "8" };
	struct table *t = table_create(TABLE_COLUMNS_MAX);
	char *text = NULL;
	size_t len;
	FILE *to;

	for (unsigned i = 0; i < 5000; i++)
		table_add(t, row);
	to = open_memstream(&text, &len);
	table_print(t, to);
	fclose(to);
	assert_int_equal(len, 5000 * strlen("1  2  3  4  5  6  7  8\n"));
	free(text);
	table_destroy(&t);
}

/* What table_create() gives if memory is short. */
static void
test_none_at_all(void **state)
{
	static const char *const cells[] = { "x" };
	struct table *none = NULL;

	table_add(none, cells);
	check_printed(none, "");
	table_destroy(&none);
}

static void
test_seconds(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {
		{ 0, "0.0 s" },           { 0.04, "0.0 s" },      { 12.34, "12.3 s" },       { 59.9, "59.9 s" },
		{ 60, "1 min 0 s" },      { 62.9, "1 min 2 s" },  { 3599.9, "59 min 59 s" }, { 3600, "1 h 0 min" },
		{ 86399, "23 h 59 min" }, { 86400, "1 d 0 h" },   { 273599, "3 d 3 h" },     { 1e9, "11574 d 1 h" },
		{ 59.94, "59.9 s" },      { 59.96, "1 min 0 s" }, { 59.999, "1 min 0 s" },
	};
	char out[TABLE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(table_seconds(out, cases[i].seconds), cases[i].text);
}

static void
test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 40055603, "38.2 MiB" },
		{ UINT64_C(1) << 30, "1.0 GiB" },
		{ UINT64_C(5) << 40, "5.0 TiB" },
		{ UINT64_C(1) << 50, "1024.0 TiB" },
		{ UINT64_MAX, "16777216.0 TiB" },
		{ (1 << 20) - 1, "1.0 MiB" },
	};
	char out[TABLE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(table_bytes(out, cases[i].bytes), cases[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_as_wide_as_need_be),
		cmocka_unit_test(test_texts_are_copied),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_none_at_all),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
