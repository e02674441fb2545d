/* SPDX-License-Identifier: MIT */
/* Waiting: for the server's end, and for signals to pass on. */
#include "keeper/keeper_priv.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "keeper/passed_on.h"
#include "kept/table.h"

#define STEPS        8                     /* in WatchdogSec= */
#define STEPS_MOST   12                    /* the server's own watchdog comes first */
#define DUMP_LOOK_NS (1 * CLOCK_NS_PER_MS) /* between two looks at who is dying */
#define DUMP_LOOKS   2000

/* A server that is stopped as a whole. A step counts for one, however long it took: in a pause of the machine or of the
 * service the keeper stands still as well. */
struct watch {
	uint64_t step_ns; /* 0: nobody watches */
	uint32_t beats, still;
};

static struct watch
watch_begin(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t us = text ? strtoull(text, NULL, 10) : 0;

	return (struct watch){ .step_ns = us * 1000 / STEPS, .beats = kept_beats() };
}

static void
watch_step(struct watch *w, pid_t server)
{
	uint32_t beats = kept_beats();

	/* that the first one gets to serve is the service manager's to watch */
	if (beats != w->beats || kept_phase() == KEPT_ENDING ||
	    (kept_phase() == KEPT_STARTING && kept_last_death().signal == 0)) {
		w->beats = beats;
		w->still = 0;
	} else if (++w->still > STEPS_MOST) {
		kept_set_stuck();
		kill(server, SIGKILL);
	}
}

void
keeper_pass_on(pid_t server, int signo)
{
	if (sigqueue(server, KEEPER_PASSES_ON, (union sigval){ .sival_int = signo }) != 0)
		kill(server, signo); /* as many are queued as may be */
}

/* It is left as it is: the journal looks up in /proc whose its last lines were, and if the keeper ends as well, whoever
 * gets its children buries it. */
static bool
has_ended(pid_t server, int *status)
{
	for (;;) {
		siginfo_t info = { .si_pid = 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return false;
		if (info.si_pid == server) {
			*status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
							     : W_EXITCODE(0, info.si_status);
			return true;
		}
		waitpid(info.si_pid, NULL, 0); /* one before it */
	}
}

/* True: it is dumping; false: it has ended, or does not come to it. */
static bool
wait_for_dump(pid_t server, int *status, bool *ended)
{
	const struct timespec pause = { .tv_nsec = DUMP_LOOK_NS };

	for (int i = 0; i < DUMP_LOOKS; i++) {
		*ended = has_ended(server, status);
		if (*ended || keeper_is_dumping(server))
			return !*ended;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* Word of an end that is known meanwhile: the program that is executed next does not block it from its first moment. */
static void
forget_told(void)
{
	const struct timespec at_once = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, KEEPER_TOLD);
	while (sigtimedwait(&set, NULL, &at_once) > 0) {
	}
}

static bool
asks_for_end(int signo)
{
	return signo == SIGTERM || signo == SIGINT || signo == SIGUSR2;
}

struct keeper_end
keeper_wait(pid_t server, const sigset_t *passed_on)
{
	struct watch watch = watch_begin();
	struct timespec step = { (time_t)(watch.step_ns / CLOCK_NS_PER_S), (long)(watch.step_ns % CLOCK_NS_PER_S) };
	struct keeper_end end = { .status = 0 };
	sigset_t set = *passed_on;
	bool ended = false;

	sigaddset(&set, SIGCHLD);
	sigaddset(&set, KEEPER_TOLD);
	while (!ended && !has_ended(server, &end.status)) {
		siginfo_t info = { .si_signo = 0 };
		int signo = watch.step_ns > 0 ? sigtimedwait(&set, &info, &step) : sigwaitinfo(&set, &info);

		if (signo == -1 && errno == EAGAIN) {
			watch_step(&watch, server);
		} else if (signo == KEEPER_TOLD && info.si_pid == server) {
			end.dumping = wait_for_dump(server, &end.status, &ended);
			if (end.dumping)
				end.status = info.si_value.sival_int; /* as wait(2) would tell of that signal */
			ended = ended || end.dumping;
		} else if (signo > 0 && sigismember(passed_on, signo)) {
			if (asks_for_end(signo))
				kept_ask_end(signo);
			keeper_pass_on(server, signo);
		}
	}
	forget_told();
	return end;
}
