/* SPDX-License-Identifier: MIT */
/*
 * The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), received by a socket of our own in a
 * private mount namespace where /run is empty. Needs the right to make one; skipped otherwise.
 */
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"

#define FOLDER  "/run/systemd/journal"
#define JOURNAL FOLDER "/socket"
#define ID      "93188b8a66ce4c78913f469b3124790b"

static bool separate; /* this process has a /run of its own */

static int
journal_socket(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = JOURNAL };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	unlink(JOURNAL);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static int
separate_run(void **state)
{
	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) == -1)
		return 0;
	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir(FOLDER, 0755), 0);
	separate = true;
	return 0;
}

/* One datagram, a field a line; 0 bytes inside a long value would end it, and there are none. */
static void
receive(int fd, char *out, size_t size)
{
	ssize_t n = recv(fd, out, size - 1, 0);

	assert_true(n > 0);
	out[n] = '\0';
}

static void
assert_field(const char *entry, const char *field)
{
	char line[256];

	snprintf(line, sizeof(line), "\n%s\n", field);
	if (!strstr(entry, line) && strncmp(entry, line + 1, strlen(line + 1)) != 0)
		fail_msg("no %s in:\n%s", field, entry);
}

static void
test_fields(void **state)
{
	char entry[8192];
	int fd;

	if (!separate)
		skip();
	fd = journal_socket();
	assert_int_equal(log_start(LOG_FORMAT_JOURNAL, LOG_LEVEL_INFO, "blue"), WSD_OK);
	log_write(LOG_LEVEL_NOTICE, ID, LOG_FIELDS(LOG_TEXT("WS_CONN", "alice"), LOG_NUMBER("WS_COUNT", 7)), "hello %d",
		  1);
	receive(fd, entry, sizeof(entry));
	log_stop();
	assert_field(entry, "MESSAGE=hello 1");
	assert_field(entry, "PRIORITY=5");
	assert_field(entry, "MESSAGE_ID=" ID);
	assert_field(entry, "WS_INSTANCE=blue");
	assert_field(entry, "WS_CONN=alice");
	assert_field(entry, "WS_COUNT=7");
	assert_null(strstr(entry, "CODE_FILE"));
	fd_close(&fd);
}

/* A value with a newline goes in the protocol's binary form, whole, and cannot make a field of its own. */
static void
test_a_newline_makes_no_field(void **state)
{
	static const char binary[] = "WS_CONN\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n";
	char entry[8192];
	ssize_t n;
	int fd;

	if (!separate)
		skip();
	fd = journal_socket();
	assert_int_equal(log_start(LOG_FORMAT_JOURNAL, LOG_LEVEL_INFO, "blue"), WSD_OK);
	log_write(LOG_LEVEL_INFO, NULL, LOG_FIELDS(LOG_TEXT("WS_CONN", "a\nPRIORITY=0")), "x");
	n = recv(fd, entry, sizeof(entry), 0);
	log_stop();
	assert_true(n > 0);
	assert_non_null(memmem(entry, (size_t)n, binary, sizeof(binary) - 1));
	fd_close(&fd);
}

static void
test_without_a_journal_it_says_so(void **state)
{
	if (!separate)
		skip();
	unlink(JOURNAL);
	assert_int_equal(rmdir(FOLDER), 0);
	assert_int_equal(log_start(LOG_FORMAT_JOURNAL, LOG_LEVEL_INFO, "blue"), -ENOENT);
	assert_int_equal(mkdir(FOLDER, 0755), 0);
}

/* As systemd starts a service while its journal is down: the lines are counted, and go there once it is back. */
static void
test_a_journal_that_is_down_is_waited_for(void **state)
{
	uint64_t dropped = log_dropped();
	char pid[16], entry[8192];
	int fd, null = open("/dev/null", O_RDWR | O_CLOEXEC), before = dup(STDERR_FILENO);

	if (!separate)
		skip();
	unlink(JOURNAL);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(setenv("SYSTEMD_EXEC_PID", pid, 1), 0);
	assert_int_equal(dup2(null, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(log_start(LOG_FORMAT_AUTO, LOG_LEVEL_INFO, "blue"), WSD_OK);
	log_crit("unheard");
	fd = journal_socket();
	assert_int_equal(log_dropped(), dropped + 1);
	log_info("heard");
	receive(fd, entry, sizeof(entry));
	assert_field(entry, "MESSAGE=heard");
	receive(fd, entry, sizeof(entry));
	assert_field(entry, "WS_DROPPED=1");
	log_stop();
	assert_int_equal(unsetenv("SYSTEMD_EXEC_PID"), 0);
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	fd_close(&before);
	fd_close(&null);
	fd_close(&fd);
}

static void
test_auto_knows_the_journals_stream(void **state)
{
	char stream[64], entry[8192];
	struct stat st;
	int fd;

	if (!separate)
		skip();
	fd = journal_socket();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	assert_int_equal(log_start(LOG_FORMAT_AUTO, LOG_LEVEL_INFO, "green"), WSD_OK);
	log_info("to the journal");
	receive(fd, entry, sizeof(entry));
	log_stop();
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	assert_field(entry, "MESSAGE=to the journal");
	fd_close(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_a_newline_makes_no_field),
		cmocka_unit_test(test_without_a_journal_it_says_so),
		cmocka_unit_test(test_a_journal_that_is_down_is_waited_for),
		cmocka_unit_test(test_auto_knows_the_journals_stream),
	};

	return cmocka_run_group_tests(tests, separate_run, NULL);
}
