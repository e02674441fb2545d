/* SPDX-License-Identifier: MIT */
/*
 * Which copy of a signal counts. The service manager signals every process of the service (KillMode=control-group),
 * kill(1) of the main process only that; so the keeper passes on all it gets, and what has come by both ways is one
 * signal.
 *
 * If the keeper has died, the kernel has sent SIGUSR2, and the service manager sends SIGTERM to all that is left of the
 * service before it starts that again: it is no stop, and must not close what the next process is to take up.
 */
#include "keeper/keeper_priv.h"

#include <unistd.h>

#include "keeper/passed_on.h"

static pid_t our_keeper; /* [const after start] 0: there is none */

void
keeper_know(pid_t keeper)
{
	our_keeper = keeper;
}

bool
keeper_is_gone(void)
{
	return our_keeper != 0 && getppid() != our_keeper;
}

int
keeper_signal_of(int signo, int value)
{
	static struct {
		unsigned direct, passed_on, acted;
	} seen[NSIG]; /* of the one thread that reads signals */
	bool passed_on = signo == KEEPER_PASSES_ON;
	int means = passed_on ? value : signo;
	unsigned most;

	if (means <= 0 || means >= NSIG || (signo == SIGTERM && keeper_is_gone()))
		return 0;
	*(passed_on ? &seen[means].passed_on : &seen[means].direct) += 1;
	most = seen[means].direct > seen[means].passed_on ? seen[means].direct : seen[means].passed_on;
	if (most <= seen[means].acted)
		return 0;
	seen[means].acted = most;
	return means;
}

int
keeper_signal(void)
{
	return KEEPER_PASSES_ON;
}
