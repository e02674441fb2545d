/* SPDX-License-Identifier: MIT */
/* The unit of a trial: all of the environment, in the order in which systemd reads it, and nothing of the
 * instance itself. */
#include "ctl/trial_unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const argv[] = { "/usr/sbin/wsd", "--speak \"up\"", "50%", "$HOME", NULL };

static char *
make(const char *first, const char *second, const char *program)
{
	const char *const texts[] = { first, second, NULL };
	char *out = trial_unit_service(texts, "blue", program, argv);

	assert_non_null(out);
	return out;
}

/* The line is there; where it begins. */
static const char *
line_of(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return at;
	return NULL;
}

static void
test_drop_ins_come_after_the_file_and_ours_last(void **state)
{
	char *out = make("[Unit]\nOnFailure=mail.service\n[Service]\nUser=ws-%i\nRestart=always\n[Install]\n"
			 "WantedBy=x.target\n",
			 "[Service]\nLimitNOFILE=5000\nStandardOutput=journal\n", NULL);

	assert_true(line_of(out, "User=ws-%i") < line_of(out, "LimitNOFILE=5000"));
	assert_non_null(line_of(out, "User=ws-%i"));
	assert_true(line_of(out, "LimitNOFILE=5000") < line_of(out, "Restart=no"));
	assert_non_null(line_of(out, "FileDescriptorStoreMax=0"));
	assert_true(line_of(out, "StandardOutput=journal") <
		    line_of(out, "StandardOutput=append:/run/ws-check/blue/output"));
	assert_null(strstr(out, "mail.service"));
	assert_null(strstr(out, "x.target"));
	free(out);
}

/* A file that ends within a line does not take the first of the next one with it. */
static void
test_lines_that_go_on(void **state)
{
	char *out = make("[Service]\nSockets=ws@%i.socket \\\n  # a remark\n  ws-admin@%i.socket\n"
			 "Environment=A=1 \\\n\tB=2\n  ; no\n#no\nExecStart=/usr/sbin/wsd \\",
			 "[Service]\nLimitNOFILE=7\\\\\n", NULL);

	assert_null(strstr(out, "ws@%i.socket"));
	assert_null(strstr(out, "ws-admin@%i.socket"));
	assert_null(strstr(out, "remark"));
	assert_non_null(strstr(out, "Environment=A=1 \\\nB=2\nExecStart=/usr/sbin/wsd \\\n\nLimitNOFILE=7\\\\\n"));
	assert_non_null(line_of(out, "Sockets=ws-check-public@blue.socket"));
	free(out);
}

/* The unit of the trial has another name; the paths that the instance's are made of stay. */
static void
test_names_in_paths(void **state)
{
	char *out = make("[Service]\nLoadCredential=a:/etc/%n/%N/%p/%i/%%n/100%\n", "", NULL);

	assert_non_null(line_of(out, "LoadCredential=a:/etc/ws@%i.service/ws@%i/ws/%i/%%n/100%"));
	free(out);
}

static void
test_another_program(void **state)
{
	char *out = make("[Service]\nExecStart=/usr/sbin/wsd --speak\nExecStartPre = /bin/true\n",
			 "[Service]\nExecStart =\n", "/opt/my wsd");

	assert_null(strstr(out, "ExecStart=/usr/sbin/wsd"));
	assert_null(strstr(out, "ExecStart ="));
	assert_non_null(line_of(out, "ExecStartPre = /bin/true"));
	assert_non_null(line_of(out, "ExecPaths=\"/opt/my wsd\""));
	assert_non_null(line_of(out, "ExecStart=\"/opt/my wsd\" \"--speak \\\"up\\\"\" \"50%%\" \"$HOME\""));
	free(out);
}

static void
test_sockets(void **state)
{
	char *out = trial_unit_socket(TRIAL_HANDOFF, "blue");

	assert_non_null(line_of(out, "ListenSequentialPacket=/run/ws-check/blue/handoff.sock"));
	assert_non_null(line_of(out, "FileDescriptorName=handoff"));
	assert_non_null(line_of(out, "Service=ws-check@blue.service"));
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_ins_come_after_the_file_and_ours_last),
		cmocka_unit_test(test_lines_that_go_on),
		cmocka_unit_test(test_names_in_paths),
		cmocka_unit_test(test_another_program),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
