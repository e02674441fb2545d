/* SPDX-License-Identifier: MIT */
/* Files of variables: no value is longer than its file, and what was read gives the same when it is written
 * again. */
#include "conf/env_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz.h"
#include "support/exact.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS  "0123456789"

static void
check_reads(const char *text, size_t len, const char *name, const char *value)
{
	char *copy = exact_copy(text, len);
	struct env_file *file;
	unsigned line;

	CHECK(env_file_parse(&file, copy, len, &line) == WSD_OK);
	free(copy);
	CHECK(strcmp(env_file_get(file, name), value) == 0);
	env_file_destroy(&file);
}

/* In "", and with a backslash before each character, where no line break can be. */
static void
check_written_again(const char *name, const char *value)
{
	size_t room = strlen(name) + 2 * strlen(value) + 8, len;
	char *text = malloc(room);

	CHECK(text);
	len = (size_t)sprintf(text, "%s=\"", name);
	for (const char *at = value; *at; at++) {
		if (strchr("\"\\`$", *at))
			text[len++] = '\\';
		text[len++] = *at;
	}
	len += (size_t)sprintf(text + len, "\"\n");
	check_reads(text, len, name, value);
	if (!strpbrk(value, "\r\n")) {
		len = (size_t)sprintf(text, "%s=", name);
		for (const char *at = value; *at; at++) {
			text[len++] = '\\';
			text[len++] = *at;
		}
		check_reads(text, len, name, value);
	}
	free(text);
}

/* Whatever in the text looks like the name of a variable. Returns where to go on. */
static const char *
check_name(const struct env_file *file, size_t size, const char *at, const char *end)
{
	size_t most = (size_t)(end - at), len = 0;
	const char *value;
	char name[64];

	while (len < most && at[len] && strchr(LETTERS DIGITS, at[len]))
		len++;
	if (len == 0)
		return at + 1;
	if (len < sizeof(name)) {
		memcpy(name, at, len);
		name[len] = '\0';
		value = env_file_get(file, name);
		if (value) {
			CHECK(!strchr(DIGITS, name[0]));
			CHECK(strlen(value) < size);
			check_written_again(name, value);
		}
	}
	return at + len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct env_file *file;
	unsigned line, lines = 1;
	int rc = env_file_parse(&file, at, size, &line);

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	CHECK(rc == WSD_OK || rc == WSD_E_MALFORMED);
	CHECK(line >= 1 && line <= lines);
	CHECK((rc == WSD_OK) == (file != NULL));
	while (file && at < end)
		at = check_name(file, size, at, end);
	env_file_destroy(&file);
	return 0;
}
