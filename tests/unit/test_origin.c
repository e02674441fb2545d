/* SPDX-License-Identifier: MIT */
/* Which origins a list lets in. The list is in its normal form, as conf_lists.c makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "front/front_priv.h"

static const struct {
	const char *allowed, *origin;
	bool in;
} cases[] = {
	{ "*", "https://example.org", true },
	{ "*", "null", true },
	{ "*", "", true },
	/* no browser */
	{ "https://example.org", "", true },
	/* one origin: scheme, host and port are the same */
	{ "https://example.org", "https://example.org", true },
	{ "https://example.org", "HTTPS://Example.ORG", true },
	{ "https://example.org", "http://example.org", false },
	{ "https://example.org", "https://example.org:8443", false },
	{ "https://example.org", "https://www.example.org", false },
	{ "https://example.org", "https://evilexample.org", false },
	{ "https://example.org", "https://example.org.evil.net", false },
	{ "https://example.org", "https://example.or", false },
	{ "https://example.org", "https://example.org/", false },
	{ "https://example.org", "example.org", false },
	{ "https://example.org:8443", "https://example.org:8443", true },
	{ "https://example.org:8443", "https://example.org", false },
	{ "https://example.org:8443", "https://example.org:84433", false },
	{ "http://[::1]:3000", "http://[::1]:3000", true },
	{ "http://[::1]:3000", "http://[::1]", false },
	/* null is one like another: sandboxed frames and files send it */
	{ "https://example.org", "null", false },
	{ "null", "null", true },
	{ "null", "https://null", false },
	{ "*.example.org", "null", false },
	/* below a domain, any scheme and port */
	{ "*.example.org", "https://www.example.org", true },
	{ "*.example.org", "http://a.b.example.org", true },
	{ "*.example.org", "https://WWW.Example.Org", true },
	{ "*.example.org", "https://www.example.org:8443", true },
	{ "*.example.org", "https://www.example.org:", true },
	{ "*.example.org", "https://example.org", false },
	{ "*.example.org", "https://.example.org", false },
	{ "*.example.org", "https://evilexample.org", false },
	{ "*.example.org", "https://example.org.evil.net", false },
	{ "*.example.org", "https://www.example.org.evil.net", false },
	{ "*.example.org", "https://www.example.org.", false },
	{ "*.example.org", "https://www.example.orgx", false },
	{ "*.example.org", "https://evil.net:1.example.org:1x", false },
	{ "*.example.org", "www.example.org", false },
	{ "*.example.org", "://", false },
	{ "*.example.org", "https://", false },
	{ "*.example.org", "https://12345", false },
	/* below a domain, with this scheme and this port only */
	{ "https://*.example.org", "https://www.example.org", true },
	{ "https://*.example.org", "HTTPS://www.EXAMPLE.org", true },
	{ "https://*.example.org", "http://www.example.org", false },
	{ "https://*.example.org", "https://www.example.org:8443", false },
	{ "https://*.example.org", "https://example.org", false },
	{ "https://*.example.org", "https://.example.org", false },
	{ "https://*.example.org", "https://evilexample.org", false },
	{ "https://*.example.org", "https://", false },
	{ "https://*.example.org", "https:/", false },
	{ "https://*.example.org:8443", "https://www.example.org:8443", true },
	{ "https://*.example.org:8443", "https://www.example.org", false },
	/* several */
	{ "https://a.org,https://b.org", "https://a.org", true },
	{ "https://a.org,https://b.org", "https://b.org", true },
	{ "https://a.org,https://b.org", "https://a.org,https://b.org", false },
	{ "https://a.org,https://b.org", "https://c.org", false },
	{ "https://a.org,*.b.org,null", "https://x.b.org", true },
	{ "https://a.org,*.b.org,null", "null", true },
	{ "https://a.org,*.b.org,null", "https://x.a.org", false },
	{ "*.a.org,https://*.b.org", "http://x.b.org", false },
	{ "*.a.org,https://*.b.org", "https://x.b.org", true },
	{ "", "https://a.org", false },
};

static void
test_table(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice origin = { cases[i].origin, strlen(cases[i].origin) };

		if (origin_allowed(cases[i].allowed, origin) != cases[i].in)
			fail_msg("%s: %s should %sbe allowed", cases[i].allowed, cases[i].origin,
				 cases[i].in ? "" : "not ");
	}
}

/* An origin is a piece of the request: what follows it there must not be read. */
static void
test_no_zero_behind(void **state)
{
	static const char text[] = "https://www.example.org.evil.net";

	assert_true(origin_allowed("*.example.org", (struct slice){ text, strlen("https://www.example.org") }));
	assert_true(
		origin_allowed("https://www.example.org", (struct slice){ text, strlen("https://www.example.org") }));
	assert_false(
		origin_allowed("https://www.example.org", (struct slice){ text, strlen("https://www.example.or") }));
	assert_true(origin_allowed("https://a.org", (struct slice){ NULL, 0 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_no_zero_behind),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
