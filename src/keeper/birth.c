/* SPDX-License-Identifier: MIT */
/* The server's first moments: it is what its parent was, but for a few things that name the process. */
#include "keeper/keeper_priv.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "kept/table.h"

/* More than the keeper's: if there is too little memory, it is the server that goes. */
#define OOM_SCORE_MORE 100

bool
keeper_is_named(const char *variable, pid_t pid)
{
	const char *named = getenv(variable);

	return named && strtol(named, NULL, 10) == pid;
}

/* What was for the keeper is for the server. */
static void
name_pid(const char *variable, pid_t keeper)
{
	char pid[16];

	if (!keeper_is_named(variable, keeper))
		return;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv(variable, pid, 1);
}

static void
raise_oom_score(void)
{
	char text[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t len;

	if (fd == -1)
		return;
	len = read(fd, text, sizeof(text) - 1);
	if (len > 0) {
		int score = atoi(text) + OOM_SCORE_MORE;

		len = snprintf(text, sizeof(text), "%d", score < 1000 ? score : 1000);
		if (pwrite(fd, text, (size_t)len, 0) != len) {
			/* then either may go, and nothing else is worse */
		}
	}
	fd_close(&fd);
}

pid_t
keeper_bear(void)
{
	pid_t keeper = getpid();
	/* as fork(2), but for the table of descriptors; there is one thread, so that the C library has nothing to put
	 * right */
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (pid != 0)
		return pid;
	keeper_know(keeper);
	/* without a keeper nothing is kept: what can be is left to the next process */
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	if (keeper_is_gone())
		raise(SIGUSR2);
	unsetenv("LISTEN_PIDFDID"); /* the keeper's */
	name_pid("LISTEN_PID", keeper);
	name_pid("WATCHDOG_PID", keeper);
	name_pid("SYSTEMD_EXEC_PID", keeper);
	raise_oom_score();
	keeper_tell_of_fatal();
	kept_close_others(); /* of the server before */
	return 0;
}
