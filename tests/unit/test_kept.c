/* SPDX-License-Identifier: MIT */
/* The table of what outlives a server. Each test is a process of its own, as there is one table in each. */
#include "kept/table.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "kept/file.h"

/* In a child: with a table or without. */
static void
in_child(void (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define NEED(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			_exit(1); \
		} \
	} while (0)

static void
without(void)
{
	NEED(!kept_on());
	kept_add(5, KEPT_PUBLIC);
	NEED(kept_role_of(5) == KEPT_NOTHING);
	NEED(kept_find(KEPT_PUBLIC, 0) == -1);
	kept_set_phase(KEPT_SERVING);
	NEED(kept_phase() == KEPT_STARTING);
	kept_set_duty(KEPT_STANDBY);
	kept_set_parking(true);
	NEED(kept_duty() == KEPT_RUNNING && !kept_parking());
	NEED(kept_last_death().signal == 0);
	kept_close_others();
}

static void
test_without_a_table(void **state)
{
	in_child(without);
}

static void
roles(void)
{
	int one, two;

	NEED(kept_create() == WSD_OK);
	NEED(kept_on() && kept_role_of(kept_table_fd()) == KEPT_TABLE);
	one = open("/dev/null", O_RDONLY);
	two = open("/dev/null", O_RDONLY);
	kept_add(one, KEPT_VISITOR);
	kept_add(two, KEPT_VISITOR);
	NEED(kept_find(KEPT_VISITOR, 0) == one && kept_find(KEPT_VISITOR, one + 1) == two);
	kept_remove(one);
	NEED(kept_find(KEPT_VISITOR, 0) == two);
	kept_add(-1, KEPT_ADMIN);
	kept_add(INT32_MAX, KEPT_ADMIN);
	NEED(kept_find(KEPT_ADMIN, 0) == -1);
	kept_close_others();
	NEED(fcntl(one, F_GETFD) == -1 && fcntl(two, F_GETFD) != -1);
	NEED(fcntl(kept_table_fd(), F_GETFD) != -1);
	close(two);
	kept_close_others();
	NEED(kept_role_of(two) == KEPT_NOTHING); /* whoever gets its number next is not it */
}

static void
test_roles(void **state)
{
	in_child(roles);
}

static void
deaths(void)
{
	NEED(kept_create() == WSD_OK);
	NEED(kept_last_death().signal == 0);
	NEED(kept_died(SIGSEGV, 1000) == 1);
	NEED(kept_died(SIGKILL, 30000) == 2);
	NEED(kept_died(SIGKILL, 60999) == 3);
	NEED(kept_died(SIGKILL, 61000) == 3); /* the first is a minute ago */
	NEED(kept_deaths(SIGKILL) == 3 && kept_deaths(SIGSEGV) == 1 && kept_deaths(SIGABRT) == 0);
	NEED(kept_deaths(-1) == 0 && kept_deaths(1000) == 0);
	NEED(kept_last_death().signal == SIGKILL && kept_last_death().at_ms == 61000);
	NEED(kept_last_death().count == 4);
	NEED(!kept_last_death().stuck && !kept_last_death().farewell);
	kept_set_stuck();
	kept_set_farewell();
	for (int i = 0; i < 40; i++)
		kept_died(SIGABRT, 70000 + (uint64_t)i);
	NEED(kept_deaths_stuck() == 1); /* of the first of them only */
	NEED(!kept_last_death().stuck && kept_last_death().farewell);
}

static void
test_deaths(void **state)
{
	in_child(deaths);
}

static void
opened_again(void)
{
	int fd;

	NEED(kept_create() == WSD_OK);
	kept_add(7, KEPT_HANDOFF);
	kept_ask_end(SIGTERM);
	kept_set_duty(KEPT_DRAINING);
	kept_set_parking(true);
	fd = fcntl(kept_table_fd(), F_DUPFD_CLOEXEC, 50);
	NEED(kept_open(fd) == WSD_OK);
	NEED(kept_role_of(7) == KEPT_HANDOFF && kept_end_asked() == SIGTERM);
	NEED(kept_duty() == KEPT_DRAINING && kept_parking());
}

static void
not_a_table(void)
{
	static const char text[64] = "something else";
	int fd = memfd_create("test", 0);

	NEED(write(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
	NEED(kept_open(fd) == WSD_E_MALFORMED && !kept_on());
	NEED(fcntl(fd, F_GETFD) != -1); /* it is somebody's */
	NEED(kept_open(999) == WSD_E_MALFORMED && !kept_on());
}

static void
test_opened_again(void **state)
{
	in_child(opened_again);
	in_child(not_a_table);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	NEED(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void
files(void)
{
	char path[] = "/tmp/test-kept-XXXXXX", *data;
	int fd = mkstemp(path);
	size_t len;

	NEED(fd != -1);
	write_file(path, "first");
	NEED(kept_create() == WSD_OK);
	NEED(kept_read_file(path, 100, &data, &len) == WSD_OK && len == 5 && strcmp(data, "first") == 0);
	free(data);
	write_file(path, "second");
	NEED(kept_read_file(path, 100, &data, &len) == WSD_OK && len == 5 && strcmp(data, "first") == 0);
	free(data);
	unlink(path);
	NEED(kept_read_file(path, 100, &data, &len) == WSD_OK && len == 5);
	free(data);
	NEED(kept_read_file("/nowhere/at/all", 100, &data, &len) == -ENOENT && !data);
}

static void
test_files_stay_as_they_were(void **state)
{
	in_child(files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_table),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_opened_again),
		cmocka_unit_test(test_files_stay_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
