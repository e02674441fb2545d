/* SPDX-License-Identifier: MIT */
/* Addresses and path templates. */
#include "loadtest/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static struct url u;

static void
test_addresses(void **state)
{
	assert_int_equal(url_parse(&u, "ws://127.0.0.1:3001"), WSD_OK);
	assert_string_equal(u.host, "127.0.0.1");
	assert_string_equal(u.port, "3001");
	assert_string_equal(u.authority, "127.0.0.1:3001");
	assert_string_equal(u.path, "");
	assert_false(u.tls);
	assert_int_equal(url_parse(&u, "wss://example.org/a/{n}?b=c"), WSD_OK);
	assert_true(u.tls);
	assert_string_equal(u.port, "443");
	assert_string_equal(u.authority, "example.org");
	assert_string_equal(u.path, "/a/{n}?b=c");
	assert_int_equal(url_parse(&u, "http://[::1]:80/"), WSD_OK);
	assert_string_equal(u.host, "::1");
	assert_string_equal(u.authority, "[::1]:80");
	assert_string_equal(u.path, "");
	assert_int_equal(url_parse(&u, "localhost:3001?x=1"), WSD_OK);
	assert_string_equal(u.path, "/?x=1");
}

static void
test_bad_addresses(void **state)
{
	static const char *const bad[] = {
		"",          "ws://",       "ftp://h",  "ws://h:",    "ws://h:0",  "ws://h:70000", "ws://h:1x",
		"ws://[::1", "ws://[::1]x", "ws://u@h", "ws://h/a b", "ws://h/#x", "ws://h:1:2"
	};
	char *long_path = malloc(3000);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(url_parse(&u, bad[i]), WSD_E_MALFORMED);
	memset(long_path, 'a', 2999);
	memcpy(long_path, "ws://h/", 7);
	long_path[2999] = '\0';
	assert_int_equal(url_parse(&u, long_path), WSD_E_MALFORMED);
	memset(long_path, 'a', 2999);
	assert_int_equal(url_parse(&u, long_path), WSD_E_MALFORMED);
	free(long_path);
}

static void
test_templates(void **state)
{
	char out[32];

	assert_int_equal(url_expand(out, sizeof(out), "/ws/chat/load-{n}", 17, "r"), 16);
	assert_string_equal(out, "/ws/chat/load-17");
	assert_int_equal(url_expand(out, sizeof(out), "/{run}/{n}{n}/{x}", 1, "ab"), 10);
	assert_string_equal(out, "/ab/11/{x}");
	assert_int_equal(url_expand(out, 4, "/abc", 1, "ab"), -1);
	assert_int_equal(url_expand(out, 5, "/abc", 1, "ab"), 4);
	assert_int_equal(url_expand(out, 5, "/ab{n}", 100, "ab"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
