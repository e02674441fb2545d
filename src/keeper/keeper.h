/* SPDX-License-Identifier: MIT */
/*
 * The keeper: the process that the service manager knows, and that does nothing. It starts the server as its child,
 *with memory of its own but one table of descriptors for both (clone(2), CLONE_FILES), and waits. When the server is
 *ended by a signal, no descriptor is closed, as the keeper has them still: the next server finds each under its number,
 * and in kept/ what it has to know of it.
 *
 *	start ──► server runs ── exits ──────────────────────────► the keeper ends with the same status
 *	            ▲    └── killed by a signal, before one was ever ready: the keeper ends of it, too
 *	            │    └── killed by a signal ──► the keeper executes its own program ──┐
 *	            └──────────────────────────────────────────────────────────────────────┘
 *
 * It executes itself so that each server has addresses of its own: who crashes one learns nothing of the next one's.
 * The program is the one that it was started from, whatever has become of the file since.
 *
 * Signals: it passes on those that the server reads, by one of its own, as the service manager sends them to both
 * (keeper_signal_of()). Of the others it has none. It parses nothing that comes from outside.
 */
#ifndef WSD_KEEPER_KEEPER_H
#define WSD_KEEPER_KEEPER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define KEEPER_SERVE (-1)

struct keeper_setup {
	char **argv;
	const sigset_t *passed_on;     /* signals that the server reads, blocked in this thread */
	uint32_t crash_limit;          /* in a minute; the one that goes beyond it is the last */
	void (*log)(const char *line); /* one line for the log, as the keeper has none */
};

/*
 * First thing in main, before there is a second thread or a descriptor of our own. Returns twice: KEEPER_SERVE in the
 * server, which goes on as if there were no keeper, and in the keeper, when all is over, the exit status. In the
 * server, LISTEN_PID and WATCHDOG_PID name it, and it is told with SIGUSR2 if its keeper has died.
 */
int keeper_run(const struct keeper_setup *setup);

/* The server's: the one signal by which the keeper passes others on, to be read with them. */
int keeper_signal(void);

/* What this signal, as signalfd(2) tells of it, asks to be acted upon; 0: it is the second copy of one that was. value:
 * of struct signalfd_siginfo, ssi_int. */
int keeper_signal_of(int signo, int value);

#endif
