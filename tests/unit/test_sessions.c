/* SPDX-License-Identifier: MIT */
/* Sessions: kept, revived, expired, evicted; their tokens. */
#include "front/sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/metrics.h"
#include "support/alloc.h"

static struct sessions sessions;

static int
start(void **state)
{
	metrics_init("test", "0");
	sessions_init(&sessions, 1000, 3, metrics_shard_create(), NULL);
	return 0;
}

static int
finish(void **state)
{
	sessions_deinit(&sessions);
	metrics_deinit();
	return 0;
}

static struct session *
create(const char *id)
{
	struct session *s = sessions_create(&sessions, id);

	assert_non_null(s);
	assert_int_equal(s->state, SESSION_LIVE);
	assert_int_equal(s->count, 0);
	assert_string_equal(s->id, id);
	assert_ptr_equal(sessions_find(&sessions, id), s);
	return s;
}

static struct session *
keep(const char *id, uint64_t now_ms)
{
	struct session *s = create(id);

	sessions_keep(&sessions, s, now_ms);
	return s;
}

static void
check_kept(unsigned n)
{
	assert_int_equal(sessions.n_kept, n);
	assert_int_equal(metrics_sum(METRIC_SESSIONS), n);
}

static void
test_expire(void **state)
{
	keep("a", 100);
	keep("b", 100);
	keep("c", 150);
	check_kept(3);
	sessions_expire(&sessions, 1099);
	check_kept(3);
	sessions_expire(&sessions, 1100);
	check_kept(1);
	assert_null(sessions_find(&sessions, "a"));
	assert_null(sessions_find(&sessions, "b"));
	assert_non_null(sessions_find(&sessions, "c"));
	sessions_expire(&sessions, 100000);
	check_kept(0);
	sessions_expire(&sessions, 100000);
}

static void
test_revive(void **state)
{
	struct session *s = create("a");
	uint8_t token[SESSION_TOKEN_BYTES];

	memcpy(token, s->token, sizeof(token));
	s->count = 42;
	s->seat = (struct front_seat){ .serial = 7, .worker = 1, .slot = 2 };
	sessions_keep(&sessions, s, 0);
	assert_int_equal(s->state, SESSION_KEPT);
	sessions_revive(&sessions, s);
	check_kept(0);
	assert_int_equal(s->state, SESSION_LIVE);
	assert_int_equal(s->seat.serial, 0);
	assert_null(s->successor);
	assert_int_equal(s->count, 42);
	assert_memory_equal(s->token, token, sizeof(token));
	sessions_expire(&sessions, UINT64_MAX); /* it lives: none of its business */
	assert_ptr_equal(sessions_find(&sessions, "a"), s);

	/* its time starts anew */
	sessions_keep(&sessions, s, 900);
	sessions_expire(&sessions, 1899);
	check_kept(1);
	sessions_expire(&sessions, 1900);
	check_kept(0);
}

static void
test_swapping_is_kept(void **state)
{
	struct session *s = create("a");

	s->state = SESSION_SWAPPING;
	s->successor = (struct visitor *)s;
	sessions_keep(&sessions, s, 0);
	check_kept(1);
	sessions_forget(&sessions, s);
	check_kept(0);
	assert_null(sessions_find(&sessions, "a"));
}

static void
test_evict_oldest(void **state)
{
	struct session *a = keep("a", 0);

	keep("b", 1);
	keep("c", 2);
	sessions_revive(&sessions, a);
	sessions_keep(&sessions, a, 3); /* now the youngest */
	create("live");
	keep("d", 4);
	check_kept(3);
	assert_int_equal(metrics_sum(METRIC_SESSIONS_EVICTED), 1);
	assert_null(sessions_find(&sessions, "b"));
	assert_non_null(sessions_find(&sessions, "a"));
	assert_non_null(sessions_find(&sessions, "live"));
	for (unsigned i = 0; i < 100; i++) {
		char id[20];

		snprintf(id, sizeof(id), "more-%u", i);
		keep(id, 5);
	}
	check_kept(3);
	assert_int_equal(metrics_sum(METRIC_SESSIONS_EVICTED), 101);
	assert_non_null(sessions_find(&sessions, "more-99"));
	assert_null(sessions_find(&sessions, "more-96"));
}

static void
test_nothing_is_kept(void **state)
{
	sessions.ttl_ms = 0;
	keep("a", 0);
	check_kept(0);
	assert_null(sessions_find(&sessions, "a"));
}

static void
test_token(void **state)
{
	struct session *a = create("a"), *b = create("b");
	char text[2 * SESSION_TOKEN_BYTES + 2];

	assert_memory_not_equal(a->token, b->token, SESSION_TOKEN_BYTES);
	for (unsigned i = 0; i < SESSION_TOKEN_BYTES; i++)
		a->token[i] = (uint8_t)(i * 17); /* every digit; the first byte is 0 */
	for (unsigned i = 0; i < SESSION_TOKEN_BYTES; i++)
		sprintf(text + 2 * i, "%02x", a->token[i]);
	assert_true(sessions_token_is(a, text));
	assert_false(sessions_token_is(b, text));
	for (unsigned i = 0; i < 2 * SESSION_TOKEN_BYTES; i++) { /* each digit counts, and each bit of it */
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			char was = text[i];

			text[i] = (char)(was ^ (int)bit);
			assert_false(sessions_token_is(a, text));
			text[i] = was;
		}
	}
	assert_false(sessions_token_is(a, ""));
	text[2 * SESSION_TOKEN_BYTES] = '0';
	text[2 * SESSION_TOKEN_BYTES + 1] = '\0';
	assert_false(sessions_token_is(a, text));
	text[2 * SESSION_TOKEN_BYTES - 1] = '\0';
	assert_false(sessions_token_is(a, text));
}

/* One connection is refused then, and nothing else happens. */
static void
test_out_of_memory(void **state)
{
	size_t before = alloc.bytes;

	for (int i = 0; i < 3; i++) { /* the session, the table, its buckets */
		alloc.until_failure = i;
		assert_null(sessions_create(&sessions, "a"));
		alloc.until_failure = INT_MAX;
		assert_null(sessions_find(&sessions, "a"));
		assert_int_equal(alloc.bytes, before);
	}
	for (unsigned i = 0; i < 5000; i++) { /* whenever the table wants to grow */
		char id[20];
		struct session *s;

		snprintf(id, sizeof(id), "%u", i);
		alloc.until_failure = 1;
		s = sessions_create(&sessions, id);
		alloc.until_failure = INT_MAX;
		if (!s)
			s = create(id);
		assert_ptr_equal(sessions_find(&sessions, id), s);
	}
	assert_int_equal(HASH_COUNT(sessions.by_id), 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_expire, start, finish),
		cmocka_unit_test_setup_teardown(test_revive, start, finish),
		cmocka_unit_test_setup_teardown(test_swapping_is_kept, start, finish),
		cmocka_unit_test_setup_teardown(test_evict_oldest, start, finish),
		cmocka_unit_test_setup_teardown(test_nothing_is_kept, start, finish),
		cmocka_unit_test_setup_teardown(test_token, start, finish),
		cmocka_unit_test_setup_teardown(test_out_of_memory, start, finish),
	};

	return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
