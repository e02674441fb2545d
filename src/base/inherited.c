/* SPDX-License-Identifier: MIT */
#include "base/inherited.h"

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "base/check.h"

/* What a terminal and job control send, which is for whoever started us to rule. */
static const int of_the_terminal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };

#define N_OF_THE_TERMINAL (sizeof(of_the_terminal) / sizeof(*of_the_terminal))

static sigset_t ignored; /* [const after start] */

/* The next thing opened, a socket perhaps, would get the number and all that is printed. Reading and writing go on
 * failing: what a program could not print was not printed. */
static void
take_closed_numbers(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int got;

		if (fcntl(fd, F_GETFD) != -1)
			continue;
		got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
		if (got == -1) /* a chroot without devices */
			got = open("/", O_PATH);
		CHECK(got == fd);
	}
}

static bool
came_ignored(int signo)
{
	struct sigaction now;

	/* fails for what libc keeps to itself */
	return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void
note_ignored(void)
{
	sigemptyset(&ignored);
	for (size_t i = 0; i < N_OF_THE_TERMINAL; i++)
		if (came_ignored(of_the_terminal[i]))
			sigaddset(&ignored, of_the_terminal[i]);
}

/* A handler is none that we inherited (a sanitizer has set it), and stays. */
static void
set_defaults(void)
{
	struct sigaction defaults = { .sa_handler = SIG_DFL };

	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (came_ignored(signo) && !inherited_ignored(signo))
			CHECK(sigaction(signo, &defaults, NULL) == 0);
}

void
inherited_settle(const sigset_t *hold)
{
	sigset_t none;

	sigemptyset(&none);
	if (hold) /* what comes from now on is lost to nobody, even if it has come already */
		CHECK_ZERO(pthread_sigmask(SIG_BLOCK, hold, NULL));
	take_closed_numbers();
	note_ignored();
	set_defaults();
	CHECK_ZERO(pthread_sigmask(SIG_SETMASK, hold ? hold : &none, NULL));
}

bool
inherited_ignored(int signo)
{
	return sigismember(&ignored, signo) == 1;
}

void
inherited_respect(sigset_t *set)
{
	for (size_t i = 0; i < N_OF_THE_TERMINAL; i++)
		if (inherited_ignored(of_the_terminal[i]))
			sigdelset(set, of_the_terminal[i]);
}

void
inherited_defaults(sigset_t *out)
{
	sigfillset(out);
	inherited_respect(out);
}
