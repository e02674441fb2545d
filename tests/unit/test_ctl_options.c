/* SPDX-License-Identifier: MIT */
/* wsctl's command line: what each command takes, and what is said about the rest. */
#include "ctl/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "ctl/command.h"
#include "support/cmdline.h"

#define N_OPTIONS (OPTION_VERSION + 1)

/* As they are written with a value that is accepted, in the order of enum option_id. */
static const char *const spellings[N_OPTIONS] = {
	"--json",    "--watch",   "--instance=blue", "--prefix=x",   "--client=x", "--idle=1",
	"--limit=1", "--after=x", "--all",           "--no-handoff", "--no-smoke", "--dry-run",
	"--force",   "--close",   "--program=/x",    "--help",       "--version",
};

static struct options o;

static enum options_result
parse(const char *line)
{
	enum options_result result;

	cmdline_split("wsctl", line);
	result = options_parse(&o, cmdline.argc, cmdline.argv, cmdline.out, cmdline.err);
	cmdline_heard();
	return result;
}

static void
runs(const char *line)
{
	if (parse(line) != OPTIONS_RUN)
		fail_msg("wsctl %s: %s", line, cmdline.complained);
	assert_string_equal(cmdline.said, "");
	assert_string_equal(cmdline.complained, "");
}

static void
refused(const char *line, const char *expected)
{
	assert_int_equal(parse(line), OPTIONS_BAD);
	assert_string_equal(cmdline.said, "");
	assert_string_equal(cmdline.complained, expected);
}

/* "deploy x" with as many arguments as it needs at least. */
static void
shortest(char *line, size_t size, const struct command *c)
{
	size_t len = (size_t)snprintf(line, size, "%s", c->name);

	for (unsigned i = 0; i < c->min_args; i++)
		len += (size_t)snprintf(line + len, size - len, " x");
}

static void
test_each_command_takes_its_options_alone(void **state)
{
	for (const struct command *c = command_table; c->name; c++) {
		char line[128], with[256], expected[256];

		shortest(line, sizeof(line), c);
		runs(line);
		assert_ptr_equal(o.command, c);
		assert_int_equal(o.given, 0);
		for (enum option_id id = 0; id < OPTION_HELP; id++) {
			snprintf(with, sizeof(with), "%s %s", line, spellings[id]);
			if (c->options & OPTION_BIT(id)) {
				runs(with);
				assert_int_equal(o.given, OPTION_BIT(id));
				continue;
			}
			snprintf(expected, sizeof(expected), "wsctl: %s takes no %.*s\nTry 'wsctl %s --help'.\n",
				 c->name, (int)strcspn(spellings[id], "="), spellings[id], c->name);
			refused(with, expected);
		}
	}
}

static void
test_the_number_of_arguments(void **state)
{
	for (const struct command *c = command_table; c->name; c++) {
		char line[4096], expected[256];
		size_t len = (size_t)snprintf(line, sizeof(line), "%s", c->name);

		for (unsigned i = 0; i <= c->max_args; i++) {
			if (i < c->min_args) {
				snprintf(expected, sizeof(expected), "wsctl: %s needs %s\nTry 'wsctl %s --help'.\n",
					 c->name, c->args, c->name);
				refused(line, expected);
			} else {
				runs(line);
				assert_int_equal(o.n_args, i);
			}
			len += (size_t)snprintf(line + len, sizeof(line) - len, " a%u", i);
		}
		snprintf(expected, sizeof(expected), "wsctl: %s: unexpected argument 'a%u'\nTry 'wsctl %s --help'.\n",
			 c->name, c->max_args, c->name);
		refused(line, expected);
	}
}

/* What is to be done with several is done once with each of them. */
static void
test_arguments_that_are_repeated(void **state)
{
	runs("restart blue green blue");
	assert_int_equal(o.n_args, 2);
	assert_string_equal(o.args[1], "green");
	runs("handoff blue blue");
	assert_int_equal(o.n_args, 2);
}

static void
test_values(void **state)
{
	runs("status");
	assert_int_equal(o.watch_ms, 0);
	runs("status -w");
	assert_int_equal(o.watch_ms, 2000);
	runs("status --watch=3600");
	assert_int_equal(o.watch_ms, 3600000);
	runs("status -w1 -j");
	assert_int_equal(o.watch_ms, 1000);
	assert_true(option_given(&o, OPTION_JSON));
	runs("connections");
	assert_int_equal(o.limit, 50);
	assert_string_equal(o.prefix, "");
	assert_string_equal(o.client, "");
	assert_string_equal(o.after, "");
	assert_null(o.instance);
	assert_int_equal(o.idle_ms, 0);
	runs("connections -i green -p user- -c 192.0.2. -n 1000 --idle 100000000 --after id-7 -a");
	assert_string_equal(o.instance, "green");
	assert_string_equal(o.prefix, "user-");
	assert_string_equal(o.client, "192.0.2.");
	assert_string_equal(o.after, "id-7");
	assert_int_equal(o.limit, 1000);
	assert_true(o.idle_ms == UINT64_C(100000000000));
	runs("connections --limit=0001 --idle=0");
	assert_int_equal(o.limit, 1);
	assert_true(option_given(&o, OPTION_IDLE));
}

static void
test_options_stand_anywhere(void **state)
{
	runs("--dry-run deploy --no-smoke blue --no-handoff");
	assert_string_equal(o.command->name, "deploy");
	assert_string_equal(o.args[0], "blue");
	assert_int_equal(o.given,
			 OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_NO_SMOKE) | OPTION_BIT(OPTION_NO_HANDOFF));
	runs("show -- -j");
	assert_string_equal(o.args[0], "-j");
	assert_int_equal(o.given, 0);
}

