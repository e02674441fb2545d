/* SPDX-License-Identifier: MIT */
/* Other programs: what they say, how they end, and that they cannot hold us up. */
#include "ctl/child.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/inherited.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define LONG_MS     600000 /* reached only by a failure */
#define PATIENCE_MS 60000

static struct child_output out, err;
static struct why why;

static int
shell(const char *script, uint32_t timeout_ms, bool apart)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	why.text[0] = '\0';
	return child_run(argv, timeout_ms, &out, apart ? &err : NULL, &why);
}

static int
forget(void **state)
{
	child_output_deinit(&out);
	child_output_deinit(&err);
	return 0;
}

static void
test_output_together(void **state)
{
	assert_int_equal(shell("echo one; echo two >&2; echo three", LONG_MS, false), WSD_OK);
	assert_string_equal(out.text, "one\ntwo\nthree\n");
	assert_int_equal(out.len, strlen(out.text));
}

static void
test_output_apart(void **state)
{
	assert_int_equal(shell("echo one; echo two >&2; echo three", LONG_MS, true), WSD_OK);
	assert_string_equal(out.text, "one\nthree\n");
	assert_string_equal(err.text, "two\n");
}

static void
test_no_output(void **state)
{
	assert_int_equal(shell("exec >&- 2>&-", LONG_MS, true), WSD_OK);
	assert_null(out.text);
	assert_null(err.text);
	assert_int_equal(out.len, 0);
}

static void
test_no_input(void **state)
{
	assert_int_equal(shell("cat; echo end", LONG_MS, false), WSD_OK);
	assert_string_equal(out.text, "end\n");
}

static void
test_arguments_are_passed_as_they_are(void **state)
{
	const char *const argv[] = { "printf", "%s|", "a b", "", "$HOME", "*", NULL };

	assert_int_equal(child_run(argv, LONG_MS, &out, NULL, &why), WSD_OK);
	assert_string_equal(out.text, "a b||$HOME|*|");
}

static void
test_how_it_ended(void **state)
{
	assert_int_equal(shell("echo so; exit 3", LONG_MS, false), WSD_E_LIBRARY);
	assert_string_equal(why.text, "sh ended with status 3");
	assert_string_equal(out.text, "so\n");
	child_output_deinit(&out);
	assert_int_equal(shell("kill -KILL $$", LONG_MS, false), WSD_E_LIBRARY);
	assert_string_equal(why.text, "sh was ended by signal 9");
}

static void
test_programs_that_cannot_be_run(void **state)
{
	static const char *const missing[] = { "wsd-no-such-program", NULL };
	static const char *const missing_too[] = { "/no/such/program", NULL };
	static const char *const folder[] = { "/tmp", NULL };

	assert_int_equal(child_run(missing, LONG_MS, &out, &err, &why), WSD_E_UNKNOWN);
	assert_true(strncmp(why.text, "wsd-no-such-program: ", 21) == 0);
	assert_null(out.text);
	assert_null(err.text);
	assert_int_equal(child_run(missing_too, LONG_MS, &out, NULL, &why), WSD_E_UNKNOWN);
	assert_int_equal(child_run(folder, LONG_MS, &out, NULL, &why), -EACCES);
}

static void
test_output_beyond_the_limit(void **state)
{
	assert_int_equal(shell("head -c 6000000 /dev/zero | tr '\\0' x; echo end >&2", LONG_MS, true), WSD_OK);
	assert_true(out.len > 4000000 && out.len <= 4 << 20);
	assert_int_equal(strlen(out.text), out.len);
	assert_string_equal(err.text, "end\n");
}

/* Nobody closes its standard error any earlier than its standard output, or the other way round. */
static void
test_much_on_both(void **state)
{
	assert_int_equal(shell("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; exec >&-; "
			       "head -c 300000 /dev/zero >&2",
			       LONG_MS, true),
			 WSD_OK);
	assert_int_equal(out.len, 300000);
	assert_int_equal(err.len, 600000);
}

/* ---- children of children: 9 is a pipe on which they wait as long as `hold` is open, and 8 one whose other
 * end, `life`, tells when the last of them has gone */

static int hold, life;

/* Nothing else is to get these numbers: which are free depends on who started this. */
static void
take_numbers(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, 9), 9);
	assert_int_equal(dup2(fd, 8), 8);
	if (fd != 8 && fd != 9)
		close(fd);
}

static void
open_pipes(void)
{
	int wait[2], alive[2];

	assert_int_equal(pipe2(wait, O_CLOEXEC), 0);
	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
	assert_int_equal(dup2(wait[0], 9), 9);
	assert_int_equal(dup2(alive[1], 8), 8);
	close(wait[0]);
	close(alive[1]);
	hold = wait[1];
	life = alive[0];
}

static void
check_all_gone(void)
{
	struct pollfd p = { .fd = life, .events = POLLIN };
	char c;

	take_numbers();
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(read(life, &c, 1), 0);
}

static void
close_pipes(void)
{
	fd_close(&hold);
	fd_close(&life);
}

