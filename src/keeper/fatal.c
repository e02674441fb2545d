/* SPDX-License-Identifier: MIT */
/*
 * Telling the keeper at once of a fatal signal: writing a core dump takes much longer than anybody should wait, and the
 * keeper is told of the end only when that is done.
 */
#include "keeper/keeper_priv.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP };

static void
on_fatal(int signo)
{
	if (!keeper_is_gone()) /* to whoever is the parent then, the signal means something else */
		sigqueue(getppid(), KEEPER_TOLD, (union sigval){ .sival_int = signo });
	raise(signo); /* whose action is the default one by now; what was sent by kill(2) would not come back by itself
		       */
}

void
keeper_tell_of_fatal(void)
{
	struct sigaction action = { .sa_handler = on_fatal, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
}

bool
keeper_is_dumping(pid_t server)
{
	char path[48], line[128];
	bool dumping = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)server);
	status = fopen(path, "re");
	if (!status)
		return false;
	while (!dumping && fgets(line, sizeof(line), status))
		dumping = strcmp(line, "CoreDumping:\t1\n") == 0;
	fclose(status);
	return dumping;
}
