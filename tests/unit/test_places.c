/* SPDX-License-Identifier: MIT */
/* Places of HTTP connections: bounds in all and of one client. */
#include "admin/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static struct places places;

static int
set_up(void **state)
{
	assert_int_equal(places_init(&places, 6, 2), WSD_OK);
	return 0;
}

static int
tear_down(void **state)
{
	places_deinit(&places);
	places_deinit(&places); /* all zero is accepted */
	return 0;
}

static struct addr
address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), WSD_OK);
	return a;
}

static int
take(const char *text)
{
	struct addr a = address(text);

	return places_take(&places, &a);
}

static void
give_back(const char *text)
{
	struct addr a = address(text);

	places_give_back(&places, &a);
}

static void
test_one_client(void **state)
{
	assert_int_equal(take("192.0.2.1:1000"), WSD_OK);
	assert_int_equal(take("192.0.2.1:1001"), WSD_OK);
	assert_int_equal(take("192.0.2.1:1002"), WSD_E_BUSY);
	assert_int_equal(take("192.0.2.2:1000"), WSD_OK);
	give_back("192.0.2.1:1001");
	assert_int_equal(take("192.0.2.1:1003"), WSD_OK);
	assert_int_equal(take("192.0.2.1:1004"), WSD_E_BUSY);
	assert_int_equal(places.n, 3);
}

static void
test_ipv6_by_network(void **state)
{
	assert_int_equal(take("2001:db8::1"), WSD_OK);
	assert_int_equal(take("2001:db8::2"), WSD_OK);
	assert_int_equal(take("2001:db8::3"), WSD_E_BUSY);
	assert_int_equal(take("2001:db8:0:1::1"), WSD_OK);
	give_back("2001:db8::ffff"); /* the same client's */
	assert_int_equal(take("2001:db8::4"), WSD_OK);
}

static void
test_not_counted_by_address(void **state)
{
	const struct addr unix_peer = { .family = ADDR_UNIX }, nobody = { .family = ADDR_NONE };

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(places_take(&places, &unix_peer), WSD_OK);
		assert_int_equal(places_take(&places, &nobody), WSD_OK);
	}
	assert_int_equal(places_take(&places, &nobody), WSD_E_FULL);
	assert_int_equal(take("192.0.2.1"), WSD_E_FULL);
	places_give_back(&places, &unix_peer);
	assert_int_equal(take("192.0.2.1"), WSD_OK);
	places_give_back(&places, &nobody);
	places_give_back(&places, &nobody);
	assert_int_equal(places.n, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_client, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ipv6_by_network, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_counted_by_address, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