/* With more time if they could not even begin. */
static void
test_too_long_ends_all_of_the_group(void **state)
{
	uint32_t timeout_ms = 50;

	do {
		open_pipes();
		child_output_deinit(&out);
		timeout_ms *= 2;
		assert_int_equal(
			shell("sh -c 'trap \"\" TERM; echo begun; read x <&9' & read x <&9", timeout_ms, false),
			WSD_E_TIMEOUT);
		check_all_gone();
		close_pipes();
	} while (!out.text);
	assert_string_equal(out.text, "begun\n");
	assert_string_equal(why.text, "sh took too long and was ended");
}

static void
test_a_grandchild_with_the_pipe_is_not_waited_for(void **state)
{
	open_pipes();
	assert_int_equal(shell("(echo begun; read x <&9) & echo end; exit 4", LONG_MS, false), WSD_E_LIBRARY);
	assert_string_equal(why.text, "sh ended with status 4");
	assert_non_null(strstr(out.text, "end\n"));
	fd_close(&hold); /* so it goes by itself */
	check_all_gone();
	close_pipes();
}

/* Their output never ends; what was said before is kept. */
static void
test_grandchildren_that_talk_on_are_not_waited_for(void **state)
{
	open_pipes();
	assert_int_equal(shell("echo end; yes & yes & yes & yes & yes & yes & exit 0", LONG_MS, false), WSD_OK);
	assert_true(strncmp(out.text, "end\n", 4) == 0);
	check_all_gone(); /* by SIGPIPE, which is at its default in children */
	close_pipes();
}

/* ---- signals; the last tests, since interrupt_init() changes the process */

static void
take_signal(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	assert_int_equal(sigwaitinfo(&set, NULL), number);
}

/* A child that nobody can ask for its status has not succeeded. (It had, or "No such process" if it was quick.) */
static void
test_an_unknown_end_is_no_success(void **state)
{
	signal(SIGCHLD, SIG_IGN);
	assert_int_not_equal(shell("exit 3", LONG_MS, false), WSD_OK);
	assert_true(strncmp(why.text, "sh: ", 4) == 0);
	assert_int_not_equal(shell("exit 0", LONG_MS, false), WSD_OK);
	signal(SIGCHLD, SIG_DFL);
}

/* As nohup(1) leaves them, to whoever is started by whoever it has started; all others are at their defaults. */
static void
test_children_ignore_what_we_were_to_ignore(void **state)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	inherited_settle(NULL);
	assert_int_equal(interrupt_init(), WSD_OK);
	raise(SIGHUP);
	assert_false(interrupt_seen());
	assert_int_equal(shell("kill -HUP $$; echo alive; kill -USR1 $$; echo dead", LONG_MS, false), WSD_E_LIBRARY);
	assert_string_equal(out.text, "alive\n");
	signal(SIGHUP, SIG_DFL);
	inherited_settle(NULL);
}

static void
test_children_have_no_signals_blocked(void **state)
{
	assert_int_equal(interrupt_init(), WSD_OK);
	assert_int_equal(shell("kill -TERM $$; echo alive", LONG_MS, false), WSD_E_LIBRARY);
	assert_string_equal(why.text, "sh was ended by signal 15");
	assert_null(out.text);
	assert_int_equal(shell("kill -PIPE $$; echo alive", LONG_MS, false), WSD_E_LIBRARY);
	assert_string_equal(why.text, "sh was ended by signal 13");
}

static void
test_an_interrupt_ends_it(void **state)
{
	open_pipes();
	raise(SIGTERM);
	assert_true(interrupt_seen());
	assert_int_equal(shell("read x <&9", LONG_MS, false), -EINTR);
	assert_string_equal(why.text, "interrupted");
	assert_true(interrupt_seen());
	take_signal(SIGTERM);
	assert_false(interrupt_seen());
	check_all_gone();
	close_pipes();
}

static void
test_unless_it_is_held(void **state)
{
	interrupt_hold();
	interrupt_hold();
	raise(SIGINT);
	assert_int_equal(shell("echo done", LONG_MS, false), WSD_OK);
	assert_string_equal(out.text, "done\n");
	interrupt_release();
	assert_false(interrupt_seen());
	interrupt_release();
	assert_true(interrupt_seen());
	assert_int_equal(interrupt_pause(LONG_MS), -EINTR);
	take_signal(SIGINT);
	assert_int_equal(interrupt_pause(0), WSD_OK);
}

#define TEST(test) cmocka_unit_test_teardown(test, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_output_together),
		TEST(test_output_apart),
		TEST(test_no_output),
		TEST(test_no_input),
		TEST(test_arguments_are_passed_as_they_are),
		TEST(test_how_it_ended),
		TEST(test_programs_that_cannot_be_run),
		TEST(test_output_beyond_the_limit),
		TEST(test_much_on_both),
		TEST(test_too_long_ends_all_of_the_group),
		TEST(test_a_grandchild_with_the_pipe_is_not_waited_for),
		TEST(test_grandchildren_that_talk_on_are_not_waited_for),
		TEST(test_an_unknown_end_is_no_success),
		TEST(test_children_ignore_what_we_were_to_ignore),
		TEST(test_children_have_no_signals_blocked),
		TEST(test_an_interrupt_ends_it),
		TEST(test_unless_it_is_held),
	};

	take_numbers();
	signal(SIGINT, SIG_DFL); /* a shell has what it runs in the background ignore it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
