/* SPDX-License-Identifier: MIT */
/* Client addresses: parsing, printing, networks. */
#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void
parses_as(const char *text, const char *printed, unsigned port)
{
	char out[ADDR_TEXT_MAX];
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), WSD_OK);
	assert_string_equal(addr_text(out, &a), printed);
	assert_int_equal(a.port, port);
}

static void
test_parse_and_print(void **state)
{
	struct addr a;

	parses_as("192.0.2.1", "192.0.2.1", 0);
	parses_as("192.0.2.1:443", "192.0.2.1", 443);
	parses_as("2001:db8::1", "2001:db8::1", 0);
	parses_as("[2001:db8::1]:65535", "2001:db8::1", 65535);
	parses_as("::ffff:192.0.2.7", "192.0.2.7", 0);
	parses_as("::", "::", 0);

	static const char *const bad[] = {
		"",       "x",         "1.2.3",      "1.2.3.4:", "1.2.3.4:70000", "[::1",
		"[::1]x", "[1.2.3.4]", "1.2.3.4:-1", "1.2.3.4 ", "unknown",       "_hidden"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(addr_parse(&a, bad[i], strlen(bad[i])), WSD_E_MALFORMED);
}

static bool
in(const char *nets_text, const char *text)
{
	struct addr_nets nets = { NULL, 0 };
	struct addr a;
	bool matched;

	assert_int_equal(addr_nets_parse(&nets, nets_text), WSD_OK);
	assert_int_equal(addr_parse(&a, text, strlen(text)), WSD_OK);
	matched = addr_nets_match(&nets, &a);
	addr_nets_deinit(&nets);
	return matched;
}

static void
test_networks(void **state)
{
	assert_true(in("127.0.0.0/8,::1/128", "127.200.0.1"));
	assert_true(in("127.0.0.0/8, ::1", "::1"));
	assert_false(in("127.0.0.0/8,::1/128", "128.0.0.1"));
	assert_false(in("", "127.0.0.1"));
	assert_true(in("0.0.0.0/0", "203.0.113.9"));
	assert_false(in("0.0.0.0/0", "2001:db8::1"));
	assert_true(in("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(in("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(in("10.0.0.0/8", "::ffff:10.1.2.3"));
}

static void
test_bad_networks(void **state)
{
	static const char *const bad[] = {
		"x",           "10.0.0.1/8",  "10.0.0.0/33",   "10.0.0.0/",   "::/129",
		"10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0:80/8", "10.0.0.0/1x", "10.0.0.0/-1"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct addr_nets nets = { NULL, 0 };
		int rc = addr_nets_parse(&nets, bad[i]);

		if (strcmp(bad[i], "10.0.0.0/8,") == 0) /* a trailing comma ends the list */
			assert_int_equal(rc, WSD_OK);
		else
			assert_int_equal(rc, WSD_E_MALFORMED);
		addr_nets_deinit(&nets);
	}
}

static void
test_unix_peers_are_local(void **state)
{
	struct addr unix_peer = { .family = ADDR_UNIX };
	struct addr_nets nets = { NULL, 0 };

	assert_int_equal(addr_nets_parse(&nets, "10.0.0.0/8"), WSD_OK);
	assert_false(addr_nets_match(&nets, &unix_peer));
	addr_nets_deinit(&nets);
	assert_int_equal(addr_nets_parse(&nets, "127.0.0.0/8"), WSD_OK);
	assert_true(addr_nets_match(&nets, &unix_peer));
	addr_nets_deinit(&nets);
}

static void
test_to_sockaddr_and_back(void **state)
{
	static const char *const texts[] = { "192.0.2.1:80", "[2001:db8::1]:65535" };
	struct sockaddr_storage sa;
	struct addr a, b;
	socklen_t len;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(addr_parse(&a, texts[i], strlen(texts[i])), WSD_OK);
		len = addr_to_sockaddr(&a, &sa);
		b = addr_from_sockaddr((struct sockaddr *)&sa, len);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_sockaddr_and_back),
		cmocka_unit_test(test_parse_and_print),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_bad_networks),
		cmocka_unit_test(test_unix_peers_are_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
