/* SPDX-License-Identifier: MIT */
/* One server after the other. */
#include "keeper/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "keeper/keeper_priv.h"
#include "kept/table.h"

#define FIRST_PASSED_FD 3 /* SD_LISTEN_FDS_START */

static void
note_passed(void)
{
	const char *text = keeper_is_named("LISTEN_PID", getpid()) ? getenv("LISTEN_FDS") : NULL;
	int n = text ? atoi(text) : 0;

	for (int i = 0; i < n; i++)
		kept_add(FIRST_PASSED_FD + i, KEPT_PASSED);
}

static void
tell(const struct keeper_setup *setup, int signo, const char *what)
{
	char line[160];

	snprintf(line, sizeof(line), "the server was ended by signal %d (%s); %s", signo, strsignal(signo), what);
	setup->log(line);
}

/* The service manager is to see what happened. */
static int
end_of(int signo)
{
	sigset_t set;

	prctl(PR_SET_DUMPABLE, 0); /* the core dump to look at is the server's */
	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(signo);
	return 128 + signo;
}

/* True: there is to be another server. */
static bool
goes_on(const struct keeper_setup *setup, int signo)
{
	struct kept_death before = kept_last_death();
	uint32_t crashes;

	if (kept_phase() == KEPT_ENDING || (kept_phase() == KEPT_STARTING && before.signal == 0)) {
		tell(setup, signo, kept_phase() == KEPT_ENDING ? "it was about to end" : "it had not served yet");
		return false;
	}
	if (before.farewell) {
		tell(setup, signo, "while it took its leave of all clients");
		return false;
	}
	crashes = kept_died(signo, clock_mono_ms());
	kept_set_phase(KEPT_STARTING);
	if (crashes > setup->crash_limit)
		kept_set_farewell();
	return true;
}

/* Returns in the server, and in the keeper at its end. */
static int
keep(const struct keeper_setup *setup)
{
	for (;;) {
		pid_t server = keeper_bear();
		struct keeper_end end;

		if (server == 0)
			return KEEPER_SERVE;
		if (server == -1) {
			setup->log("no process could be made for the server");
			return EXIT_FAILURE;
		}
		if (kept_end_asked() != 0)
			keeper_pass_on(server, kept_end_asked());
		end = keeper_wait(server, setup->passed_on);
		if (WIFEXITED(end.status))
			return WEXITSTATUS(end.status);
		if (!goes_on(setup, WTERMSIG(end.status)))
			return end_of(WTERMSIG(end.status));
		if (end.dumping) /* it has the descriptors as well: what is closed must be closed for it, too */
			continue;
		keeper_execute_self(setup->argv);
		setup->log("the program could not be executed again: the next server has the same addresses");
	}
}

/* The server sets its own. What it has opened is ours as well, and the numbers below our limit may all be taken. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int
keeper_run(const struct keeper_setup *setup)
{
	sigset_t set = *setup->passed_on;
	int rc;

	sigaddset(&set, SIGCHLD);
	sigaddset(&set, KEEPER_TOLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise_limit();
	if (!keeper_was_reborn()) {
		rc = kept_create();
		if (rc == WSD_OK)
			rc = keeper_note_self();
		if (rc != WSD_OK) {
			setup->log("without a keeper: its table could not be made");
			return KEEPER_SERVE;
		}
		note_passed();
	}
	return keep(setup);
}
