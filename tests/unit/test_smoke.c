/* SPDX-License-Identifier: MIT */
/* What is made of a test load's results; a script that prints them stands for wsload. */
#include "ctl/smoke.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "ctl/why.h"
#include "support/files.h"

static struct why why;
static char folder[] = "/tmp/test_smoke.XXXXXX", program[sizeof(folder) + 8];

/* A wsload that prints so much and ends with that status. */
static int
smoke(const char *results, int status)
{
	char script[1024];

	snprintf(script, sizeof(script), "#!/bin/sh\necho '%s'\nexit %d\n", results, status);
	make_file(program, script, 0755);
	why.text[0] = '\0';
	return smoke_run("127.0.0.1:1", NULL, &why);
}

static int
enter(void **state)
{
	char path[4096];

	assert_non_null(mkdtemp(folder));
	snprintf(program, sizeof(program), "%s/wsload", folder);
	snprintf(path, sizeof(path), "%s:%s", folder, getenv("PATH"));
	return setenv("PATH", path, 1);
}

static int
leave(void **state)
{
	unlink(program);
	return rmdir(folder);
}

#define RESULTS(passed, interrupted) \
	"{\"summary\": {\"passed\": " passed ", \"interrupted\": " interrupted "}, " \
	"\"counts\": {\"connect_attempts\": 10, \"sent\": 200, \"answered\": 200}, \"connect_failures\": {}, " \
	"\"latency\": {\"p95\": 0.0012}, \"thresholds\": {\"lost>0\": {\"failed\": false, \"text\": \"0\"}}}"

static void
test_a_run_that_passed(void **state)
{
	assert_int_equal(smoke(RESULTS("true", "false"), 0), WSD_OK);
	assert_string_equal(why.text, "200 of 200 messages answered, p95 1.20 ms");
}

/* Whatever its status: an older wsload ended with 0. */
static void
test_an_interrupted_run_has_not_passed(void **state)
{
	assert_int_equal(smoke(RESULTS("false", "true"), 4), WSD_E_LIBRARY);
	assert_string_equal(why.text, "the test load was interrupted: no condition was crossed before");
	assert_int_equal(smoke(RESULTS("true", "true"), 0), WSD_E_LIBRARY);
	assert_string_equal(why.text, "the test load was interrupted: no condition was crossed before");
}

static void
test_a_run_that_failed(void **state)
{
	assert_int_equal(smoke("{\"thresholds\": {\"lost>0\": {\"failed\": true, \"text\": \"3\"}}, "
			       "\"connect_failures\": {\"http 503\": 10}}",
			       1),
			 WSD_E_LIBRARY);
	assert_string_equal(why.text, "the test load failed: not connected (http 503: 10), lost>0 (3)");
}

static void
test_no_results(void **state)
{
	assert_int_equal(smoke("", 0), WSD_E_MALFORMED);
	assert_int_equal(smoke("", 3), WSD_E_LIBRARY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_run_that_passed),
		cmocka_unit_test(test_an_interrupted_run_has_not_passed),
		cmocka_unit_test(test_a_run_that_failed),
		cmocka_unit_test(test_no_results),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
