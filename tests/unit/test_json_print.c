/* SPDX-License-Identifier: MIT */
/* What wsctl and the admin side write is JSON, whatever bytes the texts hold. */
#include "ctl/json_print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "admin/json_text.h"

#define WRITTEN "caf\xe9 \xc3\xa9 \xed\xa0\x80 \xe2\x82 \\ \"q\" \xff"
#define READ \
	"caf\xef\xbf\xbd \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd " \
	"\\\\ \\\"q\\\" \xef\xbf\xbd"

/* Names of members are texts, too. */
static struct json_object *
make(void)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, WRITTEN, json_object_new_string(WRITTEN));
	return o;
}

static void
check_printed(bool one_line, const char *expected)
{
	char seen[512];
	int fds[2], before = dup(STDOUT_FILENO);
	struct json_object *o = make();
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	dup2(fds[1], STDOUT_FILENO);
	json_print(o, one_line);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	n = read(fds[0], seen, sizeof(seen) - 1);
	assert_true(n > 0);
	seen[n] = '\0';
	assert_string_equal(seen, expected);
	close(fds[0]);
	close(fds[1]);
	close(before);
	json_object_put(o);
}

static void
test_printed(void **state)
{
	check_printed(true, "{\"" READ "\":\"" READ "\"}\n");
	check_printed(false, "{\n  \"" READ "\":\"" READ "\"\n}\n");
}

static void
test_answered(void **state)
{
	static const char longest[] = "\x01\x1f\xff\n";
	char out[JSON_TEXT_ROOM(sizeof(WRITTEN))];

	assert_string_equal(json_text(out, WRITTEN), "\"" READ "\"");
	assert_string_equal(json_text(out, longest), "\"\\u0001\\u001f"
						     "\xef\xbf\xbd"
						     "\\u000a\"");
	assert_string_equal(json_text(out, ""), "\"\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
