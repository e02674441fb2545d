/* SPDX-License-Identifier: MIT */
/* The command line. */
#include "loadtest/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "loadtest/plan.h"
#include "support/cmdline.h"

static struct options o;

static enum options_result
parse(const char *line)
{
	enum options_result result;

	cmdline_split("wsload", line);
	result = options_parse(&o, cmdline.argc, cmdline.argv, cmdline.out, cmdline.err);
	cmdline_heard();
	return result;
}

static void
test_defaults(void **state)
{
	assert_int_equal(parse("ws://127.0.0.1:3001"), OPTIONS_RUN);
	assert_int_equal(o.connections, 10);
	assert_int_equal(o.in_flight, 1);
	assert_int_equal(o.duration_ns, 10000000000ull);
	assert_int_equal(o.processes, 1);
	assert_int_equal(o.thresholds.n, 0);
	assert_false(options_open_loop(&o));
	assert_null(o.profile);
}

static void
test_a_full_line(void **state)
{
	assert_int_equal(parse("-c 5k --rate 2500.5 -d 1m30s --connect-rate 100 -s 1k --source "
			       "127.0.0.2,127.0.0.3 --path /x/{n} "
			       "-H A:b -H C:d --subprotocol p --resume --processes 4 -f lost>0,errors>1% -j "
			       "o.json --pid 1,2 "
			       "a:1 b:2 -q"),
			 OPTIONS_RUN);
	assert_int_equal(o.connections, 5000);
	assert_true(o.rate == 2500.5);
	assert_int_equal(o.duration_ns, 90000000000ull);
	assert_int_equal(o.payload_size, 1024);
	assert_int_equal(o.n_sources, 2);
	assert_int_equal(o.n_headers, 2);
	assert_int_equal(o.n_urls, 2);
	assert_string_equal(o.urls[1].host, "b");
	assert_int_equal(o.server.n, 2);
	assert_int_equal(o.thresholds.n, 2);
	assert_true(o.resume && o.reconnect && o.quiet);
	assert_true(options_open_loop(&o));
}

static void
test_profiles(void **state)
{
	assert_int_equal(parse("-p spike --scale 0.5 h"), OPTIONS_RUN);
	assert_int_equal(o.connections, 5000);
	assert_int_equal(o.interval_ns, 1000000000);
	assert_int_equal(o.thresholds.n, 4);
	assert_int_equal(parse("-p spike -c 7 -i 1 --no-thresholds h"), OPTIONS_RUN);
	assert_int_equal(o.connections, 7);
	assert_int_equal(o.interval_ns, 0);
	assert_int_equal(o.thresholds.n, 0);
}

static void
test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"",
		"-c 0 h",
		"-c -1 h",
		"-c 10x h",
		"-r 0 h",
		"-r 10 -i 2 h",
		"-r 10 --interval 1s h",
		"--connect-rate 5 --connect-parallel 5 h",
		"-p spike --connect-rate 5 h",
		"--processes 20 h",
		"-d 0 h",
		"-H nocolon h",
		"-H :value h",
		"-H a[b]:c h",
		"--source 1.2.3 h",
		"--source 127.0.0.1:5 h",
		"--scale 0 h",
		"--pid 0 h",
		"--pid 1 --unit x h",
		"-f lost h",
		"-x h",
		"--rate",
		"--protocol mqtt h",
		"--progress maybe h",
		"-s 1 --payload-file x h",
		"ws://u@h",
		"--path x h",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(parse(bad[i]), OPTIONS_BAD);
		assert_true(strncmp(cmdline.complained, "wsload: ", 8) == 0);
		assert_string_equal(cmdline.said, "");
	}
}

static void
test_the_help_names_every_option(void **state)
{
	static const char *const names[] = { "--profile", "--scale",   "--rate",   "--in-flight",
					     "--resume",  "--fail-if", "--report", "--unit" };

	assert_int_equal(parse("--help"), OPTIONS_DONE);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_non_null(strstr(cmdline.said, names[i]));
	assert_int_equal(parse("-V"), OPTIONS_DONE);
	assert_int_equal(parse("--list-profiles"), OPTIONS_DONE);
	assert_non_null(strstr(cmdline.said, "spike"));
	cmdline_forget();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_a_full_line),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_the_help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
