/* SPDX-License-Identifier: MIT */
/* Why a service failed: in its own words where it had any, and never "success". */
#include "ctl/failure.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/bus.h"
#include "ctl/why.h"

static const char *
words(struct bus_unit unit)
{
	static struct why why;

	failure_words(&unit, &why);
	return why.text;
}

static void
test_its_own_words(void **state)
{
	assert_string_equal(words((struct bus_unit){ .result = "exit-code",
						     .status = "PORT=\"x\": a number is needed",
						     .exit_code = CLD_EXITED,
						     .exit_status = 78 }),
			    "PORT=\"x\": a number is needed");
}

static void
test_no_failure(void **state)
{
	assert_string_equal(words((struct bus_unit){ .result = "success", .status = "serving" }), "");
	assert_string_equal(words((struct bus_unit){ .result = "" }), "");
}

/* What it said before the crash is not why. */
static void
test_signals(void **state)
{
	assert_string_equal(
		words((struct bus_unit){
			.result = "core-dump", .status = "serving", .exit_code = CLD_DUMPED, .exit_status = SIGSEGV }),
		"it was ended by signal SEGV");
}

static void
test_systemd_speaks_for_it(void **state)
{
	struct bus_unit unit = { .result = "exit-code", .exit_code = CLD_EXITED, .exit_status = 243 };

	assert_string_equal(words(unit), "a credential could not be loaded: is the file of LoadCredential= there?");
	unit.exit_status = 3;
	assert_string_equal(words(unit), "it ended with status 3");
	assert_string_equal(words((struct bus_unit){ .result = "timeout", .start_timeout_us = 30000000 }),
			    "it was not ready within 30 s");
	assert_string_equal(words((struct bus_unit){ .result = "protocol" }), "it ended before it was ready");
	assert_string_equal(words((struct bus_unit){ .result = "a-new-one" }), "a-new-one");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_own_words),
		cmocka_unit_test(test_no_failure),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_systemd_speaks_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
