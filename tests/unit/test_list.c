/* SPDX-License-Identifier: MIT */
/* The intrusive list. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct thing {
	int number;
	struct list node;
};

static void
add(struct list *l, struct thing *thing, int number)
{
	thing->number = number;
	list_append(l, &thing->node);
}

/* The numbers in order, forwards and backwards. */
static void
check(struct list *l, const int *expected, size_t n)
{
	size_t i = 0;

	list_foreach (node, l) {
		assert_true(i < n);
		assert_int_equal(LIST_ENTRY(node, struct thing, node)->number, expected[i++]);
	}
	assert_int_equal(i, n);
	for (struct list *node = l->prev; node != l; node = node->prev)
		assert_int_equal(LIST_ENTRY(node, struct thing, node)->number, expected[--i]);
	assert_int_equal(i, 0);
	assert_int_equal(list_empty(l), n == 0);
}

static void
test_append_and_unlink(void **state)
{
	struct thing things[4];
	struct list l;

	list_init(&l);
	check(&l, NULL, 0);
	for (int i = 0; i < 4; i++)
		add(&l, &things[i], i);
	check(&l, (int[]){ 0, 1, 2, 3 }, 4);
	list_unlink(&things[0].node);
	list_unlink(&things[3].node);
	check(&l, (int[]){ 1, 2 }, 2);
	list_unlink(&things[3].node); /* twice is harmless */
	check(&l, (int[]){ 1, 2 }, 2);
	assert_true(list_empty(&things[3].node));
	add(&l, &things[0], 0);
	check(&l, (int[]){ 1, 2, 0 }, 3);
	for (int i = 0; i < 3; i++)
		list_unlink(&things[i].node);
	check(&l, NULL, 0);
}

static void
test_splice(void **state)
{
	struct thing things[5];
	struct list to, from;

	list_init(&to);
	list_init(&from);
	list_splice(&to, &from);
	check(&to, NULL, 0);

	add(&from, &things[0], 0);
	list_splice(&to, &from); /* into an empty one */
	check(&to, (int[]){ 0 }, 1);
	check(&from, NULL, 0);

	list_splice(&to, &from); /* of an empty one */
	check(&to, (int[]){ 0 }, 1);

	for (int i = 1; i < 4; i++)
		add(&from, &things[i], i);
	list_splice(&to, &from);
	check(&to, (int[]){ 0, 1, 2, 3 }, 4);
	check(&from, NULL, 0);

	add(&from, &things[4], 4); /* it can be used on */
	check(&from, (int[]){ 4 }, 1);
}

static void
test_free_while_walking(void **state)
{
	struct list l;
	int n = 0;

	list_init(&l);
	for (int i = 0; i < 100; i++) {
		struct thing *thing = malloc(sizeof(*thing));

		assert_non_null(thing);
		add(&l, thing, i);
	}
	list_foreach (node, &l) {
		struct thing *thing = LIST_ENTRY(node, struct thing, node);

		assert_int_equal(thing->number, n++);
		list_unlink(node);
		free(thing);
	}
	assert_int_equal(n, 100);
	check(&l, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_and_unlink),
		cmocka_unit_test(test_splice),
		cmocka_unit_test(test_free_while_walking),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
