/* SPDX-License-Identifier: MIT */
/*
 * Which copy of a signal counts. The service manager signals every process of the service (KillMode=control-group),
 * kill(1) of the main process only that; so the keeper passes on all it gets, and what has come by both ways is one
 * signal.
 */
#include "keeper/keeper.h"
#include "keeper/passed_on.h"

bool
keeper_signal_counts(int signo, int code, int value)
{
	static struct {
		unsigned direct, passed_on, acted;
	} seen[NSIG]; /* of the one thread that reads signals */
	unsigned most;

	if (signo < 0 || signo >= NSIG)
		return false;
	if (code == SI_QUEUE && value == KEEPER_MARK)
		seen[signo].passed_on++;
	else
		seen[signo].direct++;
	most = seen[signo].direct > seen[signo].passed_on ? seen[signo].direct : seen[signo].passed_on;
	if (most <= seen[signo].acted)
		return false;
	seen[signo].acted = most;
	return true;
}
