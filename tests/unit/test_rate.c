/* SPDX-License-Identifier: MIT */
/* Buckets by client address: who shares one, who has none, and that many addresses do no harm. */
#include "admin/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#define SECOND 1000000000ull

static struct addr
client(const char *text)
{
	struct addr a = { .family = ADDR_NONE };

	if (*text)
		assert_int_equal(addr_parse(&a, text, strlen(text)), WSD_OK);
	return a;
}

static unsigned
take(struct rate_table *table, const char *text, unsigned times, uint64_t now_ns)
{
	struct addr a = client(text);
	unsigned taken = 0;

	for (unsigned i = 0; i < times; i++)
		taken += rate_take(table, &a, now_ns) == 0;
	return taken;
}

static void
test_addresses(void **state)
{
	struct rate_table *table = rate_create(10, 4);
	struct addr a = client("192.0.2.1:99");

	assert_non_null(table);
	assert_int_equal(take(table, "192.0.2.1", 10, SECOND), 4);
	assert_int_equal(rate_take(table, &a, SECOND), SECOND / 10); /* another port is no other client */
	assert_int_equal(take(table, "192.0.2.2", 10, SECOND), 4);
	assert_int_equal(take(table, "2001:db8::1", 3, SECOND), 3);
	assert_int_equal(take(table, "2001:db8::ffff:1", 3, SECOND), 1); /* the same /64 */
	assert_int_equal(take(table, "2001:db8:0:1::1", 10, SECOND), 4);
	assert_int_equal(take(table, "192.0.2.1", 10, SECOND + SECOND / 5), 2);
	assert_int_equal(take(table, "", 10, SECOND), 4);
	a = (struct addr){ .family = ADDR_UNIX };
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(rate_take(table, &a, SECOND), 0);
	rate_destroy(&table);
	assert_null(table);
	rate_destroy(&table);
}

static void
test_off(void **state)
{
	struct rate_table *table = rate_create(0, 0);

	assert_non_null(table);
	assert_int_equal(take(table, "192.0.2.1", 1000, 1), 1000);
	rate_destroy(&table);
}

/* Passers-by take the places of those who have used little, not of the one who is being held back. */
static void
test_many(void **state)
{
	struct rate_table *table = rate_create(1, 100);

	assert_non_null(table);
	assert_int_equal(take(table, "192.0.2.1", 200, SECOND), 100);
	for (uint32_t i = 0; i < 100000; i++) {
		struct addr a = { .family = ADDR_V4,
				  .bytes = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };

		assert_int_equal(rate_take(table, &a, SECOND + i), 0);
	}
	assert_int_equal(take(table, "192.0.2.1", 10, SECOND + 100000), 0);
	rate_destroy(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
