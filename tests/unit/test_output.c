/* SPDX-License-Identifier: MIT */
/* Why what was printed did not arrive. */
#include "base/output.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

/* In a process whose standard output that is: prints and flushes twice; the last flush has nothing left to write. */
static void
check_reason(int fd, int expected)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		int first, second;

		signal(SIGPIPE, SIG_IGN);
		dup2(fd, STDOUT_FILENO);
		printf("one\n");
		first = output_flush(stdout);
		second = output_flush(stdout);
		_exit(first == expected && second == expected ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_a_full_device(void **state)
{
	int fd = open("/dev/full", O_WRONLY);

	if (fd == -1)
		skip();
	check_reason(fd, -ENOSPC);
	close(fd);
}

static void
test_a_pipe_that_nobody_reads(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	check_reason(fds[1], -EPIPE);
	close(fds[1]);
}

static void
test_what_arrives(void **state)
{
	int fd = open("/dev/null", O_WRONLY);

	check_reason(fd, WSD_OK);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_device),
		cmocka_unit_test(test_a_pipe_that_nobody_reads),
		cmocka_unit_test(test_what_arrives),
	};

	fflush(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
