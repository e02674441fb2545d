/* SPDX-License-Identifier: MIT */
/* Every result code has a text of its own, ours and the system's. */
#include "base/err.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
test_ours(void **state)
{
	static const int codes[] = {
#define CODE(name, code, text) name,
		WSD_ERRORS(CODE)
#undef CODE
	};
	const size_t n = sizeof(codes) / sizeof(codes[0]);

	for (size_t i = 0; i < n; i++) {
		assert_true(codes[i] < -1000);
		assert_string_not_equal(wsd_strerror(codes[i]), "unknown error");
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(codes[i], codes[j]);
			assert_string_not_equal(wsd_strerror(codes[i]), wsd_strerror(codes[j]));
		}
	}
	assert_string_equal(wsd_strerror(WSD_E_FULL), "the queue is full");
	assert_string_equal(wsd_strerror(WSD_OK), "success");
}

static void
test_the_systems(void **state)
{
	assert_string_equal(wsd_strerror(-ENOENT), strerror(ENOENT));
	assert_string_equal(wsd_strerror(-ENOMEM), strerror(ENOMEM));
	assert_string_equal(wsd_strerror(-EADDRINUSE), strerror(EADDRINUSE));
}

static void
test_strangers(void **state)
{
	static const int codes[] = { 1, ENOENT, -999, -1000, -2000, INT_MAX, INT_MIN };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_string_equal(wsd_strerror(codes[i]), "unknown error");
}

static void
test_errno_is_never_success(void **state)
{
	errno = EPIPE;
	assert_int_equal(wsd_errno(), -EPIPE);
	errno = 0;
	assert_int_equal(wsd_errno(), -EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_the_systems),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_errno_is_never_success),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
