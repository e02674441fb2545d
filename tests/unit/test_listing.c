/* SPDX-License-Identifier: MIT */
/* Pages of connections, against sorting all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "front/front_priv.h"

#define IDS 700

static struct front front;
static const char *sorted[IDS]; /* of the live ones */
static unsigned n_sorted;

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
start(void **state)
{
	static const char chars[] = "-.0AZ_az~"; /* in order of their bytes */
	uint32_t seed = 1;

	metrics_init("test", "0");
	sessions_init(&front.sessions, 1000, IDS, metrics_shard_create(), NULL);
	for (unsigned i = 0; i < IDS; i++) {
		struct session *s;
		char id[8];
		unsigned len;

		do {
			seed = seed * 1664525 + 1013904223;
			len = 1 + (seed >> 8) % 4;
			for (unsigned k = 0; k < len; k++)
				id[k] = chars[(seed >> (12 + 4 * k)) % 9];
			id[len] = '\0';
		} while (sessions_find(&front.sessions, id));
		s = sessions_create(&front.sessions, id);
		assert_non_null(s);
		s->seat.serial = i;
		if (i % 10 == 0) {
			sessions_keep(&front.sessions, s, 0); /* has closed: not listed */
		} else if (i % 10 == 1) {
			s->state = SESSION_SWAPPING;
		} else {
			sorted[n_sorted++] = s->id;
		}
	}
	qsort(sorted, n_sorted, sizeof(sorted[0]), compare);
	return 0;
}

static int
finish(void **state)
{
	sessions_deinit(&front.sessions);
	metrics_deinit();
	return 0;
}

/* Returns how many there were. */
static uint32_t
check_page(const char *after, const char *prefix, uint32_t most)
{
	struct front_entry *out = calloc(most, sizeof(*out)); /* exactly: the sanitizers see what is written behind */
	bool more, expected_more = false;
	uint32_t n = front_list(&front, after, prefix, out, most, &more), expected = 0;

	for (unsigned i = 0; i < n_sorted; i++) {
		if (strcmp(sorted[i], after) <= 0 || strncmp(sorted[i], prefix, strlen(prefix)) != 0)
			continue;
		if (expected == most) {
			expected_more = true;
			break;
		}
		assert_true(expected < n);
		assert_ptr_equal(out[expected].id, sorted[i]);
		assert_int_equal(out[expected].seat.serial, sessions_find(&front.sessions, sorted[i])->seat.serial);
		expected++;
	}
	assert_int_equal(n, expected);
	assert_int_equal(more, expected_more);
	free(out);
	return n;
}

static void
test_pages(void **state)
{
	static const char *const prefixes[] = { "", "a", "zz", "-", "~~~", "none" };
	static const char *const afters[] = { "", "-", "a", "a~", "m", "zzzz", "~~~~~" };
	static const uint32_t sizes[] = { 1, 2, 7, 100, 1000 };

	for (unsigned p = 0; p < 6; p++)
		for (unsigned a = 0; a < 7; a++)
			for (unsigned s = 0; s < 5; s++)
				check_page(afters[a], prefixes[p], sizes[s]);
	check_page("", "", n_sorted);     /* all, and no more */
	check_page("", "", n_sorted - 1); /* and one */
}

/* Page by page each is seen once. */
static void
test_walk(void **state)
{
	static const uint32_t sizes[] = { 1, 3, 50, 699 };

	for (unsigned s = 0; s < 4; s++) {
		const char *after = "";
		unsigned seen = 0;
		uint32_t n;

		while ((n = check_page(after, "", sizes[s])) > 0) {
			seen += n;
			after = sorted[seen - 1];
		}
		assert_int_equal(seen, n_sorted);
	}
}

static void
test_nobody_there(void **state)
{
	struct front empty = { .mode = FRONT_OPEN };
	struct front_entry out;
	bool more = true;

	assert_int_equal(front_list(&empty, "", "", &out, 1, &more), 0);
	assert_false(more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests_name("listing", tests, start, finish);
}
