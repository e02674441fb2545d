/* SPDX-License-Identifier: MIT */
/* Which instance runs which program, and which programs are kept. */
#include "ctl/program.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "ctl/why.h"
#include "support/files.h"

/* Each test has a tree of its own, and is in it: kept/NAME/wsd, and links in used/. */
static char folder[] = "/tmp/wsd-program.XXXXXX";
static char kept[64], used[64];

static int
enter(void **state)
{
	strcpy(strrchr(folder, '.') + 1, "XXXXXX");
	if (!mkdtemp(folder) || chdir(folder) != 0 || mkdir("kept", 0755) != 0)
		return -1;
	snprintf(kept, sizeof(kept), "%s/kept", folder);
	snprintf(used, sizeof(used), "%s/used", folder);
	program_places(kept, used);
	return 0;
}

static int
leave(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return chdir("/") != 0 || system(command) != 0;
}

/* Its folder. */
static const char *
keep(const char *name)
{
	static char out[PROGRAM_MAX];
	char path[PROGRAM_MAX + 8];

	snprintf(out, sizeof(out), "%s/%s", kept, name);
	assert_int_equal(mkdir(out, 0755), 0);
	snprintf(path, sizeof(path), "%s/wsd", out);
	make_file(path, name, 0755);
	return out;
}

static bool
is_kept(const char *name)
{
	char path[PROGRAM_MAX];

	snprintf(path, sizeof(path), "kept/%s/wsd", name);
	return access(path, X_OK) == 0;
}

static void
use(const char *instance, const char *program)
{
	char path[PROGRAM_MAX] = "";
	struct why why;

	if (program)
		snprintf(path, sizeof(path), "%s/%s", kept, program);
	assert_int_equal(program_use(instance, path, &why), WSD_OK);
}

static void
check_uses(const char *instance, const char *name)
{
	char found[PROGRAM_MAX];

	program_of(instance, found);
	assert_string_equal(program_name(found), name);
}

static void
test_nothing_is_known(void **state)
{
	char found[PROGRAM_MAX];

	check_uses("blue", "");
	program_installed(found);
	assert_string_equal(found, "");
	program_prune("");
}

static void
test_links(void **state)
{
	struct why why;
	struct stat st;

	keep("1");
	keep("2");
	use("blue", "1");
	use("green", "1");
	use("blue", "2");
	check_uses("blue", "2");
	check_uses("green", "1");
	/* one that a wsctl was killed at */
	assert_int_equal(symlink("nowhere", "used/blue.wsctl"), 0);
	use("blue", "1");
	check_uses("blue", "1");
	assert_int_not_equal(lstat("used/blue.wsctl", &st), 0);
	use("blue", NULL);
	use("blue", NULL);
	check_uses("blue", "");
	make_file("file", "", 0644);
	program_places(kept, "file");
	assert_int_not_equal(program_use("blue", kept, &why), WSD_OK);
	assert_non_null(strstr(why.text, "file/blue"));
}

static void
test_pruning(void **state)
{
	char needed[PROGRAM_MAX];

	snprintf(needed, sizeof(needed), "%s", keep("needed"));
	assert_int_equal(symlink(keep("installed-one"), "kept/installed"), 0);
	keep("blues");
	keep("thirds");
	keep("nobodys");
	keep("nobodys-too");
	use("blue", "blues");
	use("third", "thirds");
	use("green", "installed-one");
	program_prune(needed);
	assert_true(is_kept("needed") && is_kept("installed-one") && is_kept("blues") && is_kept("thirds"));
	assert_false(is_kept("nobodys") || is_kept("nobodys-too"));
	assert_int_not_equal(access("kept/nobodys", F_OK), 0);
	program_prune("");
	assert_false(is_kept("needed"));
	assert_true(is_kept("installed-one"));
}

/* A folder with more in it than a program was made by somebody else. */
static void
test_pruning_leaves_what_it_does_not_know(void **state)
{
	keep("strange");
	make_file("kept/strange/notes", "", 0644);
	make_file("kept/file", "", 0644);
	assert_int_equal(mkdir("kept/.7", 0755), 0); /* one that is just being kept */
	program_prune("");
	assert_int_equal(access("kept/strange/notes", F_OK), 0);
	assert_int_equal(access("kept/file", F_OK), 0);
	assert_int_equal(access("kept/.7", F_OK), 0);
}

static void
test_one_that_is_kept_is_taken_as_it_is(void **state)
{
	char found[PROGRAM_MAX], path[PROGRAM_MAX + 8], expected[PROGRAM_MAX];
	struct why why;

	snprintf(expected, sizeof(expected), "%s", keep("1"));
	snprintf(path, sizeof(path), "%s/wsd", expected);
	assert_int_equal(program_take(path, found, &why), WSD_OK);
	assert_string_equal(found, expected);
	assert_int_equal(program_take("kept/../kept/1/./wsd", found, &why), WSD_OK);
	assert_string_equal(found, expected);
}

static void
test_what_is_no_program(void **state)
{
	char found[PROGRAM_MAX];
	struct why why;

	assert_int_equal(program_take("nowhere", found, &why), -ENOENT);
	assert_non_null(strstr(why.text, "nowhere: No such file"));
	make_file("text", "x", 0644);
	assert_int_equal(program_take("text", found, &why), WSD_E_UNSUPPORTED);
	assert_int_equal(program_take("kept", found, &why), WSD_E_UNSUPPORTED);
}

static int
count(void *arg, const char *instance, const char *program)
{
	return ++*(int *)arg == 2 ? WSD_E_FULL : WSD_OK;
}

static void
test_each(void **state)
{
	int n = 0;

	assert_int_equal(program_each(count, &n), WSD_OK);
	keep("1");
	use("blue", "1");
	assert_int_equal(symlink("x", "used/no.name"), 0);
	make_file("used/nolink", "", 0644);
	assert_int_equal(program_each(count, &n), WSD_OK);
	assert_int_equal(n, 1);
	use("green", "1");
	use("red", "1");
	assert_int_equal(program_each(count, &n), WSD_E_FULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_is_known, enter, leave),
		cmocka_unit_test_setup_teardown(test_links, enter, leave),
		cmocka_unit_test_setup_teardown(test_pruning, enter, leave),
		cmocka_unit_test_setup_teardown(test_pruning_leaves_what_it_does_not_know, enter, leave),
		cmocka_unit_test_setup_teardown(test_one_that_is_kept_is_taken_as_it_is, enter, leave),
		cmocka_unit_test_setup_teardown(test_what_is_no_program, enter, leave),
		cmocka_unit_test_setup_teardown(test_each, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
