/* SPDX-License-Identifier: MIT */
/* By which names the admin side may be called. The list is in its normal form, as conf_lists.c makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "admin/admin_priv.h"

static const struct {
	const char *allowed, *host;
	bool in;
} cases[] = {
	{ "localhost", "localhost", true },
	{ "localhost", "LocalHost:3101", true },
	{ "localhost", "localhost:", true },
	/* no page can have an address for its name that is not its own */
	{ "localhost", "127.0.0.1", true },
	{ "localhost", "127.0.0.1:3101", true },
	{ "localhost", "[::1]", true },
	{ "localhost", "[::1]:3101", true },
	{ "localhost", "192.0.2.7:80", true },
	/* browsers send none, or a name */
	{ "localhost", "", true },
	{ "localhost", "evil.example", false },
	{ "localhost", "evil.example:3101", false },
	{ "localhost", "localhost.evil.example:3101", false },
	{ "localhost", "evil.localhost:3101", false },
	{ "localhost", "localhos", false },
	{ "localhost", "localhost.", false },
	{ "localhost", ":3101", false },
	/* what some resolvers take for an address */
	{ "localhost", "127.1:3101", false },
	{ "localhost", "2130706433", false },
	{ "localhost", "0x7f000001", false },
	{ "localhost", "127.0.0.1.evil.example", false },
	{ "localhost", "[::1].evil.example", false },
	{ "localhost", "[evil.example]", false },
	{ "ws.example.org,ops", "ws.example.org:3101", true },
	{ "ws.example.org,ops", "OPS", true },
	{ "ws.example.org,ops", "example.org", false },
	{ "ws.example.org,ops", "ws.example.org,ops", false },
	{ "ws.example.org,ops", "localhost", false },
	{ "*", "evil.example:3101", true },
};

static void
test_hosts(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (authorize_host(cases[i].allowed, cases[i].host) != cases[i].in)
			fail_msg("%s of %s", cases[i].host, cases[i].allowed);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_hosts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
