/* SPDX-License-Identifier: MIT */
/* The table of client addresses: bounded, IPv6 by /64, and what is in use stays. */
#include "front/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/alloc.h"

#define SECOND 1000000000ull
#define RATE   5
#define BURST  10

static struct peers peers;

static struct peer *
get(const char *text, uint64_t now_ns)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), WSD_OK);
	return peers_get(&peers, &a, RATE, now_ns);
}

static struct peer *
get_nth(unsigned n, uint64_t now_ns)
{
	char text[20];

	snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	return get(text, now_ns);
}

static int
finish(void **state)
{
	peers_deinit(&peers);
	assert_int_equal(alloc.bytes, 0);
	return 0;
}

static void
test_who_is_the_same(void **state)
{
	peers_init(&peers, 100);
	struct peer *a = get("192.0.2.1", 0);

	assert_non_null(a);
	a->connections = 1;                            /* so that all stay */
	assert_ptr_equal(get("192.0.2.1:1234", 0), a); /* any port */
	assert_ptr_equal(get("::ffff:192.0.2.1", 0), a);
	assert_ptr_not_equal(get("192.0.2.2", 0), a);

	struct peer *b = get("2001:db8:1:2::1", 0);

	b->connections = 1;
	assert_ptr_equal(get("2001:db8:1:2:ffff:ffff:ffff:ffff", 0), b);
	assert_ptr_not_equal(get("2001:db8:1:3::1", 0), b);
	/* an IPv6 network whose bytes are those of an IPv4 address */
	assert_ptr_not_equal(get("c000:201::", 0), a);
	assert_ptr_equal(get("192.0.2.1", 0), a);
}

static void
test_bucket_is_kept(void **state)
{
	struct peer *a;

	peers_init(&peers, 100);
	a = get("192.0.2.1", SECOND);
	for (unsigned i = 0; i < BURST; i++)
		assert_true(bucket_take(&a->connects, RATE, BURST, SECOND));
	for (unsigned n = 0; n < 50; n++) /* others come and go */
		assert_non_null(get_nth(n, SECOND));
	a = get("192.0.2.1", SECOND);
	assert_false(bucket_take(&a->connects, RATE, BURST, SECOND));
	assert_true(bucket_take(&a->connects, RATE, BURST, SECOND + SECOND / RATE));
}

/* Those that nothing is counted for any more go by themselves. */
static void
test_idle_ones_are_forgotten(void **state)
{
	peers_init(&peers, 1000);
	for (unsigned n = 0; n < 5000; n++) {
		uint64_t now_ns = (uint64_t)(n + 1) * SECOND / 100; /* 100 a second, each spends one of five a second */
		struct peer *peer = get_nth(n, now_ns);

		assert_non_null(peer);
		assert_true(bucket_take(&peer->connects, RATE, BURST, now_ns));
	}
	assert_in_range(HASH_COUNT(peers.by_key), 20, 50);
}

static void
test_bound(void **state)
{
	struct peer *used[60];

	peers_init(&peers, 100);
	for (unsigned n = 0; n < 60; n++) {
		used[n] = get_nth(n, 1);
		used[n]->connections = 1;
	}
	/* a flood, each with something in its bucket: the table stays within its bound, those in use stay */
	for (unsigned n = 1000; n < 3000; n++) {
		struct peer *peer = get_nth(n, 1);

		assert_true(HASH_COUNT(peers.by_key) <= 100);
		if (peer)
			bucket_take(&peer->connects, RATE, BURST, 1);
	}
	for (unsigned n = 0; n < 60; n++) {
		assert_ptr_equal(get_nth(n, 1), used[n]);
		assert_int_equal(used[n]->connections, 1);
	}
}

static void
test_full_of_used_ones(void **state)
{
	struct peer *peer;

	peers_init(&peers, 10);
	for (unsigned n = 0; n < 10; n++)
		get_nth(n, 1)->connections = 1;
	for (unsigned n = 10; n < 100; n++)
		assert_null(get_nth(n, 1)); /* uncounted */
	assert_int_equal(HASH_COUNT(peers.by_key), 10);
	get_nth(5, 1)->connections = 0;
	/* found within a round of the table */
	for (unsigned n = 100; !(peer = get_nth(n, 1)); n++)
		assert_true(n < 102);
	assert_int_equal(peer->connections, 0);
	assert_int_equal(HASH_COUNT(peers.by_key), 10);
}

static void
test_out_of_memory(void **state)
{
	struct peer *a;

	peers_init(&peers, 10000);
	for (int i = 0; i < 3; i++) {
		alloc.until_failure = i;
		assert_null(get("192.0.2.1", 1));
		alloc.until_failure = INT_MAX;
		assert_int_equal(alloc.bytes, 0);
	}
	a = get("192.0.2.1", 1);
	a->connections = 1;
	alloc.until_failure = 0;
	assert_null(get("192.0.2.2", 1)); /* the only one is not lost over it */
	alloc.until_failure = INT_MAX;
	assert_ptr_equal(get("192.0.2.1", 1), a);
	for (unsigned n = 0; n < 3000; n++) { /* whenever the table wants to grow, and all are in use */
		struct peer *peer;

		alloc.until_failure = 1;
		peer = get_nth(n, 1);
		alloc.until_failure = INT_MAX;
		if (!peer)
			peer = get_nth(n, 1);
		assert_non_null(peer);
		peer->connections = 1;
	}
	assert_int_equal(HASH_COUNT(peers.by_key), 3001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_who_is_the_same, finish),
		cmocka_unit_test_teardown(test_bucket_is_kept, finish),
		cmocka_unit_test_teardown(test_idle_ones_are_forgotten, finish),
		cmocka_unit_test_teardown(test_bound, finish),
		cmocka_unit_test_teardown(test_full_of_used_ones, finish),
		cmocka_unit_test_teardown(test_out_of_memory, finish),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
