/* SPDX-License-Identifier: MIT */
/* X-Forwarded-For: only what trusted proxies wrote counts. */
#include "base/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static struct addr_nets trusted;

static int
set_up(void **state)
{
	return addr_nets_parse(&trusted, "127.0.0.0/8,10.0.0.0/8,2001:db8::/32");
}

static int
tear_down(void **state)
{
	addr_nets_deinit(&trusted);
	return 0;
}

static void
client_is(const char *peer, const char *value, const char *expected, bool goes_on)
{
	char out[ADDR_TEXT_MAX];
	struct addr client = { .family = ADDR_UNIX };

	if (strcmp(peer, "unix") != 0)
		assert_int_equal(addr_parse(&client, peer, strlen(peer)), WSD_OK);
	assert_int_equal(forwarded_client(&client, (struct slice){ value, strlen(value) }, &trusted), goes_on);
	assert_string_equal(addr_text(out, &client), expected);
}

static void
test_walk(void **state)
{
	client_is("127.0.0.1", "192.0.2.1", "192.0.2.1", false);
	client_is("127.0.0.1", "  192.0.2.1\t", "192.0.2.1", false);
	client_is("127.0.0.1", "198.51.100.7, 192.0.2.1", "192.0.2.1", false);
	client_is("127.0.0.1", "198.51.100.7,192.0.2.1 , 10.1.1.1", "192.0.2.1", false);
	client_is("127.0.0.1", "[2001:db8::5]:443, 10.1.1.1:80", "2001:db8::5", true);
	client_is("127.0.0.1", "10.2.2.2, 10.1.1.1", "10.2.2.2", true);
	client_is("127.0.0.1", "", "127.0.0.1", true);
	client_is("127.0.0.1", " , ,", "127.0.0.1", true);
	client_is("127.0.0.1", "192.0.2.1,,", "192.0.2.1", false);
	client_is("unix", "192.0.2.1", "192.0.2.1", false);
	client_is("unix", "", "unix", true);
}

static void
test_not_believed(void **state)
{
	client_is("203.0.113.5", "127.0.0.1", "203.0.113.5", false);
	client_is("127.0.0.1", "127.0.0.1, 203.0.113.5", "203.0.113.5", false);
	client_is("127.0.0.1", "unknown", "-", false);
	client_is("127.0.0.1", "127.0.0.1, <script>", "-", false);
	client_is("127.0.0.1", "127.0.0.1, _hidden, 10.0.0.1", "-", false);
}

static bool
by_tls(const char *peer, const char *proto)
{
	struct addr addr = { .family = ADDR_UNIX };

	if (strcmp(peer, "unix") != 0)
		assert_int_equal(addr_parse(&addr, peer, strlen(peer)), WSD_OK);
	return forwarded_tls(&addr, (struct slice){ proto, strlen(proto) }, &trusted);
}

static void
test_tls(void **state)
{
	assert_true(by_tls("127.0.0.1", "https"));
	assert_true(by_tls("2001:db8::1", "wss"));
	assert_true(by_tls("unix", "HTTPS"));
	assert_false(by_tls("192.0.2.1", "https"));
	assert_false(by_tls("127.0.0.1", "http"));
	assert_false(by_tls("127.0.0.1", "ws"));
	assert_false(by_tls("127.0.0.1", ""));
	assert_false(by_tls("127.0.0.1", "https,http"));
	assert_true(by_tls("127.0.0.1", "http, https "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_not_believed),
		cmocka_unit_test(test_tls),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
