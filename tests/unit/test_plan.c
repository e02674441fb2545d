/* SPDX-License-Identifier: MIT */
/* Profiles, phases, shares. */
#include "loadtest/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loadtest/options.h"

#define S 1000000000ull

static struct options o;
static struct plan plan;

static void
test_the_profiles_of_the_specification(void **state)
{
	static const struct {
		const char *name;
		uint32_t connections;
		uint64_t up, hold;
	} want[] = { { "ramp", 1000, 240 * S, 60 * S },
		     { "stress", 2000, 30 * S, 600 * S },
		     { "spike", 5000, 30 * S, 60 * S } };

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		o = (struct options){ .scale = 1, .profile = profile_find(want[i].name) };
		assert_non_null(o.profile);
		o.connections = o.profile->connections;
		plan_make(&plan, &o);
		assert_int_equal(o.connections, want[i].connections);
		assert_int_equal(plan.n, 3);
		assert_int_equal(plan.phases[0].duration_ns, want[i].up);
		assert_int_equal(plan.phases[1].duration_ns, want[i].hold);
		assert_true(plan.phases[1].measure && plan.phases[1].send);
		assert_int_equal(plan.phases[2].to, 0);
	}
	assert_non_null(profile_find("smoke"));
	assert_null(profile_find("none"));
}

static void
test_scale(void **state)
{
	o = (struct options){ .scale = 0.1, .profile = profile_find("spike"), .connections = 5000 };
	plan_make(&plan, &o);
	assert_int_equal(plan_duration_ns(&plan), 12 * S);
}

static void
test_free_scenarios(void **state)
{
	o = (struct options){ .scale = 1, .connections = 100, .connect_rate = 50, .duration_ns = 7 * S };
	plan_make(&plan, &o);
	assert_int_equal(plan.n, 2);
	assert_int_equal(plan.phases[0].duration_ns, 2 * S);
	assert_true(plan.phases[0].settle && !plan.phases[0].send);
	assert_int_equal(plan.phases[1].duration_ns, 7 * S);
	o.connect_parallel = 5;
	plan_make(&plan, &o);
	assert_int_equal(plan.phases[0].duration_ns, 0);
	assert_int_equal(phase_target(&plan.phases[0], 0), 100);
}

static void
test_ramps(void **state)
{
	struct phase up = { .duration_ns = 10 * S, .from = 0, .to = 1000 };
	struct phase down = { .duration_ns = 10 * S, .from = 1000, .to = 0 };

	assert_int_equal(phase_target(&up, 0), 0);
	assert_int_equal(phase_target(&up, 5 * S), 500);
	assert_int_equal(phase_target(&up, 20 * S), 1000);
	assert_int_equal(phase_target(&down, 0), 1000);
	assert_int_equal(phase_target(&down, 5 * S), 500);
	assert_int_equal(phase_target(&down, 10 * S), 0);
	/* the time given for each is the one at which the target reaches it */
	for (uint32_t n = 1; n <= 1000; n++) {
		uint64_t due = phase_due_ns(&up, n);

		assert_in_range(phase_target(&up, due + 1000), n, n);
		assert_true(due < 1000 || phase_target(&up, due - 1000) < n);
	}
}

static void
test_shares_add_up(void **state)
{
	for (uint32_t all = 0; all < 50; all++) {
		for (unsigned n = 1; n < 9; n++) {
			uint32_t sum = 0;

			for (unsigned i = 0; i < n; i++)
				sum += plan_share(all, i, n);
			assert_int_equal(sum, all);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_profiles_of_the_specification),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_free_scenarios),
		cmocka_unit_test(test_ramps),
		cmocka_unit_test(test_shares_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