static void
test_bad_numbers(void **state)
{
	static const char *const limits[] = { "0",         "1001", "-1",  "+5",
					      "5x",        "0x5",  "5.0", "99999999999999999999",
					      "1000000005" };
	static const char *const watches[] = { "0", "3601", "x", "1s", "4294967297" };
	char line[128], expected[256];

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		snprintf(line, sizeof(line), "connections --limit=%s", limits[i]);
		snprintf(expected, sizeof(expected),
			 "wsctl: --limit=%s: a number from 1 to 1000 is needed\nTry 'wsctl --help'.\n", limits[i]);
		refused(line, expected);
	}
	for (size_t i = 0; i < sizeof(watches) / sizeof(*watches); i++) {
		snprintf(line, sizeof(line), "status --watch=%s", watches[i]);
		snprintf(expected, sizeof(expected),
			 "wsctl: --watch=%s: a number from 1 to 3600 is needed\nTry 'wsctl --help'.\n", watches[i]);
		refused(line, expected);
	}
	refused("connections --idle=100000001",
		"wsctl: --idle=100000001: a number from 0 to 100000000 is needed\nTry 'wsctl --help'.\n");
	refused("connections --limit=", "wsctl: --limit=: a number from 1 to 1000 is needed\nTry 'wsctl --help'.\n");
	refused("connections --idle=", "wsctl: --idle=: a number from 0 to 100000000 is needed\nTry 'wsctl --help'.\n");
}

static void
test_names_of_instances(void **state)
{
	static const char *const bad[] = { "", "Blue", "a/b", "..", "blue.sock", "012345678901234567890123456789012" };
	char line[128], expected[256];

	runs("show x --instance=01234567890123456789012345678901");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "show x --instance=%s", bad[i]);
		snprintf(expected, sizeof(expected),
			 "wsctl: --instance=%s: the name of an instance such as blue is needed\nTry 'wsctl "
			 "--help'.\n",
			 bad[i]);
		refused(line, expected);
	}
}

static void
test_other_bad_lines(void **state)
{
	refused("", "wsctl: a command is needed\nTry 'wsctl --help'.\n");
	refused("--json", "wsctl: a command is needed\nTry 'wsctl --help'.\n");
	refused("destroy", "wsctl: destroy: there is no such command\nTry 'wsctl --help'.\n");
	refused("Status", "wsctl: Status: there is no such command\nTry 'wsctl --help'.\n");
	refused("status --nonsense", "wsctl: --nonsense: there is no such option\nTry 'wsctl --help'.\n");
	refused("status -x", "wsctl: -x: there is no such option\nTry 'wsctl --help'.\n");
	refused("connections --limit", "wsctl: --limit: a value is needed\nTry 'wsctl --help'.\n");
	refused("connections -n", "wsctl: -n: a value is needed\nTry 'wsctl --help'.\n");
}

/* Every option that is accepted, and none that is not; so the completion, which reads this, is right, too. */
static void
test_the_help_of_each_command(void **state)
{
	for (const struct command *c = command_table; c->name; c++) {
		char line[128], word[64];

		snprintf(line, sizeof(line), "%s --help", c->name);
		assert_int_equal(parse(line), OPTIONS_DONE);
		assert_string_equal(cmdline.complained, "");
		snprintf(word, sizeof(word), "Usage: wsctl %s [OPTION]...", c->name);
		assert_true(strncmp(cmdline.said, word, strlen(word)) == 0);
		assert_non_null(strstr(cmdline.said, c->args));
		assert_non_null(strstr(cmdline.said, c->help));
		for (enum option_id id = 0; id < OPTION_VERSION; id++) {
			bool takes = id == OPTION_HELP || c->options & OPTION_BIT(id);

			snprintf(word, sizeof(word), " %.*s", (int)strcspn(spellings[id], "="), spellings[id]);
			if (takes != (strstr(cmdline.said, word) != NULL))
				fail_msg("%s in the help of %s:\n%s", word, c->name, cmdline.said);
		}
	}
}

static void
test_the_help_of_all(void **state)
{
	assert_int_equal(parse("-h"), OPTIONS_DONE);
	for (const struct command *c = command_table; c->name; c++) {
		char line[64];

		snprintf(line, sizeof(line), "\n  %s %s", c->name, c->args);
		assert_non_null(strstr(cmdline.said, line));
		assert_non_null(strstr(cmdline.said, c->help));
	}
	assert_int_equal(parse("destroy --help"), OPTIONS_BAD);
}

static void
test_version(void **state)
{
	assert_int_equal(parse("--version"), OPTIONS_DONE);
	assert_string_equal(cmdline.said, "wsctl " PACKAGE_VERSION "\n");
	assert_int_equal(parse("-V"), OPTIONS_DONE);
	assert_string_equal(cmdline.said, "wsctl " PACKAGE_VERSION "\n");
	assert_int_equal(parse("status -V"), OPTIONS_DONE);
	assert_string_equal(cmdline.complained, "");
	cmdline_forget();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_command_takes_its_options_alone),
		cmocka_unit_test(test_the_number_of_arguments),
		cmocka_unit_test(test_arguments_that_are_repeated),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_names_of_instances),
		cmocka_unit_test(test_other_bad_lines),
		cmocka_unit_test(test_the_help_of_each_command),
		cmocka_unit_test(test_the_help_of_all),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
