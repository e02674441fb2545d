/* SPDX-License-Identifier: MIT */
/* A failed check ends the process with SIGABRT and says on stderr what failed, and where. */
#include "base/check.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAGIC 0x12345678u

struct object {
	uint32_t magic;
};

/* Runs act() in a child; returns its wait status, and what it wrote to stderr in text. */
static int
run_child(void (*act)(void), char *text, size_t room)
{
	size_t len = 0;
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers have handlers of their own */
		dup2(fds[1], STDERR_FILENO);
		act();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, room - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
check_aborts(void (*act)(void), const char *what)
{
	char text[1024];
	int status = run_child(act, text, sizeof(text));

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_ptr_equal(strstr(text, "<2>wsd: "), text); /* critical, for the journal */
	assert_non_null(strstr(text, "test_check.c:"));
	assert_non_null(strstr(text, what));
}

static void
fail_condition(void)
{
	CHECK(1 + 1 == 3);
}

static void
fail_pthread(void)
{
	CHECK_ZERO(EBUSY + 0);
}

static void
fail_uv(void)
{
	CHECK_ZERO(-EBUSY + 0);
}

static void
fail_null(void)
{
	struct object *none = NULL;

	CHECK_MAGIC(none, MAGIC);
}

static void
fail_magic(void)
{
	static struct object object, *wiped = &object;

	CHECK_MAGIC(wiped, MAGIC);
}

static void
pass(void)
{
	static struct object object = { MAGIC }, *whole = &object;
	int calls = 0;

	CHECK(1 + 1 == 2);
	CHECK_ZERO(calls++);
	CHECK(calls == 1); /* evaluated once */
	CHECK_MAGIC(whole, MAGIC);
}

static void
test_failures(void **state)
{
	check_aborts(fail_condition, "check failed: 1 + 1 == 3\n");
	check_aborts(fail_null, "(none)->magic == ");
	check_aborts(fail_magic, "->magic == ");
}

static void
test_codes(void **state)
{
	char text[256];

	snprintf(text, sizeof(text), ": EBUSY + 0: %s\n", strerror(EBUSY));
	check_aborts(fail_pthread, text);
	snprintf(text, sizeof(text), ": -EBUSY + 0: %s\n", strerror(EBUSY));
	check_aborts(fail_uv, text);
}

static void
test_passes(void **state)
{
	char text[1024];

	assert_int_equal(run_child(pass, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_passes),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
